"""Training curves of log.jsonl as small inline SVG charts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import Any

from gvae.report.tables import number
from gvae.runs import Run

WIDTH, HEIGHT = 240, 90
"""chart in SVG units; it scales with the page"""
HIDDEN = ("images", "round")
"""entries of log.jsonl that are no curves"""
POINTS = 200
"""points per curve at most: neighbours are averaged"""

Series = list[tuple[float, float]]
"""(images seen, value)"""


def read_log(run: Run) -> dict[str, Series]:
    """Every numeric entry of log.jsonl against images seen, by dotted name.

    Left out are values that are not finite, curves that stay at zero, and a line that a crash cut short.
    """
    series: dict[str, Series] = {}
    for row in run.log_rows():
        for name, value in _numbers(row):
            if name not in HIDDEN:
                series.setdefault(name.removeprefix("terms."), []).append((float(row["images"]), value))
    return {name: points for name, points in series.items() if len(points) > 1 and any(y for _, y in points)}


def thin(points: Series, at_most: int = POINTS) -> Series:
    """Average neighbouring points so that at most `at_most` are left.

    >>> thin([(0, 1.0), (1, 3.0), (2, 5.0), (3, 7.0)], 2)
    [(0.5, 2.0), (2.5, 6.0)]
    """
    size = math.ceil(len(points) / at_most)
    bins = [points[k : k + size] for k in range(0, len(points), size)]
    return [(sum(x for x, _ in b) / len(b), sum(y for _, y in b) / len(b)) for b in bins]


def chart(name: str, points: Series) -> str:
    """One curve as SVG with its name, range and last value; a log axis where positive values span decades.

    Args:
        name: what the curve shows.
        points: at least two (images seen, value).
    """
    points = thin(points)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = min(ys), max(ys)
    log = low > 0 and high / low > 30
    heights = [math.log(y) for y in ys] if log else ys
    path = " ".join(
        f"{WIDTH * _part(x, xs):.1f},{HEIGHT - 4 - (HEIGHT - 8) * _part(y, heights):.1f}"
        for x, y in zip(xs, heights, strict=True)
    )
    text = f"{number(low)} to {number(high)}{', log axis' if log else ''}; last {number(ys[-1])}"
    return (
        f'<figure class="chart"><figcaption>{escape(name).replace("/", "/<wbr>")}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}: {text}">'
        f'<polyline points="{path}"/></svg><small>{text}</small></figure>'
    )


def charts(run: Run) -> str:
    """All curves of a run, or "" if it has no log."""
    series = read_log(run)
    if not series:
        return ""
    last = max(points[-1][0] for points in series.values())
    figures = "\n".join(chart(name, points) for name, points in series.items())
    axis = f'<p class="quiet">Left to right: images seen, up to {last:,.0f}.</p>'
    return f'{axis}<div class="charts">{figures}</div>'


def _numbers(tree: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Finite numbers of a nested dict with dotted names."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _numbers(value, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, int | float) and not isinstance(tree, bool) and math.isfinite(tree):
        yield name, float(tree)


def _part(value: float, values: list[float]) -> float:
    """Where `value` lies between the smallest (0) and the largest (1) of `values`; 0.5 if all are alike."""
    low, high = min(values), max(values)
    return (value - low) / (high - low) if high > low else 0.5
