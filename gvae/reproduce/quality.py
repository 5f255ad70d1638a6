"""Quality over training: the score of a run against images seen and against seconds, and how soon it was how good."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gvae.runs import Run

LEVELS = (100.0, 30.0, 10.0)
"""scores for which the table gives the time until they were reached"""


class Point(NamedTuple):
    """A score while training."""

    images: int
    seconds: float
    score: float


Curves = Mapping[str, Sequence[Sequence[Point]]]
"""label of a row -> the curve of each of its runs, one per seed"""


def curve(run: Run) -> list[Point]:
    """The scores of a run with images seen and seconds of training."""
    seconds = {row["images"]: row["seconds"] for row in run.timing_rows()}
    return [Point(n, seconds[n], score) for n, score in run.scores().items() if n in seconds]


def reached(points: Sequence[Point], level: float) -> float | None:
    """Seconds until the score first was at most `level`; None if it never was.

    >>> reached([Point(100, 1.0, 50.0), Point(200, 2.0, 8.0), Point(300, 3.0, 12.0)], 10.0)
    2.0
    """
    return next((point.seconds for point in points if point.score <= level), None)


def worsening(points: Sequence[Point]) -> float:
    """The last score over the best: 1 for a training that never got worse.

    >>> worsening([Point(100, 1.0, 50.0), Point(200, 2.0, 8.0), Point(300, 3.0, 12.0)])
    1.5
    """
    return points[-1].score / min(point.score for point in points)


def quality(curves: Curves) -> list[list[str]]:
    """Titles and a line per row: last and best score, stability, and seconds to each of `LEVELS`; means over seeds."""
    titles = ["model", "last score", "best score", "last / best", *(f"seconds to {level:g}" for level in LEVELS)]
    lines = [titles]
    for label, all_runs in curves.items():
        if runs := [points for points in all_runs if points]:
            last, best = ([pick(points) for points in runs] for pick in (_last, _best))
            cells = [_mean(last), _mean(best), _mean([worsening(points) for points in runs], 2)]
            times = [[reached(points, level) for points in runs] for level in LEVELS]
            cells += ["never" if None in found else _mean([v for v in found if v is not None], 0) for found in times]
            lines.append([label, *cells])
    return lines


def to_csv(curves: Curves) -> str:
    """One line per model, seed and score."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["model", "run", *Point._fields])
    for label, runs in curves.items():
        for number, points in enumerate(runs):
            for point in points:
                write([label, number, *point])
    return out.getvalue()


def _last(points: Sequence[Point]) -> float:
    return points[-1].score


def _best(points: Sequence[Point]) -> float:
    return min(point.score for point in points)


def _mean(values: Sequence[float], digits: int = 1) -> str:
    """Mean, with the standard deviation where there are several."""
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{spread}"
