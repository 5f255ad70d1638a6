"""What a table says of the papers' claim, in plain words, from its own numbers. Imports no torch.

Differences of means between two rows come with Welch's 95 % interval over seeds:
The Generalization of "Student's" Problem when Several Different Population Variances are Involved (Welch, 1947)
https://doi.org/10.1093/biomet/34.1-2.28
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from gvae.evaluation.recipe import Column
from gvae.evaluation.table import Measured, Rows, found

LOST = 0.01
"""share of the samples below which a class counts as lost"""


def latent_size(rows: Rows) -> str:
    """Whether the smallest code collapses where larger ones do not; empty while rows are missing.

    A training has collapsed if a class has less than 1 % of its samples, as the project's classifier names them; a row if
    most of its trainings have.

    Args:
        rows: label `z N` -> what was measured of its runs.
    """
    labels = sorted(rows, key=lambda label: int(label.split()[-1]))
    if len(labels) < 2:
        return ""
    first, others = labels[0], labels[1:]
    lost = {label: sum(share < LOST for share in values(rows[label], "smallest class")) for label in labels}
    counts = ", ".join(f"{label}: {lost[label]} of {len(rows[label])}" for label in labels)
    collapsed = {label: 2 * lost[label] > len(rows[label]) for label in labels}
    if not collapsed[first]:
        claim = f"{first} does not collapse"
    elif all(collapsed[label] for label in others):
        claim = f"{first} collapses, and so do all others: that is not the code's size"
    else:
        claim = f"{first} collapses, and {', '.join(v for v in others if not collapsed[v])} does not"
    beside = "z 1000" if "z 1000" in others else others[-1]
    apart = [
        f"{title} {difference(values(rows[first], name), values(rows[beside], name), digits)}"
        for name, title, digits in (("fd", "Frechet distance", 1), ("ms-ssim", "MS-SSIM", 3))
    ]
    return (
        f"**Verdict**: {claim}. Trainings with a class below {LOST:.0%} of the samples: {counts}. {first} less {beside}: "
        f"{', '.join(apart)} (95 % intervals over seeds)."
    )


def values(runs: Sequence[Measured], name: str) -> list[float]:
    """A number of every run that has it."""
    return [number.value for number in found(runs, Column(name, name)) if number.value is not None]


def difference(a: Sequence[float], b: Sequence[float], digits: int) -> str:
    """Mean of a less mean of b, with Welch's 95 % interval where both have two values or more.

    >>> difference([1.0, 2.0, 3.0], [2.0, 3.0, 4.0], 2), difference([1.0], [2.0, 3.0], 1)  # t(4) = 2.776, error 0.816
    ('-1.00 ± 2.27', '-1.5')
    """
    from scipy.stats import t

    if not a or not b:
        return "n/a"
    apart = f"{statistics.fmean(a) - statistics.fmean(b):+.{digits}f}"
    if min(len(a), len(b)) < 2:
        return apart
    squares = [statistics.variance(v) / len(v) for v in (a, b)]
    if not sum(squares):
        return f"{apart} ± {0:.{digits}f}"
    freedom = sum(squares) ** 2 / sum(s**2 / (len(v) - 1) for s, v in zip(squares, (a, b), strict=True))
    return f"{apart} ± {float(t.ppf(0.975, freedom)) * math.sqrt(sum(squares)):.{digits}f}"
