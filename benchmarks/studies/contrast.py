"""Where contrast is lost: images, decoded codes and samples of a run, and samples made steeper, against validation images.

    python -m benchmarks.studies.contrast runs/reproduce/table3-small/gvae-0     # three minutes

A row of results/contrast.json is one run; all numbers are means of three draws of 5,000. `deviation` is the standard
deviation of all pixels in [-1, 1]; `checkerboard` how far the mean image alternates from pixel to pixel, in gray levels of
255; `samples x g` are the samples multiplied by g and cut to [-1, 1], with nothing else changed; "prior refitted" are
samples of a prior that was fitted to the codes once more after training.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import gvae as package
from benchmarks.rows import Row, about, once
from benchmarks.script import parser, typed
from benchmarks.studies.codes import BLOCK, decoded, encoded
from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.metrics.features import extract
from gvae.metrics.frechet import frechet
from gvae.metrics.mmd import mmd
from gvae.metrics.prdc import prdc
from gvae.models.latent import LatentModel
from gvae.runs import Run

GAINS = (1.02, 1.04, 1.06)
DRAWS, IMAGES = 3, 5000


def main() -> None:
    """Measure the runs that have no row yet."""
    options = parser(__doc__)
    options.add_argument("runs", nargs="+", type=Path)
    o = options.parse_args()
    for path in o.runs:
        run = Run.open(path)
        once("contrast", f"{run.data} {run.path.name}", partial(measure, run, o.note))


def measure(run: Run, note: str) -> Row:
    """Everything that is compared, of one run."""
    dataset, model = open_data(run.data), package.load(run).model
    assert isinstance(model, LatentModel)
    drawn = defaultdict(list)
    for name, x in compared(dataset, model.eval()):
        drawn[name].append(against(dataset, x))
    found = {
        name: {key: statistics.mean(numbers[key] for numbers in draws) for key in draws[0]}
        for name, draws in drawn.items()
    }
    made = about(run.about["command"], typed("studies.contrast", run.path), note=note)
    return made | {"model": run.model, "data": run.data, "rows": found}


@torch.no_grad()
def compared(dataset: Dataset, model: LatentModel) -> Iterator[tuple[str, Tensor]]:
    """Sets of images (N, C, *S), each with its name, `DRAWS` of each name."""
    torch.manual_seed(0)
    order = np.random.default_rng(0).permutation(dataset.split("train"))
    for draw in range(DRAWS):
        x = dataset.batch(order[draw * IMAGES : (draw + 1) * IMAGES]).x
        samples = decoded(model, model.draw_codes(IMAGES))
        yield "training images", x
        yield "their codes, decoded", decoded(model, encoded(model, x))
        yield "samples", samples
        yield from ((f"samples x {gain}", (gain * samples).clamp(-1, 1)) for gain in GAINS)
    LatentModel.fit_prior(model, (dataset.batch(part) for part in np.array_split(order, len(order) // BLOCK)))
    for _ in range(DRAWS):
        yield "samples, prior refitted", decoded(model, model.draw_codes(IMAGES))


def checkerboard(x: Tensor) -> float:
    """Amplitude of what alternates from pixel to pixel in the mean of images (N, C, H, W) in [-1, 1], in gray levels of 255.

    >>> rows, columns = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    >>> [round(checkerboard(x.expand(8, 1, 4, 4)), 3) for x in ((-1.0) ** rows / 127.5, rows.new_ones(1) * 0.5)]
    [1.0, 0.0]
    """
    mean = x.mean((0, 1))
    rows, columns = ((-1.0) ** torch.arange(n) for n in mean.shape)
    patterns = rows[:, None].expand_as(mean), columns.expand_as(mean), rows[:, None] * columns
    return 127.5 * sum((mean * pattern).mean().item() ** 2 for pattern in patterns) ** 0.5


def against(dataset: Dataset, x: Tensor) -> dict[str, float]:
    """Deviation of images, and how near they come to as many of the validation split."""
    val, name = dataset.batch(dataset.split("val")[:IMAGES]).x, dataset.spec.name
    kernel = mmd(val.numpy(), x.numpy())
    real, fake = extract(val, name)[0], extract(x, name)[0]
    balls = prdc(real, fake)
    return {
        "deviation": x.std().item(),
        "fd": frechet(real, fake)["fd"],
        "density": balls["density"],
        "coverage": balls["coverage"],
        "mmd": kernel["mmd"],
        "checkerboard": checkerboard(x),
    }


if __name__ == "__main__":
    main()
