"""The papers' tables row by row: what `gvae reproduce` trains and measures, kept as rows that outlive the run folders.

    python benchmarks/reproduce.py likelihood          # trains and measures whatever has no row yet
    python benchmarks/reproduce.py table3 --data fashion-mnist --only gan gvae
    python benchmarks/tables.py                        # writes the tables of the docs from the rows

A row of results/NAME-BUDGET.json is one run; another call, on another machine too, goes on with the next. Tables whose
budget is in minutes need a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path

from headline import gvae, row

from gvae.evaluation.experiments import EXPERIMENTS
from gvae.evaluation.numbers import read_numbers
from gvae.evaluation.quality import curve
from gvae.evaluation.reproduce import folder
from gvae.runs import Run

RESULTS = Path(__file__).parent / "results"


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
    file, out = RESULTS / f"{name}.json", given.runs / name
    for seed in given.seeds or experiment.budgets[given.budget].seeds:
        for label in given.only or [recipe.label for recipe in experiment.recipes]:
            rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            key = folder(label, seed)
            if key in rows:
                continue
            command = f"gvae reproduce {given.table} --budget {given.budget} --only {shlex.quote(label)} --seed {seed}"
            command += f" --data {given.data}" if given.data else ""
            gvae(f"{command} --out {out}")
            numbers = [number.to_json() for number in read_numbers(Run.open(out / key))]
            rows = (
                json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            )  # another may have written
            rows[key] = row(out / key, [command]) | {"label": label, "note": given.note, "numbers": numbers}
            if experiment.curves:
                rows[key]["curve"] = curve(Run.open(out / key))
            for number in numbers:
                number["protocol"].pop("versions")  # the row has them
            file.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
