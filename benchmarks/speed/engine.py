"""Images per second of gvae's training loop against a loop written by hand, by turns in one process.

    python -m benchmarks.speed.engine                  # three minutes

vae:   against a minimal PyTorch loop of the same networks, batch, losses and memory format.
gvae:  the adversarial stage (generator and critic) against the textbook loop: separate forward passes for each of the two,
       fp32, contiguous tensors, the same losses, penalty, random shifts and fake images.
peak:  what the machine reaches on one large convolution, forward and backward, in the same minute; and the share of it that
       the training step reaches, by counting its convolutions and matrix products.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.rows import Row, about, show
from benchmarks.script import parser, typed
from benchmarks.speed import by_hand
from benchmarks.speed.rounds import START, Step, batches, trainer_round
from benchmarks.timing import compare, seconds
from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.models.base import Model
from gvae.models.gvae import GVAE
from gvae.models.vae import VAE


def main() -> None:
    """Measure, print and keep the row of this processor."""
    options = parser(__doc__, dry=True)
    options.add_argument("--data", default="mnist")
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--times", type=int, default=8, help="steps in each round")
    o = options.parse_args()
    dataset = open_data(o.data)
    vae, gvae = VAE.Config(), GVAE.Config(start=START)
    theirs = {
        "vae": by_hand.channels_last_vae(VAE(dataset.spec, vae).train(), batches(dataset, o.batch)),
        "gvae": by_hand.gvae(GVAE(dataset.spec, gvae).train(), batches(dataset, o.batch)),
    }
    rows = {name: measure(name, c, theirs[name], dataset, o) for name, c in (("vae", vae), ("gvae", gvae))}
    command = typed("speed.engine", data=o.data, batch=o.batch, rounds=o.rounds, times=o.times)
    row = about(command, note=o.note) | {"rows": rows, "convolution_peak_gflops": round(peak() / 1e9)}
    show("engine", row["processor"], row, o.dry)


def measure(name: str, config, theirs: Step, dataset: Dataset, o: argparse.Namespace) -> Row:
    """One model: our loop beside the other."""
    with tempfile.TemporaryDirectory() as folder:
        ours, trainer = trainer_round(name, config, dataset, o.batch, Path(folder))
        a, b, ratio = compare(ours, theirs, o.rounds, o.times)
        work = flops(trainer.model, batches(dataset, o.batch)())
    return {
        "trainer_images_per_second": round(o.batch / a, 1),
        "by_hand_images_per_second": round(o.batch / b, 1),
        **ratio,
        "flops_per_image": round(work / o.batch),
        "fraction_of_convolution_peak": round(work / a / peak(), 3),
        "precision": trainer.why,
    }


def peak() -> float:
    """FLOP/s of a 128-channel 3x3 convolution, forward and backward, channels-last fp32."""
    layer = torch.nn.Conv2d(128, 128, 3, padding=1).to(memory_format=torch.channels_last)  # pyright: ignore
    x = torch.randn(128, 128, 14, 14).contiguous(memory_format=torch.channels_last).requires_grad_()
    work = 3 * 2 * 128 * 14 * 14 * 128 * 128 * 9
    step = lambda: layer(x).sum().backward()  # noqa: E731
    seconds(step, 2)
    return work / min(seconds(step, 5) for _ in range(5))


def flops(model: Model, x: Tensor) -> float:
    """Multiply-adds x 2 of one round on a batch, counted by torch."""
    from gvae.training import gradients
    from gvae.types import Batch

    with FlopCounterMode(display=False) as counter:
        gradients.gradients(model.turns()[-1].losses(Batch(x)), model.players())
    return float(counter.get_total_flops())


if __name__ == "__main__":
    main()
