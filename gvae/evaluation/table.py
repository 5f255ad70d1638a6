"""A table of the papers with their figures beside ours, from what was measured of each run."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gvae.evaluation.experiments import Column, Experiment
from gvae.evaluation.numbers import Number, read_numbers
from gvae.runs import Run


@dataclass(frozen=True)
class Measured:
    """What a table needs to know of one run."""

    seed: int
    images: int
    """training images seen"""
    numbers: tuple[Number, ...]


Rows = Mapping[str, Sequence[Measured]]
"""label of a recipe -> what was measured of its runs, one per seed"""


def measured(run: Run) -> Measured:
    """Seed, images seen and numbers of a run.

    Raises:
        GvaeError: a damaged metrics.json.
    """
    lines = run.timing.read_text(encoding="utf-8").splitlines()
    return Measured(run.train.seed, json.loads(lines[-1])["images"] if lines else 0, tuple(read_numbers(run)))


def found(rows: Sequence[Measured], column: Column) -> list[Number]:
    """The numbers of one cell."""
    return [n for row in rows for n in row.numbers if n.name == column.number and not n.variant]


def cell(rows: Sequence[Measured], column: Column) -> str:
    """Mean over seeds, with standard deviation; with one seed the 95 % interval over images where it is known."""
    numbers = found(rows, column)
    values = [column.scale * number.value for number in numbers if number.value is not None]
    if not values:
        return f"n/a ({numbers[0].reason})" if numbers and numbers[0].reason else "n/a"
    error = None if numbers[0].error is None else column.scale * numbers[0].error
    spread = statistics.stdev(values) if len(values) > 1 else error
    digits = f".{column.digits}f"
    return f"{statistics.fmean(values):{digits}}" + (f" ± {spread:{digits}}" if spread is not None else "")


def floor(rows: Rows, column: Column) -> str:
    """The same measurement of real against other real images, where it has one."""
    values = [n.floor for runs in rows.values() for n in found(runs, column) if n.floor is not None]
    return f"{column.scale * values[0]:.{column.digits}f}" if values else ""


def markdown(experiment: Experiment, rows: Rows) -> str:
    """The table with the papers' figures beside ours, and notes below."""
    titles = [c.title for c in experiment.columns]
    heads = "".join(f" {t}, ours | {t}, paper |" for t in titles)
    lines = [f"| model |{heads} seeds | images |", "|---" * (2 * len(titles) + 3) + "|"]
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
            seen = f"{statistics.fmean(run.images for run in runs) / 1000:.0f}k"
            lines.append("| " + " | ".join([name, *cells, str(len(runs)), seen]) + " |")
    spread = "± is the standard deviation over seeds, or with one seed the 95 % interval over images."
    text = [f"# {experiment.title}", "", f"{experiment.about}.", "", *lines, "", spread, "", *notes]
    return "\n".join(text).rstrip() + "\n"


def to_csv(experiment: Experiment, rows: Rows) -> str:
    """One line per run and number, at full precision."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["model", "seed", "number", "value", "error", "n", "paper"])
    for label, run, number, paper in _each(experiment, rows):
        write([label, run.seed, number.name, number.value, number.error, number.n, paper])
    return out.getvalue()


def _each(experiment: Experiment, rows: Rows) -> Iterator[tuple[str, Measured, Number, str]]:
    """Every number of every run, with the papers' figure."""
    for recipe in experiment.recipes:
        for run in rows.get(recipe.label, []):
            for number in run.numbers:
                yield recipe.label, run, number, recipe.paper.get(number.name, "")
