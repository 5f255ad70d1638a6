"""What a metric is: a pure function of arrays, what it needs, which way is better, and its protocol.

A metric fetches nothing by itself: `measure` hands it what it needs, runs it once more on real images against
other real images (the floor, below which no model can be told from the data), and keeps the constants used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal


class Unavailable(Exception):
    """The model or the data cannot serve a need; the message says why. Never reaches the user as an error."""


@dataclass(frozen=True)
class Metric:
    """A measurement and everything needed to read its number."""

    name: str
    """name in `METRICS`"""
    function: Callable[..., dict[str, float]]
    """takes the values of `needs` in order, returns named numbers; the first is the headline, one named `error` is
    half of the headline's 95 % interval, and `error_x` half of that of the number x"""
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
    interval: str = ""
    """how the 95 % interval is found (see `gvae.metrics.intervals`), or "none: " and why there is none"""
    floor: tuple[str, ...] | None = None
    """the needs of the same function for real against other real images"""
    floor_function: Callable[..., dict[str, float]] | None = None
    """the same numbers without intervals, where these take long: a floor has none"""


def split_errors(numbers: dict[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """What a metric's function returns, as values and half widths of their 95 % intervals, each by the number's name.

    >>> split_errors({"mse": 0.1, "error": 0.01, "psnr": 10.0, "error_psnr": float("nan")})
    ({'mse': 0.1, 'psnr': 10.0}, {'mse': 0.01})
    """
    values = {name: value for name, value in numbers.items() if not _is_error(name)}
    names = {"error": next(iter(values)), **{f"error_{name}": name for name in values}}
    errors = {names[name]: value for name, value in numbers.items() if _is_error(name)}
    return values, {name: error for name, error in errors.items() if math.isfinite(error)}


def _is_error(name: str) -> bool:
    """Whether a number of a metric is the half width of another's interval."""
    return name == "error" or name.startswith("error_")
