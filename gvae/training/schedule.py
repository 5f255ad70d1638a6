"""The step size as a function of the fraction of the budget that is done, and of the updates that were made."""

from __future__ import annotations


def inverse_root(updates: int, constant_updates: int) -> float:
    """Factor of the step size: 1 for so many updates, then falling as one over the root of their number.

    >>> [inverse_root(n, 100) for n in (0, 100, 400)]
    [1.0, 1.0, 0.5]
    """
    return (constant_updates / max(constant_updates, updates)) ** 0.5


def trapezoid(fraction: float, warmup: float, decay: float) -> float:
    """Factor of the step size: warm-up from near 0, then 1, then decay to 0.

    >>> [trapezoid(f, 0.1, 0.5) for f in (0.05, 0.3, 0.75, 1.0)]
    [0.5, 1.0, 0.5, 0.0]
    """
    up = max(fraction, 0.01 * warmup) / warmup if warmup else 1.0
    down = (1 - fraction) / decay if decay else 1.0
    return max(min(1.0, up, down), 0.0)
