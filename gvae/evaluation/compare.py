"""Several evaluated runs as one table: configurations in rows, numbers of one protocol each in columns.

Runs that differ in nothing but the seed share a row, mean +- sample standard deviation over the seeds:
    mean = sum(v_i) / S,    sd = sqrt(sum((v_i - mean)^2) / (S - 1)).
A row is marked as the best of a column only if no other may be (see `gvae.metrics.significance`).
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gvae.config import to_json
from gvae.errors import GvaeError
from gvae.evaluation.numbers import Number, command, read_numbers
from gvae.fields import flat
from gvae.metrics import significance
from gvae.runs import Run

ALLOWED = ("prior", "versions")
"""what numbers in one column may differ in: the prior is part of the model, versions are recorded only"""

NORMAL = ("normal", "N(0, I)")
"""what a protocol calls the prior of a run that learned none"""


@dataclass(frozen=True)
class Column:
    """One metric under one protocol."""

    title: str
    better: str
    unit: str
    floor: float | None
    protocol: dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """The values of one configuration, one per seed.

    >>> cell = Cell((1.0, 2.0, 3.0))
    >>> cell.mean, cell.sd
    (2.0, 1.0)
    """

    values: tuple[float, ...]
    note: str = ""
    """why there is no value, or how many seeds have none"""
    best: bool = False
    """whether it is better than all others, by more than chance"""
    tied: bool = False
    """whether it shares the first place: no significant difference from the best mean, while others differ from it"""
    errors: tuple[float | None, ...] = ()
    """half the 95 % intervals of the values over images, where they are known"""

    @property
    def mean(self) -> float | None:
        """Mean over seeds."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def sd(self) -> float | None:
        """Sample standard deviation over seeds; None below two."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Row:
    """One configuration, trained with one or more seeds; its cells are in the order of the columns."""

    label: str
    runs: tuple[Run, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Comparison:
    """The table: a floor per column, a cell per row and column."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """metrics that no run has a value of, and why"""


def compare(runs: Sequence[Run]) -> Comparison:
    """Put evaluated runs side by side; nothing is measured here.

    Args:
        runs: run folders with a metrics.json each.

    Raises:
        GvaeError: no runs, one run twice, a run that was not evaluated, or unlike protocols in one column.
    """
    numbers = {run.path: _numbers(run) for run in runs}
    if len(numbers) != len(runs) or not runs:
        raise GvaeError("give at least one run folder, each once, as in `gvae compare runs/a runs/b`")
    groups, columns, marked, notes = group(runs), [], [], []
    for first in _kinds(numbers):
        found = {path: _find(held, first) for path, held in numbers.items()}
        if first.value is None:
            notes.append(f"{first.column}: n/a ({first.reason})")
            continue
        columns.append(_column(first, found))
        marked.append(_mark(columns[-1], [_cell([found[run.path] for run in g]) for g in groups]))
    cells = list(zip(*marked, strict=True)) or [()] * len(groups)
    rows = [
        Row(name, tuple(g), tuple(row)) for name, g, row in zip(labels(groups), groups, cells, strict=True)
    ]
    return Comparison(tuple(columns), tuple(rows), tuple(notes))


def group(runs: Sequence[Run]) -> list[list[Run]]:
    """Collect runs of the same model, options and data that differ in the seed only, in the order given."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        options = json.dumps(_options(run), sort_keys=True)
        repeat = 0  # the same seed twice is a repetition, not another seed: it gets its own row
        while run.train.seed in [r.train.seed for r in groups.get(f"{options}#{repeat}", [])]:
            repeat += 1
        groups.setdefault(f"{options}#{repeat}", []).append(run)
    return list(groups.values())


def labels(groups: Sequence[Sequence[Run]]) -> list[str]:
    """Name each group by its model and by the options in which it differs from the others of that model."""
    names = []
    for g in groups:
        mine = flat(_options(g[0]))
        others = [flat(_options(o[0])) for o in groups if o is not g and o[0].model == g[0].model]
        told = [f"{k.split('.')[-1]} {v}" for k, v in mine.items() if any(o.get(k) != v for o in others)]
        seeds = [f"{len(g)} seeds"] if len(g) > 1 else []
        names.append(", ".join([g[0].model, *told, *seeds]))
    return [
        f"{n} ({g[0].path.name})" if names.count(n) > 1 else n for n, g in zip(names, groups, strict=True)
    ]


def _options(run: Run) -> dict[str, Any]:
    """Everything that makes two runs the same experiment, which leaves out the seed."""
    train = {key: value for key, value in to_json(run.train).items() if key != "seed"}
    return {"model": run.model, "data": run.data, "config": run.model_config, "train": train}


def _numbers(run: Run) -> dict[str, Number]:
    """A run's numbers by column."""
    numbers = read_numbers(run)
    if not numbers:
        raise GvaeError(f"{run.path} was not evaluated yet; type `{command(run)}` first")
    return {number.column: number for number in numbers}


def _kinds(numbers: dict[Path, dict[str, Number]]) -> list[Number]:
    """One number per column of the table, one with a value where there is any.

    A name without a value (a GAN's bound) needs no column of its own beside one that has values.
    """
    kinds: dict[str, Number] = {}
    for title, number in (item for held in numbers.values() for item in held.items()):
        if title not in kinds or (kinds[title].value is None and number.value is not None):
            kinds[title] = number
    filled = {number.name for number in kinds.values() if number.value is not None}
    return [number for number in kinds.values() if number.value is not None or number.name not in filled]


def _find(held: dict[str, Number], kind: Number) -> Number:
    """A run's number for the column that `kind` belongs to; a reason in place of a value if it has none."""
    if kind.column in held:
        return held[kind.column]
    alike = [number for number in held.values() if number.name == kind.name]
    for number in alike:
        plain = not number.variant and number.protocol.get("prior") in NORMAL
        if kind.variant == "normal" and plain and replace(number, variant="normal").column == kind.column:
            return number
    missing = [number for number in alike if number.value is None]
    reason = "under another likelihood, prior or split" if alike else "not measured"
    return missing[0] if missing else Number(kind.name, None, reason=reason)


def _column(first: Number, found: dict[Path, Number]) -> Column:
    """Heading, floor and protocol of a column, after checking that all its numbers share the protocol."""
    measured = [(path, number) for path, number in found.items() if number.value is not None]
    for path, number in measured[1:]:
        _check_alike(first.column, *measured[0], path, number)
    return Column(first.column, first.better, first.unit, first.floor, {"n": first.n} | first.protocol)


def _check_alike(title: str, path_a: Path, a: Number, path_b: Path, b: Number) -> None:
    """Refuse two numbers that were measured in different ways."""
    left, right = flat({"n": a.n} | a.protocol), flat({"n": b.n} | b.protocol)
    keys = [
        key for key in left | right if key.split(".")[0] not in ALLOWED and left.get(key) != right.get(key)
    ]
    if keys:
        told = "; ".join(f"{key} is {left.get(key)!r} and {right.get(key)!r}" for key in keys)
        raise GvaeError(
            f"{path_a} and {path_b} measured '{title}' under unlike protocols: {told}. "
            f"Evaluate both alike, as in `gvae evaluate {path_b}`, then compare again"
        )


def _cell(numbers: list[Number]) -> Cell:
    """The values of one configuration, one number per seed."""
    values = tuple(number.value for number in numbers if number.value is not None)
    reasons = [number.reason for number in numbers if number.value is None]
    if not values:
        return Cell((), f"n/a ({reasons[0]})")
    note = f"{len(reasons)} of {len(numbers)} seeds: n/a ({reasons[0]})" if reasons else ""
    return Cell(values, note, errors=tuple(number.error for number in numbers if number.value is not None))


def _mark(column: Column, cells: list[Cell]) -> list[Cell]:
    """A column's cells with the best marked, or those that share the first place, where any differ by more than chance."""
    costs = [[_cost(column, value) for value in cell.values] for cell in cells]
    rows = [
        significance.Row([cost for cost in each if cost is not None], cell.errors)
        for each, cell in zip(costs, cells, strict=True)
    ]
    first = significance.leaders(rows)
    if len(first) == sum(bool(row.values) for row in rows):
        return cells
    return [
        replace(cell, best=first == [place], tied=len(first) > 1 and place in first)
        for place, cell in enumerate(cells)
    ]


def _cost(column: Column, value: float) -> float | None:
    """What the best has least of; None without a direction."""
    if column.better == "" or (column.better == "target" and column.floor is None):
        return None
    return {"lower": value, "higher": -value, "target": abs(value - (column.floor or 0.0))}[column.better]
