"""Which rows of a table a metric gives, and which metric gives a row: both may be named where numbers are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gvae.errors import choose
from gvae.evaluation.numbers import Better, Number
from gvae.metrics import METRICS


class Part(NamedTuple):
    """One of several numbers of a metric: its key in the metric's result, and the row it becomes."""

    key: str
    name: str
    better: Better


PARTS: dict[str, tuple[Part, ...]] = {
    "prdc": (
        Part("coverage", "coverage", "higher"),
        Part("density", "density", "higher"),
        Part("precision", "precision", "higher"),
        Part("recall", "recall", "higher"),
    ),
    "class-histogram": (
        Part("kl_real", "class-histogram", "lower"),
        Part("smallest", "smallest class", "target"),
        Part("largest", "largest class", "target"),
    ),
    "exact": (Part("exact", "exact", "higher"), Part("limit", "limit", "")),
    "ais": (Part("ais", "ais", "higher"), Part("gap", "ais gap", "lower")),
    "code-kl": (Part("code_kl", "code-kl", "lower"), Part("code_kl_knn", "code-kl knn", "lower")),
    "kl": (Part("kl", "kl", ""),),  # a rate is good or bad only together with what it buys
}
"""metrics that fill other rows than their own; of the rest the first number is a row"""
ROWS = {part.name: metric for metric, parts in PARTS.items() for part in parts}
"""name of a row -> the metric that gives it, of metrics with several"""


SPELLED = {"fd": "Frechet distance", "kd": "kernel distance", "mse": "reconstruction error", "kl": "KL of q(z|x)"}
"""short names in words, for headings"""


def spelled(title: str) -> str:
    """A heading with its short name in words before it.

    >>> spelled("fd, N(0, I)"), spelled("coverage")
    ('Frechet distance (fd), N(0, I)', 'coverage')
    """
    name, comma, rest = title.partition(",")
    return f"{SPELLED[name]} ({name}){comma}{rest}" if name in SPELLED else title


def metric_of(name: str) -> str:
    """The metric that a name means, which may be that of a row; names with numbers or a colon are left as they are.

    Raises:
        GvaeError: neither a metric nor a row is called so (with the nearest).

    >>> metric_of("coverage"), metric_of("smallest-class"), metric_of("fd"), metric_of("iwae-500")
    ('prdc', 'class-histogram', 'fd', 'iwae-500')
    """
    row = name if name in ROWS else name.replace("-", " ")
    if name in METRICS or row in ROWS:
        return name if name in METRICS else ROWS[row]
    if ":" in name or name.startswith(("iwae-", "ais-")):
        return name
    return choose("metric", name, {*METRICS, *ROWS})


def wanted(number: Number, names: Sequence[str] | None) -> bool:
    """Whether a number is among those asked for, by its row or by its metric; all are without names.

    >>> coverage = Number("coverage", 0.9, protocol={"metric": "prdc"})
    >>> [wanted(coverage, names) for names in (("coverage",), ("prdc", "fd"), ("recall",), None)]
    [True, True, False, True]
    """
    if names is None:
        return True
    rows = {name.replace("-", " ") for name in names if name not in METRICS} | set(names)
    return number.name in rows or number.protocol.get("metric") in names
