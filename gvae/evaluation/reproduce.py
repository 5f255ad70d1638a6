"""Fill one of the papers' tables: train what is missing, measure what is missing, write "paper" beside "ours".

Everything is kept in run folders below `out`, so a second call continues where the first one stopped.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from gvae.config import TrainConfig, from_json
from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.evaluation.evaluate import evaluate
from gvae.evaluation.experiments import Budget, Column, Experiment, Recipe
from gvae.evaluation.numbers import read_numbers
from gvae.models import resolve
from gvae.runs import Run, write_text
from gvae.training import resume, train

Rows = dict[str, list[Run]]
"""label of a recipe -> its runs, one per seed"""


def reproduce(
    experiment: Experiment,
    budget: Budget,
    out: Path,
    root: Path | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Train, measure, and write table.md, table.csv, figure.png and report.html into `out`.

    Args:
        experiment: rows and columns.
        budget: training images, seeds, and how much is measured.
        out: folder of the runs and tables.
        root: where named data sets are looked for; None: GVAE_DATA.
        say: told what is going on.

    Returns:
        the path of table.md.

    Raises:
        GvaeError: missing data, or a run that cannot be trained or measured.
    """
    from gvae.report.page import write_report

    dataset, rows = open_data(experiment.data, root), {}
    for seed in budget.seeds:
        for recipe in experiment.recipes:
            place = out / folder(recipe.label, seed)
            say(f"{recipe.label}, seed {seed}: {place}")
            run = trained(recipe, budget, seed, dataset, experiment.data, place)
            if missing := unmeasured(run, experiment.metrics):
                evaluate(run, missing, samples=budget.samples, root=root, weighed=budget.bound_images)
            rows.setdefault(recipe.label, []).append(run)
            write_text(out / "table.md", markdown(experiment, rows))  # what there is so far
            write_text(out / "table.csv", to_csv(experiment, rows))
    draw(dataset, rows, out / "figure.png")
    write_report([runs[0] for runs in rows.values()], out / "report.html")
    return out / "table.md"


def draw(dataset: Dataset, rows: Rows, path: Path) -> None:
    """Real images, then the samples of every row's first run, each under its name."""
    from gvae.report.figures import grid, save
    from gvae.report.panels import panels

    real = grid(dataset.batch(dataset.split("test")[:64]).x)
    samples = {label: Image.open(runs[0].final) for label, runs in rows.items()}
    save(panels({"real images": real, **samples}), path)


def folder(label: str, seed: int) -> str:
    """Name of a run folder.

    >>> folder("vae + RealNVP prior, joint", 2)
    'vae-realnvp-prior-joint-2'
    """
    words = "".join(c if c.isalnum() else " " for c in label.lower()).split()
    return "-".join([*words, str(seed)])


def trained(recipe: Recipe, budget: Budget, seed: int, dataset: Dataset, data: str, place: Path) -> Run:
    """The run of one recipe and seed: trained now, continued, or there already."""
    if not (place / "run.json").exists():
        config, settings = options(recipe.model, {**recipe.changes, **budget.changes, "seed": seed})
        return train(recipe.model, config, settings, dataset, data, place)
    run = Run.open(place)
    return run if run.final.exists() else resume(run, dataset)


def options(model: str, changes: dict) -> tuple[object, TrainConfig]:
    """The model's and the training's options, by their names on the command line (`net.family`)."""
    training = {name: value for name, value in changes.items() if name in TrainConfig.__annotations__}
    tree: dict = {}
    for name, value in changes.items():
        if name not in training:
            *groups, last = name.split(".")
            place = tree
            for group in groups:
                place = place.setdefault(group, {})
            place[last] = value
    return from_json(resolve(model).Config, tree), from_json(TrainConfig, training)


def unmeasured(run: Run, metrics: Sequence[str]) -> tuple[str, ...]:
    """Metrics that metrics.json does not hold yet."""
    held = {number.protocol.get("metric") for number in read_numbers(run)}
    return tuple(name for name in metrics if name not in held)


def cell(runs: Sequence[Run], column: Column) -> str:
    """Mean over seeds, with standard deviation; with one seed the 95 % interval over images where it is known."""
    found = [n for run in runs for n in read_numbers(run) if n.name == column.number and not n.variant]
    values = [column.scale * number.value for number in found if number.value is not None]
    if not values:
        return f"n/a ({found[0].reason})" if found and found[0].reason else "n/a"
    error = None if found[0].error is None else column.scale * found[0].error
    spread = statistics.stdev(values) if len(values) > 1 else error
    digits = f".{column.digits}f"
    return f"{statistics.fmean(values):{digits}}" + (f" ± {spread:{digits}}" if spread is not None else "")


def floor(rows: Rows, column: Column) -> str:
    """The same measurement of real against other real images, where it has one."""
    found = [
        n for runs in rows.values() for run in runs for n in read_numbers(run) if n.name == column.number
    ]
    values = [column.scale * n.floor for n in found if n.floor is not None and not n.variant]
    return f"{values[0]:.{column.digits}f}" if values else ""


def markdown(experiment: Experiment, rows: Rows) -> str:
    """The table with the papers' figures beside ours, and notes below."""
    titles = [c.title for c in experiment.columns]
    lines = [
        f"# {experiment.title}",
        "",
        f"{experiment.about}.",
        "",
        "| model | " + " | ".join(f"{t}, ours | {t}, paper" for t in titles) + " | seeds | images |",
        "|---" * (2 * len(titles) + 3) + "|",
    ]
    floors = [floor(rows, c) for c in experiment.columns]
    if any(floors):
        lines.append("| real against real | " + " | ".join(f"{text} | " for text in floors) + " | | |")
    notes = []
    for recipe in experiment.recipes:
        if runs := rows.get(recipe.label):
            if recipe.note:
                notes.append(f"{len(notes) + 1}. {recipe.label}: {recipe.note}.")
            name = recipe.label + (f" [{len(notes)}]" if recipe.note else "")
            cells = [v for c in experiment.columns for v in (cell(runs, c), recipe.paper.get(c.number, ""))]
            lines.append("| " + " | ".join([name, *cells, str(len(runs)), seen(runs)]) + " |")
    spread = "± is the standard deviation over seeds, or with one seed the 95 % interval over images."
    return "\n".join([*lines, "", spread, "", *notes]) + "\n"


def seen(runs: Sequence[Run]) -> str:
    """Training images of the runs of one row, their mean in thousands."""
    last = [run.timing.read_text(encoding="utf-8").splitlines()[-1:] for run in runs]
    counts = [json.loads(line)["images"] for lines in last for line in lines]
    return f"{statistics.fmean(counts) / 1000:.0f}k" if counts else ""


def to_csv(experiment: Experiment, rows: Rows) -> str:
    """One line per run and number, at full precision."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["model", "seed", "number", "value", "error", "n", "paper"])
    for recipe in experiment.recipes:
        for run in rows.get(recipe.label, []):
            for number in read_numbers(run):
                paper = recipe.paper.get(number.name, "")
                write(
                    [recipe.label, run.train.seed, number.name, number.value, number.error, number.n, paper]
                )
    return out.getvalue()
