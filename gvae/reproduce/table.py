"""A table of the papers with their figures beside ours, from what was measured of each run."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gvae.evaluation.numbers import WIDE, Number, read_numbers
from gvae.reproduce.recipe import Column, Experiment, Recipe
from gvae.runs import Run


@dataclass(frozen=True)
class Measured:
    """What a table needs to know of one run."""

    seed: int
    images: int
    """training images seen"""
    numbers: tuple[Number, ...]


SPREAD = "± is the standard deviation over seeds, or with one seed the 95 % interval over images."
"""stands under every table"""
Rows = Mapping[str, Sequence[Measured]]
"""label of a recipe -> what was measured of its runs, one per seed"""


def measured(run: Run) -> Measured:
    """Seed, images seen and numbers of a run.

    Raises:
        GvaeError: a damaged metrics.json.
    """
    rows = run.timing_rows()
    return Measured(run.train.seed, rows[-1]["images"] if rows else 0, tuple(read_numbers(run)))


def found(rows: Sequence[Measured], column: Column) -> list[Number]:
    """The numbers of one cell, one of each run at most: of the last weights and the test split, by the most samples."""
    fit = [[n for n in row.numbers if n.name == column.number and plain(n)] for row in rows]
    return [
        max(numbers, key=lambda n: (n.value is not None, n.protocol.get("n_samples", n.n)))
        for numbers in fit
        if numbers
    ]


def plain(number: Number) -> bool:
    """Whether a number is what `gvae reproduce` measures, and not one that somebody has asked for besides."""
    known = number.protocol
    usual = known.get("split", "test") in ("test", WIDE) and not known.get("seed")
    return usual and not number.variant and not {"weights", "given", "precision"} & known.keys()


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
    """Title, what the rows have in common, the table, notes, and the verdict on the papers' claim where there is one."""
    head = [f"# {experiment.title}", "", f"{experiment.about}.", ""]
    text = "\n".join([*head, table(experiment, rows), "", SPREAD, "", *remarks(experiment, rows)]).rstrip() + "\n"
    verdict = experiment.verdict(rows) if experiment.verdict else ""
    return f"{text}\n{verdict}\n" if verdict else text


def table(experiment: Experiment, rows: Rows) -> str:
    """The rows as a Markdown table."""
    return pipes(cells(experiment, rows))


def cells(experiment: Experiment, rows: Rows) -> list[list[str]]:
    """Titles, what real images give, and the rows, with the papers' figures beside ours where they print any."""
    columns, recipes = experiment.columns, experiment.recipes
    printed = [any(column.number in recipe.paper for recipe in recipes) for column in columns]

    def line(name: str, ours: list[str], papers: list[str], seeds: str, images: str) -> list[str]:
        pairs = zip(ours, papers, printed, strict=True)
        return [name, *(t for own, paper, shown in pairs for t in (own, paper)[: 1 + shown]), seeds, images]

    ours = [c.title + ", ours" * shown for c, shown in zip(columns, printed, strict=True)]
    lines = [line("model", ours, [f"{c.title}, paper" for c in columns], "seeds", "images")]
    if any(floors := [floor(rows, column) for column in columns]):
        lines.append(line("real against real", floors, [""] * len(columns), "", ""))
    numbers = {recipe.label: f" [{n}]" for n, recipe in noted(experiment, rows).items()}
    for recipe in recipes:
        if runs := rows.get(recipe.label):
            papers = [recipe.paper.get(column.number, "") for column in columns]
            seen = f"{statistics.fmean(run.images for run in runs) / 1000:.0f}k"
            name = recipe.label + numbers.get(recipe.label, "")
            lines.append(line(name, [cell(runs, c) for c in columns], papers, str(len(runs)), seen))
    return lines


def pipes(lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first line has the titles.

    >>> print(pipes([["a", "b"], ["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    titles, *rest = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([titles, "|---" * len(lines[0]) + "|", *rest])


def remarks(experiment: Experiment, rows: Rows) -> list[str]:
    """What a reader must know about some rows, each under the number that stands beside its name."""
    return [f"{n}. {recipe.label}: {recipe.remarks}." for n, recipe in noted(experiment, rows).items()]


def noted(experiment: Experiment, rows: Rows) -> dict[int, Recipe]:
    """Recipes with a note by the number of the note, of those that have rows."""
    found = [recipe for recipe in experiment.recipes if recipe.remarks and rows.get(recipe.label)]
    return dict(enumerate(found, 1))


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
