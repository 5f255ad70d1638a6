"""The papers' tables row by row: what `gvae reproduce` trains and measures, kept as rows that outlive the run folders.

    python benchmarks/reproduce.py likelihood          # trains and measures whatever has no row yet
    python benchmarks/reproduce.py table3 --data fashion-mnist --only gan gvae
    python benchmarks/tables.py                        # writes the tables of the docs from the rows

A row of results/NAME-BUDGET.json is one run; another call, on another machine too, goes on with the next. Tables whose
budget is in minutes need a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import shlex
from functools import partial
from pathlib import Path
from typing import Any

from rows import gvae, make, row

from gvae.evaluation.experiments import EXPERIMENTS
from gvae.evaluation.numbers import read_numbers
from gvae.evaluation.quality import curve
from gvae.evaluation.reproduce import folder
from gvae.runs import Run


def main() -> None:
    """Train and measure whatever has no row yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("table", choices=list(EXPERIMENTS))
    parser.add_argument("--budget", default="small")
    parser.add_argument("--only", nargs="*", help="some rows, by their names")
    parser.add_argument("--seeds", type=int, nargs="*", help="in place of the budget's")
    parser.add_argument("--data", help="another data set than the table's own")
    parser.add_argument("--runs", type=Path, default=Path("runs/reproduce"))
    parser.add_argument("--note", default="", help="anything a reader of the rows must know")
    given = parser.parse_args()
    experiment = EXPERIMENTS[given.table]
    other = f"-{given.data}" if given.data else ""
    name = f"{given.table}-{given.budget}{other}"
    for seed in given.seeds or experiment.budgets[given.budget].seeds:
        for label in given.only or [recipe.label for recipe in experiment.recipes]:
            make(name, folder(label, seed), partial(measure, label, seed, given.runs / name, given))


def measure(label: str, seed: int, out: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One run of `gvae reproduce`, one row."""
    command = (
        f"gvae reproduce {given.table} --budget {given.budget} --only {shlex.quote(label)} --seed {seed}"
    )
    command += f" --data {given.data}" if given.data else ""
    gvae(f"{command} --out {out}")
    run = Run.open(out / folder(label, seed))
    numbers = [number.to_json() for number in read_numbers(run)]
    for number in numbers:
        number["protocol"].pop("versions")  # the row has them
    found = row(run.path, [command]) | {"label": label, "note": given.note, "numbers": numbers}
    return found | {"curve": curve(run)} if EXPERIMENTS[given.table].curves else found


if __name__ == "__main__":
    main()
