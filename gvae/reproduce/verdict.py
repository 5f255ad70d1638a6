"""What a table says of the papers' claims, in plain words, from its own numbers. Imports no torch.

Differences of means between two rows come with Welch's 95 % interval over seeds:
The Generalization of "Student's" Problem when Several Different Population Variances are Involved (Welch, 1947)
https://doi.org/10.1093/biomet/34.1-2.28
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from gvae.reproduce.recipe import Column
from gvae.reproduce.table import Measured, Rows, found

OURS = "gvae"
"""the row that the papers say is best"""
CLAIMED = ("fd", "coverage", "mmd", "ms-ssim", "mse")
"""what it should be best in: samples near the data, covering it, as unlike each other as images are, and reconstructions"""
HIGHER = "coverage"
"""the one of these where more is better"""
NEARER = "ms-ssim"
"""the one of these where nearer to the real images' own value is better"""
LOST = 0.01
"""share of the samples below which a class counts as lost"""
VAIN = 0.005
"""coverage below which a training came to nothing"""


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


def standing(rows: Rows, columns: Sequence[Column]) -> str:
    """In what gvae is first, tied or behind, and how many trainings came to nothing; empty while it has no row, or is alone.

    Two rows are tied if their means differ by no more than the standard error of the difference, over seeds; a row of one
    seed is taken as it is.

    Args:
        rows: label -> what was measured of its runs.
        columns: titles of the numbers.
    """
    places: dict[str, list[str]] = {}
    others = {label: runs for label, runs in rows.items() if label != OURS and runs}
    for column in columns:
        mine = badness(rows.get(OURS, []), column) if column.number in CLAIMED else []
        theirs = {label: badness(runs, column) for label, runs in others.items()}
        if mine and any(theirs.values()):
            gaps = {
                k: (statistics.fmean(mine) - statistics.fmean(v), error(mine, v))
                for k, v in theirs.items()
                if v
            }
            ahead = [k for k, (gap, noise) in gaps.items() if gap > noise]
            tied = [k for k, (gap, noise) in gaps.items() if abs(gap) <= noise]
            place = f"behind {named(ahead)}" if ahead else f"tied with {named(tied)}" if tied else "first"
            places.setdefault(place, []).append(column.title.partition(" x 1000")[0])
    claims = [f"{place} in {listed(titles)}" for place, titles in places.items()]
    rule = "tied: means differ by no more than the standard error of the difference, over seeds"
    return f"**Verdict**: {OURS} is {'; '.join(claims)} ({rule}).{vain(rows)}" if claims else ""


def vain(rows: Rows) -> str:
    """A sentence, after a space, on trainings whose samples cover next to nothing of the data; empty without any."""
    found = {label: [values([run], "coverage") for run in runs] for label, runs in rows.items()}
    counts = {label: sum(bool(v) and v[0] < VAIN for v in runs) for label, runs in found.items()}
    parts = [f'{n} of {len(found[label])} of "{label}"' for label, n in counts.items() if n]
    return f" Trainings that came to nothing (coverage below {VAIN}): {listed(parts)}." if parts else ""


def badness(runs: Sequence[Measured], column: Column) -> list[float]:
    """A number of every run that has it, turned so that lower is better."""
    numbers = found(runs, column)
    if column.number == NEARER:
        return [abs(n.value - n.floor) for n in numbers if n.value is not None and n.floor is not None]
    sign = -1 if column.number == HIGHER else 1
    return [sign * n.value for n in numbers if n.value is not None]


def error(a: Sequence[float], b: Sequence[float]) -> float:
    """Standard error of the difference of two means; 0 if either has one value.

    >>> error([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]), error([1.0], [2.0, 3.0])  # sqrt(1 / 3 + 1 / 3)
    (0.816496580927726, 0.0)
    """
    if min(len(a), len(b)) < 2:
        return 0.0
    return math.sqrt(sum(statistics.variance(v) / len(v) for v in (a, b)))


def named(labels: Sequence[str]) -> str:
    """Rows, in quotation marks because there are commas in some."""
    return listed([f'"{label}"' for label in labels])


def listed(words: Sequence[str]) -> str:
    """Words in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


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
