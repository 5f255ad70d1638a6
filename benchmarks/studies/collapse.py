"""How many of ten trainings collapse: gan, wgan-gp and gvae with different seeds, two minutes each.

    python -m benchmarks.studies.collapse           # an hour; a second call continues

A training counts as collapsed if any of these holds of its samples:

    low contrast     contrast below 15 % of the data's             (the doctor's own criterion, on 64 samples)
    mode collapse    diversity below 10 % of the data's            (likewise)
    lost class       a class has less than 1 % of 10,000 samples   (the project's digit classifier)
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import gvae as package
from benchmarks.rows import Row, once
from benchmarks.runs import measured
from benchmarks.script import parser
from gvae.data import open_data
from gvae.runs import Run
from gvae.training.monitors.doctor import Doctor, diagnose

MODELS = {"gan": "", "wgan-gp": "--critic-steps 2", "gvae": ""}
METRICS = "fd,prdc,class-histogram"
SMALLEST = 0.01
"""share of the samples below which a class is lost"""


def main() -> None:
    """Train and measure whatever has no row yet."""
    options = parser(__doc__)
    options.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS))
    options.add_argument("--seeds", type=int, nargs="*", default=list(range(10)))
    options.add_argument("--data", default="mnist")
    options.add_argument("--minutes", type=float, default=2)
    options.add_argument("--runs", type=Path, default=Path("runs/collapse"))
    o = options.parse_args()
    for seed in o.seeds:
        for model in o.models:
            name = f"{o.data}-{model}-{o.minutes:g}min-{seed}"
            once("collapse", name, partial(measure, model, seed, o.runs / name, o))


def measure(model: str, seed: int, out: Path, o: argparse.Namespace) -> Row:
    """One training, one evaluation, one verdict."""
    options = f"--data {o.data} --minutes {o.minutes:g} --seed {seed} {MODELS[model]}"
    found = measured(f"gvae train {model} {options}", out, METRICS, o.note)
    vitals, names = look(out)
    lost = found["numbers"]["smallest class"]["value"] < SMALLEST
    return {**found, "vitals": vitals, "collapsed": names + ["lost class"] * lost}


def look(out: Path) -> tuple[dict[str, float], list[str]]:
    """Contrast and diversity of the finished run's samples, relative to the data's, and what the doctor calls them."""
    run = Run.open(out)
    dataset, model = open_data(run.data), package.load(run).model
    vitals = Doctor(dataset.batch(dataset.split("val")[:500]).x).look(model)
    names = [finding.name for finding in diagnose(vitals, model.config)]
    return {name: round(value, 4) for name, value in vitals.items()}, names


if __name__ == "__main__":
    main()
