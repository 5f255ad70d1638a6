"""Ranges of options: declared beside a field with `annotated-types`, told in words, and checked. Imports no torch.

    latent: Annotated[int, Interval(ge=1, le=65_536)] = 64

A number without a range may be any finite one.
"""

from __future__ import annotations

import math
import operator
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge, GroupedMetadata, Gt, Interval, Le, Lt

from gvae.errors import GvaeError

PositiveInt = Annotated[int, Ge(1)]
"""a number of things of which there is at least one"""
PositiveFloat = Annotated[float, Gt(0)]
"""a step size, a scale"""
NonNegativeFloat = Annotated[float, Ge(0)]
"""a weight, which 0 switches off"""
Fraction = Annotated[float, Interval(ge=0, le=1)]
"""a part of the budget"""
Units = Annotated[int, Interval(ge=1, le=65_536)]
"""the width of a layer: more would not fit into any memory beside another such layer"""
Repeats = Annotated[int, Interval(ge=1, le=1_000)]
"""layers, glimpses, steps of a flow or of a critic, one after the other"""
Images = Annotated[int, Interval(ge=1, le=10**12)]
"""a budget in images"""
Minutes = Annotated[float, Interval(gt=0, le=1_000_000)]
"""a budget in minutes, up to two years"""
Drawn = Annotated[int, Interval(ge=1, le=10_000_000)]
"""images or codes that are held in memory together"""
Seed = Annotated[int, Interval(ge=0, le=2**32 - 1)]
"""what NumPy's, scikit-learn's and torch's generators all take"""

HOLDS = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
WORDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


class Kind(NamedTuple):
    """A type hint taken apart."""

    type: Any
    """without `Annotated` and `| None`"""
    marks: tuple[Any, ...]
    optional: bool
    """whether None is a value, too"""


def kind_of(hint: Any) -> Kind:
    """The type that a hint is about, what is noted beside it, and whether it may be None.

    >>> kind_of(PositiveInt | None)
    Kind(type=<class 'int'>, marks=(Ge(ge=1),), optional=True)
    """
    args = typing.get_args(hint)
    if typing.get_origin(hint) is Annotated:
        inner = kind_of(args[0])
        return Kind(inner.type, (*args[1:], *inner.marks), inner.optional)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        inner = kind_of(next(part for part in args if part is not type(None)))
        return inner._replace(optional=type(None) in args)
    return Kind(hint, (), False)


def limits(marks: Iterable[Any]) -> Iterator[tuple[str, float]]:
    """The bounds among what is noted beside a type.

    >>> dict(limits(["-n", Interval(ge=0, lt=1)]))
    {'ge': 0, 'lt': 1}
    """
    for mark in marks:
        for one in mark if isinstance(mark, GroupedMetadata) else (mark,):
            if isinstance(one, Gt | Ge | Lt | Le):
                name = type(one).__name__.lower()
                yield name, getattr(one, name)


def in_words(hint: Any) -> str:
    """The range of a number; nothing where there is none.

    >>> in_words(PositiveInt | None), in_words(PositiveFloat), in_words(Fraction), in_words(Images), in_words(str)
    ('at least 1', 'above 0', '0 to 1', '1 to 1000G', '')
    """
    kind = kind_of(hint)
    found = {name: _shown(bound, kind.type) for name, bound in limits(kind.marks)}
    if set(found) == {"ge", "le"}:
        return f"{found['ge']} to {found['le']}"
    return " and ".join(f"{WORDS[name]} {bound}" for name, bound in found.items())


def _shown(bound: float, kind: type) -> str:
    """A bound as it may be typed: 10M, 1000G; with commas where nothing is shorter."""
    for name, scale in (("G", 10**9), ("M", 10**6)):
        if kind is int and bound and bound % scale == 0:
            return f"{int(bound) // scale}{name}"
    return f"{bound:,}"


def check_number(hint: Any, value: float, typed: str) -> None:
    """Refuse a number that is not finite or out of range.

    Args:
        hint: the option's type with its range.
        value: what was given.
        typed: how the option is typed, for the error.

    Raises:
        GvaeError: what was given and what is allowed.

    >>> check_number(PositiveFloat, float("nan"), "--lr")
    Traceback (most recent call last):
    gvae.errors.GvaeError: --lr is nan; it must be a finite number above 0
    >>> check_number(PositiveInt, 0, "--latent")
    Traceback (most recent call last):
    gvae.errors.GvaeError: --latent is 0; it must be at least 1
    """
    bounds = limits(kind_of(hint).marks)
    if isinstance(value, float) and not math.isfinite(value):
        fits = False
    else:
        fits = all(HOLDS[name](value, bound) for name, bound in bounds)
    if not fits:
        raise GvaeError(f"{typed} is {value}; it must be {allowed(hint)}")


def allowed(hint: Any) -> str:
    """The end of the sentence "it must be".

    >>> allowed(Fraction), allowed(NonNegativeFloat), allowed(float), allowed(Seed)
    ('a finite number from 0 to 1', 'a finite number of at least 0', 'a finite number', 'from 0 to 4,294,967,295')
    """
    words = in_words(hint)
    if words[:1].isdigit() or words[:1] == "-":
        words = f"from {words}"
    elif kind_of(hint).type is float and words.startswith("at "):
        words = f"of {words}"
    return f"a finite number {words}".strip() if kind_of(hint).type is float else words
