"""Which differences between rows of a table are real: tests of plain numbers. Imports no torch.

A row's numbers may be turned so that lower is better.

    several seeds each    Welch's t test over seeds
    several against one   t test of the one value as another draw of the several's spread
    one seed each         normal test from both 95 % intervals over images

The last says whether these two trainings differ, not whether the next two would. Their intervals are taken as independent.
Both are measured against the same real images, which makes the true error of the difference smaller, so the test errs on
the careful side.

"The Generalization of 'Student's' Problem when Several Different Population Variances are Involved" (Welch, 1947)
https://doi.org/10.1093/biomet/34.1-2.28; "A Simple Sequentially Rejective Multiple Test Procedure" (Holm, 1979)
https://www.jstor.org/stable/4615733
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

LEVEL = 0.05
"""p-values below this, after correction, count as a difference"""
RULE = (
    "Welch's t test over seeds, of single runs a normal test from their intervals over images; "
    "5 % in all, by Holm's correction for the rows compared"
)
"""how differences are tested, for the line under a table"""


class Difference(NamedTuple):
    """Mean of one row less that of another, and how far it may be off."""

    gap: float
    error: float
    """its standard error"""
    freedom: float
    """degrees of freedom of that error"""

    @property
    def half_width(self) -> float:
        """Half the 95 % interval of the gap."""
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, 0.975)) * self.error

    @property
    def p(self) -> float:
        """Chance of a gap at least as large, to either side, if there is no difference."""
        from scipy.special import stdtr

        if self.error == 0:
            return 1.0 if self.gap == 0 else 0.0
        return float(2 * stdtr(self.freedom, -abs(self.gap) / self.error))


class Row(NamedTuple):
    """A number of one configuration: its values, one per seed, and half their 95 % intervals over images where known."""

    values: Sequence[float]
    errors: Sequence[float | None] = ()


def difference(a: Row, b: Row) -> Difference | None:
    """Mean of a less mean of b with its error; None where nothing tells it: a row is empty, or one value has no interval.

    >>> difference(Row([1.0, 2.0, 3.0]), Row([2.0, 3.0, 4.0]))  # sqrt(1 / 3 + 1 / 3)
    Difference(gap=-1.0, error=0.816496580927726, freedom=4.0)
    >>> difference(Row([1.0]), Row([2.0])) is None
    True
    """
    counts = len(a.values), len(b.values)
    if not min(counts):
        return None
    gap = statistics.fmean(a.values) - statistics.fmean(b.values)
    if min(counts) > 1:
        return _welch(gap, a.values, b.values)
    if max(counts) > 1:
        many = max(a.values, b.values, key=len)
        return Difference(gap, statistics.stdev(many) * math.sqrt(1 + 1 / len(many)), len(many) - 1)
    errors = [*a.errors, *b.errors]
    if len(errors) != 2 or errors[0] is None or errors[1] is None:
        return None
    return Difference(gap, math.hypot(errors[0], errors[1]) / 1.959964, math.inf)


def _welch(gap: float, a: Sequence[float], b: Sequence[float]) -> Difference:
    """Welch's error of a difference of means, and its degrees of freedom."""
    squares = [statistics.variance(v) / len(v) for v in (a, b)]
    if not sum(squares):
        return Difference(gap, 0.0, math.inf)
    freedom = sum(squares) ** 2 / sum(s**2 / (len(v) - 1) for s, v in zip(squares, (a, b), strict=True))
    return Difference(gap, math.sqrt(sum(squares)), freedom)


def holm(chances: Sequence[float]) -> list[float]:
    """p-values of several tests corrected so that all of them together err once in 1 / LEVEL times.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    corrected, largest = [0.0] * len(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[place]))
        corrected[place] = largest
    return corrected


def chance(a: Row, b: Row) -> float:
    """p-value of no difference between two rows; 1 where nothing tells one."""
    found = difference(a, b)
    return 1.0 if found is None else found.p


def against(row: Row, others: Sequence[Row]) -> list[float]:
    """Corrected p-values of one row, chosen beforehand, against each of the others."""
    return holm([chance(row, other) for other in others])


def leaders(rows: Sequence[Row]) -> list[int]:
    """Rows that share the first place: the one of the lowest mean, and all that are not significantly higher, in order.

    All pairs of rows are corrected for, because which is lowest is known from the same numbers only. Rows without values
    take no part.

    >>> leaders([Row([1.0], [0.1]), Row([1.1], [0.1]), Row([2.0], [0.1])])
    [0, 1]
    """
    part = [place for place, row in enumerate(rows) if row.values]
    if not part:
        return []
    pairs = [(i, j) for i in part for j in part if i < j]
    chances = holm([chance(rows[i], rows[j]) for i, j in pairs])
    best = min(part, key=lambda place: statistics.fmean(rows[place].values))
    apart = {frozenset(pair) for pair, p in zip(pairs, chances, strict=True) if p < LEVEL}
    return [place for place in part if frozenset((best, place)) not in apart]
