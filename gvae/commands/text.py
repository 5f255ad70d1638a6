"""Tables of aligned text on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gvae.latent.directions import Direction


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns of text, aligned.

    >>> print(table([("a", "1", "x"), ("bcd", "22", "")]))
      a    1   x
      bcd  22
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {line}".rstrip() for line in lines)


def directions_table(directions: list[Direction]) -> str:
    """A line for each direction."""
    if directions[0].method == "component":
        rows: list[Any] = [("name", "share of the change"), *[(d.name, f"{d.share:.1%}") for d in directions]]
        return table(rows)
    head = ("name", "method", "with", "without", "held-out accuracy", "AUC", "length")
    rows = [head]
    for d in directions:
        scores = ["n/a" if value is None else f"{value:.3f}" for value in (d.accuracy, d.auc)]
        rows.append((d.name, d.method, str(d.positive), str(d.negative), *scores, f"{float(d.vector.norm()):.2f}"))
    return table(rows)
