"""What a metric is: a pure function of arrays, what it needs, which way is better, and its protocol.

A metric fetches nothing by itself: `measure` hands it what it needs, runs it once more on real images against
other real images (the floor, below which no model can be told from the data), and keeps the constants used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.protocol import protocol

if TYPE_CHECKING:
    from gvae.metrics.needs import Needs


class Unavailable(Exception):
    """The model or the data cannot serve a need; the message says why. Never reaches the user as an error."""


@dataclass(frozen=True)
class Metric:
    """A measurement and everything needed to read its number."""

    name: str
    """name in `METRICS`"""
    function: Callable[..., dict[str, float]]
    """takes the values of `needs` in order, returns named numbers; the first is the headline, and one named
    `error` is half of the headline's 95 % confidence interval"""
    needs: tuple[str, ...]
    """names of `Needs` methods"""
    better: Literal["lower", "higher", "target"]
    """direction of the headline number; target: as close to the real data's value as possible"""
    summary: str
    """one line for tables and --help"""
    paper: str
    """Title (Authors, year) URL"""
    unit: str = ""
    protocol: dict[str, Any] = field(default_factory=dict)
    """constants of this metric"""
    minimum: int = 2
    """fewest images that every set of images may hold"""
    floor: tuple[str, ...] | None = None
    """the needs of the same function for real against other real images"""


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean of values (N,) and half the width of its 95 % confidence interval.

    >>> mean_and_error(np.array([1.0, 3.0]))[0]
    2.0
    """
    return float(values.mean()), float(1.96 * values.std() / len(values) ** 0.5)


def measure(metric: Metric, needs: Needs, strict: bool = True) -> dict[str, Any]:
    """One metric of one model on one data set.

    Args:
        metric: what to measure.
        needs: where samples, features and so on come from; shared between metrics.
        strict: False turns "too few images" into a missing value as well.

    Returns:
        `value` (the headline number; None if it does not apply, then `why` says so), `error` (half its 95 %
        confidence interval, None if unknown), `values` (all numbers by name), `floor` (the same numbers of
        real against other real images, None without), `n` (real images), `better`, `unit`, `protocol`.

    Raises:
        GvaeError: too few images, if `strict`.
    """
    result = {"value": None, "error": None, "better": metric.better, "unit": metric.unit}
    result |= {"n": needs.count(metric.needs[0]), "protocol": protocol(metric, needs)}
    try:
        values = metric.function(*_collect(metric, metric.needs, needs))
    except Unavailable as reason:
        return result | {"why": str(reason)}
    except GvaeError as error:
        if strict:
            raise
        return result | {"why": f"n/a ({error})"}
    error = values.pop("error", None)
    value = next(iter(values.values()))
    return result | {"value": value, "error": error, "values": values, "floor": _floor(metric, needs)}


def _collect(metric: Metric, names: tuple[str, ...], needs: Needs) -> list[Any]:
    """The needed things, each checked for its size."""
    values = []
    for name in names:
        count = needs.count(name)
        if count is not None and count < metric.minimum:
            raise GvaeError(
                f"{metric.name} needs at least {metric.minimum} images, got {count} "
                f"({name.replace('_', ' ')}); give more --samples, or a larger data set"
            )
        values.append(needs.get(name))
    return values


def _floor(metric: Metric, needs: Needs) -> dict[str, float] | None:
    """The metric between real and other real images, None where it is not defined."""
    if metric.floor is None:
        return None
    try:
        values = metric.function(*_collect(metric, metric.floor, needs))
        return {name: value for name, value in values.items() if name != "error"}
    except (Unavailable, GvaeError):
        return None
