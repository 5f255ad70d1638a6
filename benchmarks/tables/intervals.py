"""How often intervals hold what they say, from the rows of `benchmarks.studies.intervals`."""

from __future__ import annotations

from benchmarks.rows import Row, read
from benchmarks.tables.text import dates, machines
from gvae.reproduce.table import pipes

SETS = ("equal", "near", "apart")


def intervals() -> str:
    """Share of 95 % intervals that hold the mean, by number, images and how far the sets are from each other."""
    rows = read("intervals")
    if not rows:
        return ""
    found = {(r["metric"], r["images"], r["sets"]): r for r in rows.values()}
    keys = sorted({(metric, number, n) for (metric, n, _), r in found.items() for number in r["numbers"]})
    lines = [
        [metric, number.replace("_", "-"), f"{n:,}", *(held(found.get((metric, n, s)), number) for s in SETS)]
        for metric, number, n in keys
    ]
    fewest = min(row["repetitions"] for row in rows.values())
    about = (
        "Share of the 95 % intervals that hold the mean of all repetitions, in %, with its own 95 % interval. The sets are "
        f"of equal distributions, near each other like a good model and its data, or apart. {fewest} repetitions or more."
    )
    titles = ["metric", "number", "images", *SETS]
    first = next(iter(rows.values()))
    where = f"{machines(rows.values(), 'metric')}, torch {first['versions']['torch']}, {dates(rows.values())}"
    origin = f"`python -m benchmarks.studies.intervals`, {where}."
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{origin}"


def held(row: Row | None, number: str) -> str:
    """A share of intervals in percent; nothing where it was not measured.

    >>> held({"repetitions": 400, "numbers": {"fd": {"held": 0.95}}}, "fd")
    '95.0 ± 2.1'
    """
    if row is None:
        return ""
    share, times = row["numbers"][number]["held"], row["repetitions"]
    return f"{100 * share:.1f} ± {196 * (share * (1 - share) / times) ** 0.5:.1f}"
