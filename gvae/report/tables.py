"""Tables of numbers as Markdown, CSV, HTML and for the console.

A comparison has the floor beside its numbers: real images measured against other real images.
"""

from __future__ import annotations

import csv as csv_writer
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from gvae.evaluation.compare import Cell, Column, Comparison, earlier
from gvae.evaluation.headings import headings
from gvae.evaluation.numbers import Number, read_numbers
from gvae.evaluation.remarks import blind, remarks
from gvae.evaluation.rows import spelled
from gvae.metrics import significance
from gvae.runs import Run

if TYPE_CHECKING:
    from rich.table import Table

FLOOR = "real against real"
"""label of the floor's row"""
ARROWS = {"lower": "↓", "higher": "↑", "target": "→ real", "": ""}
"""which way is good, in a heading"""
WORDS = {"lower": "lower", "higher": "higher", "target": "near real", "": "-"}
"""which way is good, in a cell"""


def number(value: float | None, digits: int = 3) -> str:
    """Three significant digits, and no fraction from a thousand on.

    >>> number(11.8324), number(0.0038), number(12345.6), number(2.34e-5), number(None)
    ('11.8', '0.0038', '12,346', '2.34e-05', '-')
    """
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def cell_text(cell: Cell) -> str:
    """Mean over seeds with its standard deviation, and = where it shares the first place; or why there is none.

    >>> cell_text(Cell((1.0, 2.0, 3.0))), cell_text(Cell((1.0,), tied=True))
    ('2 ± 1', '1 =')
    """
    spread = "" if cell.sd is None else f" ± {number(cell.sd, 2)}"
    note = f" ({cell.note})" if cell.note else ""
    return f"{number(cell.mean)}{spread}{' =' * cell.tied}{note}" if cell.values else cell.note


def legend(table: Comparison) -> list[str]:
    """What the marks mean, where there are any."""
    cells = [cell for row in table.rows for cell in row.cells]
    if not any(cell.best or cell.tied for cell in cells):
        return []
    return [f"Marked: better than all others; =: shares the first place. {significance.RULE}."]


def heading(column: Column) -> str:
    """Title, unit and an arrow that says which way is good."""
    return f"{_titled(column)} {ARROWS[column.better]}".strip()


def markdown(table: Comparison) -> str:
    """A Markdown table, the best of each column in bold."""
    lines = [["run", *map(heading, table.columns)], ["---"] * (len(table.columns) + 1)]
    lines.append([FLOOR, *[number(c.floor) for c in table.columns]])
    for row in table.rows:
        lines.append([row.label, *[f"**{cell_text(c)}**" if c.best else cell_text(c) for c in row.cells]])
    return "".join(f"| {' | '.join(text.replace('|', '/') for text in line)} |\n" for line in lines)


def latex(table: Comparison) -> str:
    """A LaTeX tabular, the best of each column in bold."""
    escaped = str.maketrans(
        {c: f"\\{c}" for c in "&%$#_{}"}
        | {"±": "$\\pm$", "↓": "$\\downarrow$", "↑": "$\\uparrow$", "→": "$\\to$", "²": "$^2$"}
    )
    heads = ["run", *map(heading, table.columns)]
    rows = [[FLOOR, *[number(c.floor) for c in table.columns]]]
    marks = [[False] * len(heads)]
    for row in table.rows:
        rows.append([row.label, *map(cell_text, row.cells)])
        marks.append([False, *[c.best for c in row.cells]])
    lines = [" & ".join(text.translate(escaped) for text in heads) + r" \\ \hline"]
    for texts, best in zip(rows, marks, strict=True):
        cells = [text.translate(escaped) for text in texts]
        lines.append(" & ".join(rf"\textbf{{{c}}}" if b else c for c, b in zip(cells, best, strict=True)) + r" \\")
    body = "\n".join(lines)
    return f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}\n{body}\n\\end{{tabular}}\n"


def csv(table: Comparison) -> str:
    """Comma-separated values at full precision: for each column its mean, standard deviation and seeds."""
    out = io.StringIO()
    write = csv_writer.writer(out, lineterminator="\n").writerow
    write(["run", *[f"{c.title}{end}" for c in table.columns for end in ("", " sd", " seeds")]])
    write([FLOOR, *[text for c in table.columns for text in (_exact(c.floor), "", "")]])
    for row in table.rows:
        write([row.label, *[t for c in row.cells for t in (_exact(c.mean), _exact(c.sd), len(c.values))]])
    return out.getvalue()


def console(table: Comparison) -> Table:
    """A comparison as a rich table with a row per metric, which fits a terminal better than a column each."""
    view = _rich("metric", "better", FLOOR, *[row.label for row in table.rows])
    for k, column in enumerate(table.columns):
        cells = [row.cells[k] for row in table.rows]
        texts = [_bold(cell_text(c), c.best) for c in cells]
        view.add_row(_text(_titled(column)), WORDS[column.better], number(column.floor), *texts)
    notes = "\n".join([*table.notes, *legend(table)])
    view.caption, view.caption_justify = _text(notes) or None, "left"
    return view


def table_for_console(run: Run) -> Table:
    """The numbers of one run as a rich table: metric, value, floor, which way is good, n."""
    numbers = read_numbers(run)
    view = _rich("metric", "value", FLOOR, "better", "n")
    for line in number_lines(numbers):
        view.add_row(*map(_text, line))
    notes = [*footnotes(numbers), *earlier([run])]
    view.caption, view.caption_justify = _text("\n".join(notes)) or None, "left"
    return view


def ordered(numbers: Sequence[Number]) -> list[Number]:
    """Numbers with a value; those in features that are nearly blind come last."""
    return sorted((x for x in numbers if x.value is not None), key=blind)


def footnotes(numbers: Sequence[Number]) -> list[str]:
    """What stands below a table of numbers: what could not be measured, once for each reason, and what to know of others.

    >>> footnotes([Number("mse", None, reason="no encoder"), Number("kl", None, reason="no encoder")])
    ['n/a (no encoder): mse, kl']
    """
    reasons: dict[str, list[str]] = {}
    for x in numbers:
        if x.value is None:
            reasons.setdefault(x.reason, []).append(x.column)
    notes = [f"n/a ({reason}): {', '.join(dict.fromkeys(names))}" for reason, names in reasons.items()]
    return notes + remarks([x for x in numbers if x.value is not None])


def number_lines(numbers: Sequence[Number]) -> list[list[str]]:
    """Metric, value, floor, which way is good and n of each number that has a value, as texts.

    >>> number_lines([Number("fd", 11.83, "lower", floor=3.0, error=0.2, n=10_000)])
    [['Frechet distance (fd)', '11.8 ± 0.2', '3', 'lower', '10,000']]
    """
    shown = ordered(numbers)
    return [
        [_unit(title, x), _value(x), number(x.floor), WORDS[x.better], f"{x.n:,}" if x.n else "-"]
        for title, x in zip(headings(shown), shown, strict=True)
    ]


def html(table: Comparison) -> str:
    """An HTML table with a row per metric, the best of each marked; everything escaped."""
    lines = []
    for k, column in enumerate(table.columns):
        cells = "".join(_td(cell_text(row.cells[k]), "best" * row.cells[k].best) for row in table.rows)
        floor = _td(WORDS[column.better], "floor") + _td(number(column.floor), "floor")
        lines.append(f"<tr>{_th(_titled(column))}{floor}{cells}</tr>")
    notes = "".join(f'<p class="quiet">{escape(note)}</p>' for note in [*table.notes, *legend(table)])
    return _table(["metric", "better", FLOOR, *[row.label for row in table.rows]], lines) + notes


def html_of_numbers(numbers: Sequence[Number]) -> str:
    """The numbers of one run as an HTML table; everything escaped."""
    notes = "".join(f'<p class="quiet">{escape(note)}</p>' for note in footnotes(numbers))
    return html_of_cells([["metric", "value", FLOOR, "better", "n"], *number_lines(numbers)]) + notes


def html_of_cells(lines: Sequence[Sequence[str]]) -> str:
    """Texts as an HTML table, titles in the first line and names in the first column; everything escaped."""
    head, *rest = lines
    return _table(head, [f"<tr>{_th(line[0])}{''.join(map(_td, line[1:]))}</tr>" for line in rest])


def _titled(x: Column) -> str:
    """Title and unit."""
    return _unit(x.title, x)


def _unit(title: str, x: Column | Number) -> str:
    return f"{spelled(title)} [{x.unit}]" if x.unit else spelled(title)


def _value(x: Number) -> str:
    """Value with its confidence interval."""
    return number(x.value) + (f" ± {number(x.error, 2)}" if x.error is not None else "")


def _exact(value: float | None) -> str:
    return "" if value is None else repr(value)


def _table(head: Sequence[str], lines: Sequence[str]) -> str:
    top = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "\n".join(lines)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def _th(text: str) -> str:
    return f'<th scope="row">{escape(text)}</th>'


def _td(text: str, kind: str = "") -> str:
    mark = f' class="{kind}"' if kind else ""
    unbroken = text.replace(" ± ", "\u00a0±\u00a0")
    return f"<td{mark}>{escape(unbroken)}</td>"


def _rich(first: str, *others: str) -> Table:
    """An empty rich table: first column to the left, others to the right."""
    from rich.table import Table

    view = Table(header_style="bold")
    view.add_column(first, no_wrap=True)
    for name in others:
        view.add_column(_text(name), justify="right")
    return view


def _text(text: str) -> str:
    """Square brackets would be read as rich markup."""
    from rich.markup import escape as escape_markup

    return escape_markup(text)


def _bold(text: str, best: bool) -> str:
    return f"[bold]{_text(text)}[/bold]" if best else _text(text)
