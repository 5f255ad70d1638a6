"""Timing by turns: a shared machine drifts, so both sides of a comparison alternate and the median ratio is reported."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any


def seconds(action: Callable[[], object], times: int = 1) -> float:
    """Mean wall time of a call."""
    start = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - start) / times


def alternate(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """What each of the measures returns, over rounds in which all are called in turn.

    >>> alternate(2, lambda: 1.0, lambda: 2.0)
    [[1.0, 1.0], [2.0, 2.0]]
    """
    found = [[measure() for measure in measures] for _ in range(rounds)]
    return [list(values) for values in zip(*found, strict=True)]


def ratio(above: Iterable[float], below: Iterable[float]) -> dict[str, Any]:
    """Median and range of the ratios of each round.

    >>> ratio([2.0, 6.0, 3.0], [1.0, 2.0, 3.0])
    {'ratio_median': 2.0, 'ratio_min_max': [1.0, 3.0]}
    """
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return {
        "ratio_median": round(statistics.median(ratios), 3),
        "ratio_min_max": [round(min(ratios), 3), round(max(ratios), 3)],
    }


def compare(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int, times: int
) -> tuple[float, float, dict[str, Any]]:
    """Median seconds of a step of ours and of theirs, and how many times faster ours is; both run twice beforehand."""
    for step in (ours, theirs):
        seconds(step, 2)
    a, b = alternate(rounds, lambda: seconds(ours, times), lambda: seconds(theirs, times))
    return statistics.median(a), statistics.median(b), ratio(b, a)
