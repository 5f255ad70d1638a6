"""The one way to keep a row: results/NAME.json maps keys to rows, and every row says how it came about (`about`)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from platform import python_version
from typing import Any

Row = dict[str, Any]
ROOT = Path(__file__).parents[1]
"""of the repository"""
RESULTS = ROOT / "benchmarks" / "results"
IMAGES = ROOT / "docs" / "images"


def read(name: str, folder: Path = RESULTS) -> dict[str, Row]:
    """The rows of NAME.json by their keys; none if it is not there."""
    file = folder / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def keep(name: str, key: str, row: Row, folder: Path = RESULTS) -> None:
    """Add a row to NAME.json or replace the one with that key; rows that another process has added meanwhile stay.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as name:
    ...     for key, value in (("b", 1), ("a", 2), ("b", 3)):
    ...         keep("x", key, {"value": value}, Path(name))
    ...     read("x", Path(name)), [file.name for file in Path(name).iterdir()]
    x.json: kept 'b'
    x.json: kept 'a'
    x.json: kept 'b'
    ({'a': {'value': 2}, 'b': {'value': 3}}, ['x.json'])
    """
    rows = dict(sorted({**read(name, folder), key: row}.items()))
    file = folder / f"{name}.json"
    part = file.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    part.replace(file)
    print(f"{file.name}: kept '{key}'", flush=True)


def show(name: str, key: str, row: Row, dry: bool) -> None:
    """Print a row, and keep it unless `dry`."""
    print(json.dumps({key: row}, indent=1))
    if not dry:
        keep(name, key, row)


def once(name: str, key: str, measure: Callable[[], Row]) -> None:
    """Measure a row and keep it, unless it is there; `stolen` is the share of time that the host gave to other machines."""
    if key not in read(name):
        before = ticks()
        found = measure()
        taken, passed = (after - then for after, then in zip(ticks(), before, strict=True))
        keep(name, key, found | {"stolen": round(taken / passed, 3)} if passed else found)


def ticks() -> tuple[int, int]:
    """Processor time given to other machines, and all of it, since this machine started; zeros where it is unknown."""
    try:
        line = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0]
    except OSError:  # not Linux
        return 0, 0
    fields = [int(word) for word in line.split()[1:9]]
    return fields[7], sum(fields)


def about(*commands: str, note: str = "") -> Row:
    """What every row says of a measurement that is made now.

    Args:
        commands: what has to be typed to repeat it, in order.
        note: anything that a reader must know.
    """
    from gvae.training.provenance import PACKAGES, processor, version
    from gvae.version import __version__

    return {
        "commands": list(commands),
        "note": note,
        "environment": environment(),
        "processor": processor(),
        "versions": {"python": python_version(), "gvae": __version__, **{name: version(name) for name in PACKAGES}},
        "date": date.today().isoformat(),
    }


def environment() -> str:
    """Variables that decide how threads work."""
    return " ".join(f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("OMP_"))
