"""A figure of quality over training: scores over images seen, and over seconds."""

from __future__ import annotations

from pathlib import Path

from gvae.atomic import write_atomic
from gvae.errors import GvaeError
from gvae.reproduce.quality import Curves

AXES = {"images": "training images seen", "seconds": "seconds of training"}


def draw_quality(curves: Curves, path: Path) -> None:
    """Draw every run's curve twice, side by side; the runs of one label share a colour.

    Raises:
        GvaeError: no run has a score.
    """
    if not any(points for runs in curves.values() for points in runs):
        raise GvaeError("no run has a score to draw: give a larger --budget or --images")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    figure = Figure(figsize=(12, 5), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (field, title) in enumerate(AXES.items(), 1):
        axes = figure.add_subplot(1, len(AXES), place)
        for number, (label, runs) in enumerate(curves.items()):
            for first, points in enumerate(runs):
                xs, ys = [getattr(point, field) for point in points], [point.score for point in points]
                name = label if first == 0 else None
                axes.plot(xs, ys, marker="o", markersize=4, color=f"C{number}", label=name)
        axes.set(xlabel=title, ylabel="score (Frechet distance of 500 samples, lower is better)", yscale="log")
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))  # 200, not 2 x 10^2
        axes.set_xlim(left=0)
        axes.grid(visible=True, which="both", alpha=0.25)
    handles, labels = figure.axes[0].get_legend_handles_labels()  # once, outside: it would hide points
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=11)
    write_atomic(path, lambda name: figure.savefig(name, dpi=110, format="png"))
