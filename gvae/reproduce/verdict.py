"""What a table says of the papers' claims, in plain words, from its own numbers. Imports no torch.

Differences of means between two rows come with Welch's 95 % interval over seeds (see `gvae.metrics.significance`).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from gvae.metrics import significance
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

    Two rows are tied unless their means differ by more than chance (see `gvae.metrics.significance`).

    Args:
        rows: label -> what was measured of its runs.
        columns: titles of the numbers.
    """
    places: dict[str, list[str]] = {}
    for column in columns:
        if column.number in CLAIMED and (place := place_in(rows, column)):
            places.setdefault(place, []).append(column.title.partition(" x 1000")[0])
    claims = [f"{place} in {listed(titles)}" for place, titles in places.items()]
    rule = f"tied: no significant difference. {significance.RULE}"
    return f"**Verdict**: {OURS} is {'; '.join(claims)} ({rule}).{vain(rows)}" if claims else ""


def place_in(rows: Rows, column: Column) -> str:
    """Whom gvae is behind in one number, else with whom it is tied, else "first"; empty without two rows that have it."""
    mine = badness(rows.get(OURS, []), column)
    theirs = {label: badness(runs, column) for label, runs in rows.items() if label != OURS}
    theirs = {label: row for label, row in theirs.items() if row.values}
    if not mine.values or not theirs:
        return ""
    chances = significance.against(mine, list(theirs.values()))
    level = statistics.fmean(mine.values)
    tied = [label for label, p in zip(theirs, chances, strict=True) if p >= significance.LEVEL]
    ahead = [label for label, row in theirs.items() if label not in tied and statistics.fmean(row.values) < level]
    return f"behind {named(ahead)}" if ahead else f"tied with {named(tied)}" if tied else "first"


def vain(rows: Rows) -> str:
    """A sentence, after a space, on trainings whose samples cover next to nothing of the data; empty without any."""
    found = {label: [values([run], "coverage") for run in runs] for label, runs in rows.items()}
    counts = {label: sum(bool(v) and v[0] < VAIN for v in runs) for label, runs in found.items()}
    parts = [f'{n} of {len(found[label])} of "{label}"' for label, n in counts.items() if n]
    return f" Trainings that came to nothing (coverage below {VAIN}): {listed(parts)}." if parts else ""


def badness(runs: Sequence[Measured], column: Column) -> significance.Row:
    """A number of every run that has it, turned so that lower is better."""
    held = [(n.value, n.floor, n.error) for n in found(runs, column) if n.value is not None]
    if column.number == NEARER:
        near = [(abs(value - floor), error) for value, floor, error in held if floor is not None]
        return significance.Row([cost for cost, _ in near], [error for _, error in near])
    sign = -1 if column.number == HIGHER else 1
    return significance.Row([sign * value for value, _, _ in held], [error for _, _, error in held])


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
    apart = significance.difference(significance.Row(a), significance.Row(b))
    if not a or not b:
        return "n/a"
    gap = f"{statistics.fmean(a) - statistics.fmean(b):+.{digits}f}"
    return f"{gap} ± {apart.half_width:.{digits}f}" if apart and min(len(a), len(b)) > 1 else gap
