"""Words that several tables share: means, machines, commands, dates."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.rows import Row
from gvae.models import MODELS


def mean(values: Sequence[float], digits: int) -> str:
    """Mean ± standard deviation.

    >>> mean([1.0, 3.0], 1), mean([2.0], 2)
    ('2.0 ± 1.4', '2.00')
    """
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{spread}"


def machines(rows: Iterable[Row], name: str) -> str:
    """The processor that rows were measured on; where there are several, which rows on which.

    Args:
        name: key of what a row is called.

    >>> rows = [{"processor": "A", "model": "vae"}, {"processor": "B", "model": "gan"}]
    >>> machines(rows, "model"), machines(rows[:1], "model")
    ('A (vae), B (gan)', 'A')
    """
    names: dict[str, dict[str, None]] = {}
    for row in rows:
        names.setdefault(row["processor"], {})[row[name]] = None
    several = len(names) > 1
    return ", ".join(f"{machine} ({'; '.join(names[machine])})" if several else machine for machine in sorted(names))


def dates(rows: Iterable[Row]) -> str:
    """The day of the rows, or the first and the last.

    >>> dates([{"date": "2026-11-28"}, {"date": "2026-11-21"}]), dates([{"date": "2026-11-28"}])
    ('2026-11-21 to 2026-11-28', '2026-11-28')
    """
    found = sorted({row["date"] for row in rows})
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"


def notes(rows: Iterable[Row]) -> str:
    """Notes of the rows, each clause once, as sentences.

    >>> notes([{"note": "one core each; two at a time"}, {"note": "one core each"}, {}])
    'One core each. Two at a time.'
    """
    joined = "; ".join(row.get("note", "").rstrip(".").replace(". ", "; ") for row in rows)
    return " ".join(f"{capital(clause)}." for clause in dict.fromkeys(joined.split("; ")) if clause)


def capital(clause: str) -> str:
    """The clause with a capital letter, unless it begins with the name of a model or of data.

    >>> capital("one core each"), capital("gvae alone"), capital("celeba64 is a subset")
    ('One core each', 'gvae alone', 'celeba64 is a subset')
    """
    first = clause.split()[0].rstrip(",")
    return clause if first in MODELS or not first.isalpha() else f"{clause[0].upper()}{clause[1:]}"


def commands(row: Row) -> str:
    """What has to be typed to repeat a row.

    >>> commands({"commands": ["gvae train vae", "gvae evaluate RUN"]})
    '`gvae train vae`, then `gvae evaluate RUN`'
    """
    return ", then ".join(f"`{command}`" for command in row["commands"])


def origin(row: Row, *facts: str) -> str:
    """Under the table of one row: command, machine, versions, date, environment and note."""
    parts = [commands(row), row["processor"], f"torch {row['versions']['torch']}" if "torch" in row["versions"] else ""]
    parts += [*facts, row["date"], row.get("environment", "")]
    return f"{', '.join(filter(None, parts))}. {notes([row])}".strip()


def origins(rows: Sequence[Row], script: str) -> str:
    """Under a table of many rows of one script: script, machines, dates, notes."""
    return f"`python -m benchmarks.{script}`, {machines(rows, 'model')}, {dates(rows)}. {notes(rows)}".strip()
