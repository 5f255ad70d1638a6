"""Samples of every class asked for, and how often a classifier trained on real data agrees with the class.

    python -m benchmarks.studies.conditional        # 20 minutes; a second call continues

Each model trains for five minutes and draws 1,000 samples of each class;
docs/images/conditional-MODEL.png has a row per class.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import torch

import gvae as package
from benchmarks.rows import IMAGES, Row, once
from benchmarks.runs import measured
from benchmarks.script import parser
from gvae.data import open_data
from gvae.metrics.features import extract
from gvae.plots.grids import grid, save
from gvae.runs import Run

MODELS = ("cvae", "cgan", "ac-gan", "ac-wgan", "gvae")
OPTIONS = {
    "cvae": "",
    "cgan": "--lr 1e-3",
    "ac-gan": "--conditional --lr 1e-3",
    "ac-wgan": "--conditional --critic-steps 2 --lr 5e-4",
    "gvae": "--conditional",
}
EACH, SHOWN = 1000, 10
"""samples of each class that are judged, and shown"""


def main() -> None:
    """Train and measure whatever has no row yet."""
    options = parser(__doc__)
    options.add_argument("--models", nargs="*", choices=MODELS, default=MODELS)
    options.add_argument("--seeds", type=int, nargs="*", default=[0])
    options.add_argument("--data", default="mnist")
    options.add_argument("--minutes", type=float, default=5)
    options.add_argument("--each", type=int, default=EACH, help="samples of each class")
    options.add_argument("--runs", type=Path, default=Path("runs/conditional"))
    o = options.parse_args()
    for seed in o.seeds:
        for model in o.models:
            name = f"{o.data}-{model}-{o.minutes:g}min-{seed}"
            once("conditional", name, partial(measure, model, seed, o.runs / name, o))


def measure(model: str, seed: int, out: Path, o: argparse.Namespace) -> Row:
    """One training, one evaluation, one verdict of the classifier."""
    options = f"--data {o.data} --minutes {o.minutes:g} --seed {seed} {OPTIONS[model]}"
    found = measured(f"gvae train {model} {options}", out, "fd,prdc", o.note)
    return found | agreement(out, o.each)


def agreement(out: Path, each: int) -> dict[str, Any]:
    """Share of samples whose class the classifier names as asked, of all and by class; real images' own beside it.

    Raises:
        SystemExit: data without a classifier.
    """
    run = Run.open(out)
    loaded, dataset = package.load(run), open_data(run.data)
    classes = len(run.spec.classes)
    y = torch.arange(classes).repeat_interleave(each)
    x = loaded.sample(len(y), y)
    test = dataset.batch(dataset.split("test"))
    (_, drawn), (_, real) = extract(x, run.spec.name), extract(test.x, run.spec.name)
    if drawn is None or real is None or test.y is None:
        raise SystemExit(f"there is no classifier for {run.spec.name}; use mnist or fashion-mnist")
    right = torch.from_numpy(drawn.argmax(1)) == y
    first = torch.cat([torch.arange(c * each, c * each + min(SHOWN, each)) for c in range(classes)])
    IMAGES.mkdir(exist_ok=True)
    save(grid(x[first], columns=min(SHOWN, each)), IMAGES / f"conditional-{run.model}.png")
    return {
        "agreement": round(right.double().mean().item(), 4),
        "by_class": [round(v, 4) for v in right.view(classes, each).double().mean(1).tolist()],
        "real": round((torch.from_numpy(real.argmax(1)) == test.y).double().mean().item(), 4),
        "each": each,
    }


if __name__ == "__main__":
    main()
