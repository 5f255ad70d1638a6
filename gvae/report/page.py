"""One self-contained HTML page about one run or several: numbers, pictures, curves, and how they came about.

No script and nothing from elsewhere: style and pictures are inside, and a content policy forbids fetching.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from gvae.atomic import write_text
from gvae.errors import GvaeError
from gvae.evaluation.compare import compare
from gvae.evaluation.headings import headings
from gvae.evaluation.numbers import command, read_numbers
from gvae.report import curves, parts, tables
from gvae.runs import Run
from gvae.version import __version__

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""content policy: inline style and pictures only"""


def write_report(runs: Sequence[Run], out: Path, metrics: Sequence[str] | None = None) -> Path:
    """Write the page about the given runs; one run need not be evaluated, several must be.

    Args:
        out: the file to write, ending in .html, or an existing folder for report.html.
        metrics: metrics or rows of the comparison; None: all.

    Raises:
        GvaeError: no runs, another file ending, runs that cannot be compared (see `compare`), or a full disk.
    """
    out = out / "report.html" if out.is_dir() else out
    if not runs:
        raise GvaeError("a report needs at least one run folder, as in `gvae compare runs/a runs/b --out report.html`")
    if out.suffix.lower() not in (".html", ".htm"):
        raise GvaeError(f"the report is an HTML page; give a name that ends in .html, not {out.name}")
    write_text(out, page(runs, metrics))
    return out


def page(runs: Sequence[Run], metrics: Sequence[str] | None = None) -> str:
    """The page's text."""
    models, data = dict.fromkeys(run.model for run in runs), dict.fromkeys(run.spec.name for run in runs)
    sections = _one(runs[0]) if len(runs) == 1 else _several(runs, metrics)
    return shell(f"{', '.join(models)} on {', '.join(data)}", [when(runs), *sections])


def shell(title: str, sections: Sequence[str]) -> str:
    """A whole document of HTML sections below its title."""
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(title)}</title><style>\n{style}</style>"
    )
    body = "\n".join([f"<h1>{escape(title)}</h1>", *sections])
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _one(run: Run) -> list[str]:
    """Sections of a page about one run."""
    numbers = read_numbers(run)
    missing = f"<p>Not measured yet; type <code>{escape(command(run))}</code></p>"
    return [
        "<h2>Numbers</h2>",
        tables.html_of_numbers(numbers) + parts.protocols(protocols(run)) if numbers else missing,
        "<h2>Pictures</h2>",
        parts.pictures([("samples", parts.samples(run)), ("reconstructions", parts.reconstructions(run))]),
        f"<h2>Training</h2>{curves.charts(run) or '<p>The log is too short for curves.</p>'}",
        f"<h2>How it was made</h2>{parts.how(run)}",
    ]


def _several(runs: Sequence[Run], metrics: Sequence[str] | None) -> list[str]:
    """Sections of a page that compares runs."""
    table = compare(runs, metrics)
    named = [(name, run) for row in table.rows for name, run in each(row.label, row.runs)]
    return [
        "<h2>Numbers</h2>",
        tables.html(table) + parts.protocols({c.title: c.protocol for c in table.columns}),
        "<h2>Samples</h2>",
        parts.pictures([(name, parts.samples(run)) for name, run in named]),
        "<h2>Reconstructions</h2>",
        parts.pictures([(name, parts.reconstructions(run)) for name, run in named]),
        "<h2>How they were made</h2>",
        *(how(name, run) for name, run in named),
    ]


def protocols(run: Run) -> dict[str, dict[str, Any]]:
    """How each number of a run was measured."""
    numbers = [x for x in read_numbers(run) if x.value is not None]
    return {name: {"n": x.n} | x.protocol for name, x in zip(headings(numbers), numbers, strict=True)}


def how(name: str, run: Run) -> str:
    """A folded section: a run's curves, and how it came about."""
    return f"<details><summary>{escape(name)}</summary>{curves.charts(run)}{parts.how(run)}</details>"


def each(label: str, runs: Sequence[Run]) -> list[tuple[str, Run]]:
    """Each run of a table row under the row's label, with its seed if there are several."""
    return [(f"{label}: seed {run.train.seed}" if len(runs) > 1 else label, run) for run in runs]


def when(runs: Sequence[Run]) -> str:
    """One line: how many runs, written when and by what."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    count = f"{len(runs)} run{'s' if len(runs) > 1 else ''}"
    return f'<p class="quiet">{count}; written {now} by gvae {escape(__version__)}</p>'
