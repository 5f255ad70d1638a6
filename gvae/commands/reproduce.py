"""gvae reproduce NAME: one of the papers' tables, trained and measured here, beside what the papers print."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from gvae.commands.parsing import REQUIRED, WORD, parse
from gvae.commands.train import finish
from gvae.errors import GvaeError, choose
from gvae.ranges import Images, Repeats, Seed
from gvae.reproduce.experiments import EXPERIMENTS
from gvae.reproduce.recipe import Budget


@dataclass(frozen=True)
class Reproduce:
    """Train what is missing, measure it, and write the papers' table with "paper" beside "ours".

    A second call continues where the first one stopped.
    """

    name: Annotated[str, WORD] = REQUIRED
    """which table"""
    budget: Literal["small", "full"] = "small"
    """small: two CPU cores; full: a GPU"""
    images: Images | None = None
    """training images of every row, in place of the budget's"""
    seeds: Repeats | None = None
    """how many seeds, in place of the budget's"""
    seed: Seed | None = None
    """one seed, this one, in place of the budget's"""
    only: tuple[str, ...] = ()
    """some rows of the table instead of all, by their names"""
    data: str | None = None
    """another data set than the table's own, such as fashion-mnist for table3"""
    out: Path | None = None
    """folder of runs and tables; reproduce/NAME-BUDGET if not given, -DATA behind it for other data"""
    data_root: Path | None = None
    """folder with data sets; without it the environment variable GVAE_DATA"""


def run(words: list[str]) -> None:
    """Reproduce as the command line says."""
    known = "\n\n".join(f"{name}: {e.about}." for name, e in EXPERIMENTS.items())
    args = parse(Reproduce(), words, "gvae reproduce", about=f"Tables:\n\n{known}")
    experiment = EXPERIMENTS[choose("table", args.name, EXPERIMENTS)]
    budget = changed(experiment.budgets[args.budget], args)
    if args.only:
        rows = {recipe.label: recipe for recipe in experiment.recipes}
        chosen = tuple(rows[choose("row", label, rows)] for label in args.only)
        experiment = dataclasses.replace(experiment, recipes=chosen)
    name = f"{args.name}-{args.budget}"
    if args.data is not None and args.data != experiment.data:
        name += f"-{Path(args.data).name}"
        experiment = experiment.on(args.data)
    out = args.out or Path("reproduce") / name

    def go() -> None:
        from gvae.reproduce.run import reproduce

        print(reproduce(experiment, budget, out, args.data_root).read_text(encoding="utf-8"))

    made = {"Table": "table.md", "Values": "table.csv", "Figure": "figure.png", "Page": "report.html"}
    if experiment.curves:
        made |= {"Curves": "curves.png", "Scores": "curves.csv"}
    steps = "\n".join(f"{what}: {out / file}" for what, file in made.items())
    finish(out, go, steps, again=f"gvae reproduce {' '.join(words)}")


def changed(budget: Budget, args: Reproduce) -> Budget:
    """The budget with the images and seeds that were asked for.

    Raises:
        GvaeError: both kinds of seeds.
    """
    if args.seed is not None and args.seeds is not None:
        raise GvaeError("--seeds says how many and --seed which one; give one of the two")
    changes, seeds = budget.changes, budget.seeds
    if args.images is not None:
        changes = {key: value for key, value in changes.items() if key != "minutes"} | {"images": args.images}
    if args.seeds is not None:
        seeds = tuple(range(args.seeds))
    if args.seed is not None:
        seeds = (args.seed,)
    return dataclasses.replace(budget, changes=changes, seeds=seeds)
