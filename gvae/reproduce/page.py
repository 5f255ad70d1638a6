"""The page of a table of the papers: their figures beside ours, samples of every row, and how each row came about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from gvae.atomic import write_text
from gvae.report import page, parts, tables
from gvae.reproduce.quality import curve, quality
from gvae.reproduce.recipe import Experiment
from gvae.reproduce.table import SPREAD, cells, measured, remarks
from gvae.runs import Run

CODE = re.compile("`(.+?)`")
"""what notes mark as code"""


def write_reproduced(experiment: Experiment, runs: Mapping[str, Sequence[Run]], out: Path) -> None:
    """Write report.html into the folder `out`, which has real.png and, of tables with curves, curves.png.

    Args:
        experiment: rows and columns.
        runs: label of a row -> its runs, one per seed, trained and measured.
        out: folder.
    """
    write_text(out / "report.html", reproduced(experiment, runs, out))


def reproduced(experiment: Experiment, runs: Mapping[str, Sequence[Run]], out: Path) -> str:
    """The page's text."""
    rows = {label: [measured(run) for run in group] for label, group in runs.items()}
    every = [(name, run) for label, group in runs.items() for name, run in page.each(label, group)]
    verdict = experiment.verdict(rows).replace("**", "") if experiment.verdict else ""
    quiet = [SPREAD, *remarks(experiment, rows)]
    sections = [
        f"<p>{marked(experiment.about)}.</p>",
        page.when([run for _, run in every]),
        "<h2>Numbers</h2>",
        tables.html_of_cells(cells(experiment, rows)),
        *(f'<p class="quiet">{marked(text)}</p>' for text in quiet),
        f"<p>{escape(verdict)}</p>" if verdict else "",
        parts.protocols(page.protocols(every[0][1])),
        *(over_training(runs, out / "curves.png") if experiment.curves else []),
        "<h2>Samples</h2>",
        parts.pictures([("real images", out / "real.png"), *pictures(runs, parts.samples)]),
        "<h2>Reconstructions</h2>",
        parts.pictures(pictures(runs, parts.reconstructions)),
        "<h2>How they were made</h2>",
        *(page.how(name, run) for name, run in every),
    ]
    named = experiment.data in experiment.title
    title = experiment.title if named else f"{experiment.title}, {experiment.data}"
    return page.shell(title, [text for text in sections if text])


def marked(text: str) -> str:
    """A note as HTML.

    >>> marked("a < b with `--lr 1e-3`")
    'a &lt; b with <code>--lr 1e-3</code>'
    """
    return CODE.sub(r"<code>\1</code>", escape(text))


def pictures(runs: Mapping[str, Sequence[Run]], kind: Callable[[Run], Path | None]) -> list[tuple[str, Path | None]]:
    """One kind of picture of the first run of every row, by the row's label."""
    return [(label, kind(group[0])) for label, group in runs.items()]


def over_training(runs: Mapping[str, Sequence[Run]], figure: Path) -> list[str]:
    """Sections about the score while training."""
    lines = quality({label: [curve(run) for run in group] for label, group in runs.items()})
    if len(lines) < 2:
        return []
    shown = parts.pictures([("score over images and over seconds", figure)]) if figure.exists() else ""
    return ["<h2>Quality over training</h2>", tables.html_of_cells(lines), shown]
