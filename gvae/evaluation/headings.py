"""What tells numbers of one name apart, in the fewest words: other data, another n, another seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gvae.evaluation.numbers import RECORDED, Number
from gvae.fields import flat

DATA = ("data", "shape", "values", "binarisation", "data_checksum", "split_checksum")
"""keys of a protocol that say which images the reference is, from the plainest to the most exact"""
COUNTS = ("n", "n_samples", "n_floor")
"""keys of a protocol that follow from how many images there are and were asked for"""


def facts(number: Number) -> dict[str, Any]:
    """The protocol with n, dotted names for what is nested, and without what is only recorded."""
    return {"n": number.n} | flat({k: v for k, v in number.protocol.items() if k not in RECORDED})


def headings(numbers: Sequence[Number]) -> list[str]:
    """The column of each number, with more words where several share one but not its key.

    >>> def fd(n, **protocol): return Number("fd", 1.0, n=n, protocol=protocol)
    >>> headings([fd(9, seed=0), fd(9, seed=1), Number("kd", 2.0)])
    ['fd, seed 0', 'fd, seed 1', 'kd']
    """
    others = {x.key: [y for y in numbers if y.column == x.column and y.key != x.key] for x in numbers}
    return [", ".join([x.column, *words(x, others[x.key])]) for x in numbers]


def words(number: Number, others: Iterable[Number], keys: Sequence[str] | None = None) -> list[str]:
    """In what a number differs from others, as they would stand in a heading.

    Args:
        keys: look at these only.
    """
    differ = [key for key in unlike(number, others) if keys is None or key in keys]
    data = [key for key in DATA if key in differ][:1]  # one says enough
    counts = [key for key in COUNTS if key in differ][:1]
    rest = [key for key in differ if key not in (*DATA, *COUNTS)]
    known = facts(number)
    return [phrase(key, known.get(key)) for key in (*data, *counts, *rest)]


def unlike(number: Number, others: Iterable[Number]) -> list[str]:
    """Keys in which a number differs from any of the others."""
    mine, theirs = facts(number), [facts(other) for other in others]
    keys = dict.fromkeys([*mine, *(key for known in theirs for key in known)])
    return [key for key in keys if any(known.get(key) != mine.get(key) for known in theirs)]


def phrase(key: str, value: Any) -> str:
    """A fact in a heading.

    >>> phrase("data", "mnist"), phrase("values", [-160.0, 240.0]), phrase("shape", [1, 8, 8]), phrase("seed", 1)
    ('on mnist', 'values -160 to 240', '1x8x8', 'seed 1')
    """
    if value is None:
        return f"no {key.replace('_', ' ')}"
    if key == "data":
        return f"on {value}"
    if key == "values":
        return "values {:g} to {:g}".format(*value)
    if key == "shape":
        return "x".join(map(str, value))
    if key in ("data_checksum", "split_checksum"):
        return f"{'data' if key[0] == 'd' else 'split'} {value[:6]}"
    return f"{key.replace('n_', '').replace('_', ' ')} {value:,}" if isinstance(value, int) else f"{key} {value}"
