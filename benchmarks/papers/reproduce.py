"""The papers' tables row by row: what `gvae reproduce` trains and measures, kept as rows that outlive the run folders.

    python -m benchmarks.papers.reproduce likelihood       # trains and measures whatever has no row yet
    python -m benchmarks.papers.reproduce table3 --data fashion-mnist --only gan gvae
    python -m benchmarks.tables                            # writes the tables of the documents from the rows

A row of results/NAME-BUDGET.json is one run; another call, on another machine too, continues with the next. Tables whose
budget is in minutes need a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import shlex
from functools import partial
from pathlib import Path

from benchmarks.rows import Row, once
from benchmarks.runs import gvae, row
from benchmarks.script import parser
from gvae.evaluation.numbers import read_numbers
from gvae.reproduce.experiments import EXPERIMENTS
from gvae.reproduce.quality import curve
from gvae.reproduce.run import folder
from gvae.runs import Run


def main() -> None:
    """Train and measure whatever has no row yet."""
    options = parser(__doc__)
    options.add_argument("table", choices=list(EXPERIMENTS))
    options.add_argument("--budget", default="small")
    options.add_argument("--only", nargs="*", help="some rows, by their names")
    options.add_argument("--seeds", type=int, nargs="*", help="in place of the budget's")
    options.add_argument("--data", help="another data set than the table's own")
    options.add_argument("--runs", type=Path, default=Path("runs/reproduce"))
    o = options.parse_args()
    experiment = EXPERIMENTS[o.table]
    name = f"{o.table}-{o.budget}" + (f"-{o.data}" if o.data else "")
    for seed in o.seeds or experiment.budgets[o.budget].seeds:
        for label in o.only or [recipe.label for recipe in experiment.recipes]:
            once(name, folder(label, seed), partial(measure, label, seed, o.runs / name, o))


def measure(label: str, seed: int, out: Path, o: argparse.Namespace) -> Row:
    """One run of `gvae reproduce`, one row."""
    command = f"gvae reproduce {o.table} --budget {o.budget} --only {shlex.quote(label)} --seed {seed}"
    command += f" --data {o.data}" if o.data else ""
    gvae(f"{command} --out {out}")
    run = Run.open(out / folder(label, seed))
    numbers = [number.to_json() for number in read_numbers(run)]
    for number in numbers:
        number["protocol"].pop("versions")  # the row has them
    found = row(run.path, [command], o.note) | {"label": label, "numbers": numbers}
    return found | {"curve": curve(run)} if EXPERIMENTS[o.table].curves else found


if __name__ == "__main__":
    main()
