"""The table of docs/how-to/explorer.md: start and latency of the explorer."""

from __future__ import annotations

from benchmarks.rows import Row, read
from benchmarks.tables.text import origin
from gvae.reproduce.table import pipes


def latency() -> str:
    """Start, latency and growth for each run that was measured."""
    rows = list(read("explorer").values())
    titles = ["images", "first picture after", "slider: median, 95 %", "map: median, 95 %", "memory after bad requests"]
    table = pipes([titles, *map(line, rows)])
    return "\n\n".join([table, *map(origin, rows)])


def line(row: Row) -> list[str]:
    """One run."""
    waits = [
        f"{row[kind]['median_ms']:.0f} ms, {row[kind]['p95_ms']:.0f} ms" if kind in row else "n/a"
        for kind in ("slider", "hover")
    ]
    shape = f"{row['model']}, {' x '.join(map(str, row['shape']))}"
    grown = f"+{row['load']['growth_mb']:.0f} MB" if "load" in row else "not loaded"
    return [shape, f"{row['start_s']:.1f} s", *waits, grown]
