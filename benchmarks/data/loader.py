"""Images per second that the reader delivers, as a multiple of what the fastest model takes in training at that size.

    python -m benchmarks.data.loader                   # some 5 minutes

reader:  `Stream.next` on a prepared set: random rows of a memory-mapped file, to a float batch on the device, ready.
cold:    the same after the system was asked to forget the file, so that every row comes from the disk: what a set larger
         than memory pays. (On a disk whose own cache keeps the file this is too kind; the row says how large the file is.)
model:   rounds of the training loop, its own reading included, of the fastest among `MODELS` with narrow networks, found by
         measuring each once.

Rounds of reader and model alternate in one process, and the median of the ratios is reported, because a shared machine
drifts. The images are noise: the reader does not know, and a round's time does not depend on it.
"""

from __future__ import annotations

import mmap
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.rows import Row, about, show
from benchmarks.script import parser, typed
from benchmarks.speed.rounds import trainer_round
from benchmarks.timing import alternate, ratio
from gvae.commands.options import config_class
from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.data.prepared.store import write_prepared
from gvae.training.trainer import Trainer
from gvae.types import DataSpec

MODELS = ("gan", "autoencoder", "vae", "wgan")
"""candidates for the fastest; pca is not trained"""


@dataclass(frozen=True)
class Case:
    """One size of images."""

    count: int
    """images of the set"""
    channels: int
    batch: int
    width: int
    """channels of the networks' first stage"""
    aim: float
    """times as fast as the model"""


CASES = {28: Case(20_000, 1, 64, 16, 10), 128: Case(4_000, 3, 16, 16, 10), 1024: Case(100, 3, 2, 4, 3)}
"""by side in pixels"""


def prepared(folder: Path, size: int, case: Case) -> Dataset:
    """A prepared set of noise, mapped from the disk."""
    images = np.random.default_rng(0).integers(0, 256, (case.count, size, size, case.channels), dtype=np.uint8)
    spec = DataSpec(f"noise-{size}", case.channels, (size, size))
    write_prepared(Dataset(spec, images, splits={"train": np.arange(case.count)}), folder)
    return open_data(str(folder))


def trainers(dataset: Dataset, case: Case, folder: Path) -> dict[str, Trainer]:
    """A training of every candidate."""
    found = {}
    for name in MODELS:
        config = config_class(name)()
        config = replace(config, net=replace(config.net, width=case.width))
        found[name] = trainer_round(name, config, dataset, case.batch, folder)[1]
    return found


def trained(trainer: Trainer, least: float) -> float:
    """Images per second of the trainer's rounds, over at least so many seconds."""
    start, before = time.perf_counter(), trainer.seen
    while time.perf_counter() - start < least:
        trainer.round()
    return (trainer.seen - before) / (time.perf_counter() - start)


def delivered(trainer: Trainer, least: float, before: Callable[[], None] | None = None) -> float:
    """Images per second of the trainer's stream; `before` is called, untimed, before each batch."""
    spent, images = 0.0, 0
    while spent < least:
        if before:
            before()
        start = time.perf_counter()
        batch = trainer.batches.next()
        if batch.x.is_cuda:
            torch.cuda.synchronize()
        spent, images = spent + time.perf_counter() - start, images + len(batch.x)
    return images / spent


def forget(dataset: Dataset, file: Path) -> None:
    """Drop the file's pages from this process, then from the system."""
    mapping = getattr(dataset.images, "_mmap")  # noqa: B009
    mapping.madvise(mmap.MADV_DONTNEED)
    with file.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(size: int, case: Case, rounds: int, least: float, folder: Path) -> Row:
    """The row of one size."""
    dataset = prepared(folder / str(size), size, case)
    candidates = trainers(dataset, case, folder / f"runs-{size}")
    for trainer in candidates.values():
        trainer.round()  # the first round allocates
    speeds = {name: trained(trainer, least) for name, trainer in candidates.items()}
    fastest = max(speeds, key=lambda name: speeds[name])
    trainer = candidates[fastest]
    reader, model = alternate(rounds, lambda: delivered(trainer, least), lambda: trained(trainer, least))
    row = {
        "images": case.count,
        "mebibytes": round(dataset.images.nbytes / 2**20, 1),
        "batch": case.batch,
        "fastest_model": f"{fastest}, networks of width {case.width}",
        "candidates_images_per_second": {name: round(speed, 1) for name, speed in speeds.items()},
        "model_images_per_second": round(statistics.median(model), 1),
        "reader_images_per_second": round(statistics.median(reader), 1),
        **ratio(reader, model),
        "aim": case.aim,
    }
    if hasattr(os, "posix_fadvise"):
        file = folder / str(size) / "images.npy"
        cold = delivered(trainer, least, lambda: forget(dataset, file))
        row["cold_reader_images_per_second"] = round(cold, 1)
    return row


def main() -> None:
    """Measure, print and keep the row of this processor."""
    options = parser(__doc__, dry=True)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--seconds", type=float, default=2, help="least duration of a round")
    options.add_argument("--sizes", type=int, nargs="*", choices=list(CASES), default=list(CASES))
    o = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = {f"{size} pixels": measure(size, CASES[size], o.rounds, o.seconds, Path(name)) for size in o.sizes}
    command = typed("data.loader", rounds=o.rounds, seconds=o.seconds, sizes=o.sizes)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    row = about(command, note=o.note) | {"device": device, "rows": rows}
    show("loader", row["processor"], row, o.dry)


if __name__ == "__main__":
    main()
