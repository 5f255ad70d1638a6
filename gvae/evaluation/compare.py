"""Several evaluated runs as one table: configurations in rows, numbers of one protocol each in columns.

Runs that differ in nothing but the seed share a row, mean +- sample standard deviation over the seeds:
    mean = sum(v_i) / S,    sd = sqrt(sum((v_i - mean)^2) / (S - 1)).
A row is marked as the best of a column only if no other may be (see `gvae.metrics.significance`).
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gvae.config import to_json
from gvae.errors import GvaeError
from gvae.evaluation.alike import find, kinds, left_out, titles
from gvae.evaluation.numbers import Number, command, read_all, read_numbers
from gvae.evaluation.remarks import blind, remarks
from gvae.evaluation.rows import metric_of, wanted
from gvae.fields import flat
from gvae.metrics import significance
from gvae.runs import Run


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
    """what is left out, why, and what to type: numbers of another protocol, of earlier weights, that no run has"""


def compare(runs: Sequence[Run], metrics: Sequence[str] | None = None) -> Comparison:
    """Put evaluated runs side by side; nothing is measured here.

    Numbers of one protocol share a column. Those on other data have a column of their own; those that were measured in
    another way are left out, and a note says what to type.

    Args:
        runs: run folders with a metrics.json each.
        metrics: metrics or rows to show; None: all.

    Raises:
        GvaeError: no runs, one run twice, a run that was not evaluated, or no such metric.
    """
    for name in metrics or ():
        metric_of(name)
    numbers = {run.path: _numbers(run, metrics) for run in runs}
    if len(numbers) != len(runs) or not runs:
        raise GvaeError("give at least one run folder, each once, as in `gvae compare runs/a runs/b`")
    groups, columns, marked, every = group(runs), [], [], kinds(numbers)
    valued = sorted((kind for kind in every if kind.value is not None), key=blind)
    everything = [number for held in numbers.values() for number in held if number.value is not None]
    notes = [*left_out(runs, numbers, valued), *earlier(runs), *_nowhere(every), *remarks(everything)]
    for first, title in zip(valued, titles(valued), strict=True):
        found = {path: find(held, first) for path, held in numbers.items()}
        columns.append(Column(title, first.better, first.unit, first.floor, {"n": first.n} | first.protocol))
        marked.append(_mark(columns[-1], [_cell([found[run.path] for run in g]) for g in groups]))
    cells = list(zip(*marked, strict=True)) or [()] * len(groups)
    rows = [Row(name, tuple(g), tuple(row)) for name, g, row in zip(labels(groups), groups, cells, strict=True)]
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
    return [f"{n} ({g[0].path.name})" if names.count(n) > 1 else n for n, g in zip(names, groups, strict=True)]


def _options(run: Run) -> dict[str, Any]:
    """Everything that makes two runs the same experiment, which leaves out the seed."""
    train = {key: value for key, value in to_json(run.train).items() if key != "seed"}
    about, spec = run.about.get("data", {}), run.spec
    known = {"data": run.data, "shape": spec.shape, "values": (spec.low, spec.high)}
    checksum = json.dumps(about.get("checksum"), sort_keys=True)
    known |= {"files": hashlib.sha256(checksum.encode()).hexdigest()[:6]}
    known |= {"images": sum(run.about.get("splits", {}).values())}
    return {"model": run.model, "data": known, "config": run.model_config, "train": train}


def _numbers(run: Run, metrics: Sequence[str] | None) -> list[Number]:
    """A run's numbers, those asked for."""
    numbers = read_numbers(run)
    if not numbers and read_all(run):
        raise GvaeError(
            f"{run.path} has other weights than when it was evaluated; type `{command(run)}` to measure these"
        )
    if not numbers:
        raise GvaeError(f"{run.path} was not evaluated yet; type `{command(run)}` first")
    shown = [number for number in numbers if wanted(number, metrics)]
    if not shown:
        again = ",".join(dict.fromkeys(map(metric_of, metrics or ())))
        raise GvaeError(
            f"{run.path} has no {', '.join(metrics or ())}; type `{command(run, '--metrics', again)}` first"
        )
    return shown


def earlier(runs: Sequence[Run]) -> list[str]:
    """Notes on numbers of weights that a run no longer has."""
    counts = {run.path: len(read_all(run)) - len(read_numbers(run)) for run in runs}
    return [
        f"{counts[run.path]} numbers of earlier weights of {run.path} are left out; measure again: `{command(run)}`"
        for run in runs
        if counts[run.path]
    ]


def _nowhere(every: Sequence[Number]) -> list[str]:
    """Notes on what no run has a value of, one for each reason."""
    reasons: dict[str, list[str]] = {}
    for kind in every:
        if kind.value is None:
            reasons.setdefault(kind.reason, []).append(kind.column)
    return [f"{', '.join(names)}: n/a ({reason})" for reason, names in reasons.items()]


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
        replace(cell, best=first == [place], tied=len(first) > 1 and place in first) for place, cell in enumerate(cells)
    ]


def _cost(column: Column, value: float) -> float | None:
    """What the best has least of; None without a direction."""
    if column.better == "" or (column.better == "target" and column.floor is None):
        return None
    return {"lower": value, "higher": -value, "target": abs(value - (column.floor or 0.0))}[column.better]
