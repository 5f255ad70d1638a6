"""What a metric is: a pure function of arrays, what it needs, which way is better, and its protocol.

A metric fetches nothing by itself: `measure` hands it what it needs, runs it once more on real images against
other real images (the floor, below which no model can be told from the data), and keeps the constants used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np


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
    """names of `Inputs` methods"""
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
