"""Where contrast is lost: images, decoded codes and samples of a run, and samples made steeper, against validation images.

    python benchmarks/contrast.py runs/reproduce/table3-small/gvae-0     # a minute
    python benchmarks/tables.py                                         # writes the table of docs/models/gvae.md

A row of results/contrast.json is one run. `deviation` is the standard deviation of all pixels in [-1, 1]; `samples x g` are
the samples multiplied by g and cut to [-1, 1], with nothing else changed; "prior fitted anew" are samples of a prior that
was fitted to the codes when training was over.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rows import machine, make
from torch import Tensor

import gvae as package
from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.metrics.features import extract
from gvae.metrics.frechet import frechet
from gvae.metrics.mmd import mmd
from gvae.metrics.prdc import prdc
from gvae.models.latent import LatentModel
from gvae.runs import Run

GAINS = (1.02, 1.04, 1.06)
IMAGES, BLOCK = 5000, 500


def main() -> None:
    """Measure the runs that have no row yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--note", default="", help="anything a reader of the rows must know")
    given = parser.parse_args()
    for path in given.runs:
        run = Run.open(path)
        make("contrast", f"{run.data} {run.model} {run.train.seed}", partial(measure, run, given.note))


def measure(run: Run, note: str) -> dict[str, Any]:
    """Everything that is compared, of one run."""
    dataset, model = open_data(run.data), package.load(run).model
    assert isinstance(model, LatentModel)
    torch.manual_seed(0)
    found = {name: against(dataset, x) for name, x in compared(dataset, model.eval()).items()}
    said = [run.about["command"], f"python benchmarks/contrast.py {run.path}"]
    return {"commands": said, "model": run.model, "data": run.data, "note": note, "rows": found} | machine()


@torch.no_grad()
def compared(dataset: Dataset, model: LatentModel) -> dict[str, Tensor]:
    """Sets of images (N, C, *S), by name."""
    x = dataset.batch(dataset.split("train")[:IMAGES]).x
    z = torch.cat([model.encode(part).sample() for part in x.split(BLOCK)])
    decoded, samples = (
        torch.cat([model.decode(part).mean for part in codes.split(BLOCK)])
        for codes in (z, model.draw_codes(IMAGES))
    )
    found = {"training images": x, "their codes, decoded": decoded, "samples": samples}
    found |= {f"samples x {gain}": (gain * samples).clamp(-1, 1) for gain in GAINS}
    order = np.random.default_rng(0).permutation(dataset.split("train"))
    LatentModel.fit_prior(model, (dataset.batch(part) for part in np.array_split(order, len(order) // BLOCK)))
    anew = torch.cat([model.decode(part).mean for part in model.draw_codes(IMAGES).split(BLOCK)])
    return found | {"samples, prior fitted anew": anew}


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
        "mmd error": kernel["error"],
    }


if __name__ == "__main__":
    main()
