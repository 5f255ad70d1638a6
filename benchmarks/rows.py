"""Rows of results/*.json: measured by gvae commands, kept as soon as they are there, never measured twice."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from gvae.runs import Run

RESULTS = Path(__file__).parent / "results"


def read(name: str) -> dict[str, Any]:
    """The rows of results/NAME.json; none if it is not there."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def keep(name: str, key: str, found: dict[str, Any]) -> None:
    """Put a row into results/NAME.json, beside those that another call may have written meanwhile."""
    rows = dict(sorted({**read(name), key: found}.items()))
    (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def make(name: str, key: str, measure: Callable[[], dict[str, Any]]) -> None:
    """Measure a row and keep it, unless it is there; with the share of the time that other machines took meanwhile."""
    if key not in read(name):
        before = ticks()
        found = measure()
        taken, passed = (after - then for after, then in zip(ticks(), before, strict=True))
        keep(name, key, found | {"stolen": round(taken / passed, 3)} if passed else found)
        print(f"{name}: {key} is done", flush=True)


def ticks() -> tuple[int, int]:
    """Processor time that the host gave to other machines, and all there was, since this one started; zeros if untold."""
    try:
        fields = [
            int(word) for word in Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()[1:9]
        ]
    except OSError:  # not Linux
        return 0, 0
    return fields[7], sum(fields)


def gvae(command: str) -> None:
    """Run a gvae command in this environment."""
    print("+", command, flush=True)
    subprocess.run([sys.executable, "-m", "gvae", *shlex.split(command)[1:]], check=True)


def trained(command: str, out: Path) -> str:
    """Run `gvae train ...` into a run folder, or go on with what is there; the command with its output."""
    command = " ".join(f"{command} --out {out}".split())
    if not (out / "final.png").exists():
        gvae(f"gvae resume {out}" if (out / "run.json").exists() else command)
    return command


def measured(command: str, out: Path, metrics: str) -> dict[str, Any]:
    """Run `gvae train ...`, as `trained` does, and `gvae evaluate` with those metrics and options; the row of both."""
    told, evaluated = trained(command, out), f"gvae evaluate {out} --metrics {metrics}"
    gvae(evaluated)
    return row(out, [told, evaluated])


def row(out: Path, commands: list[str]) -> dict[str, Any]:
    """What `gvae train` and `gvae evaluate` left in a run, with what produced it."""
    run = Run.open(out)
    timing = [json.loads(line) for line in run.timing.read_text(encoding="utf-8").splitlines()]
    return {
        "commands": commands,
        "model": run.model,
        "data": run.data,
        "seed": run.train.seed,
        "minutes": run.train.minutes,
        "images": timing[-1]["images"],
        "closing": timing[-1].get("closing"),
        "peak_mb": timing[-1].get("peak_mb"),
        "environment": environment(),
        "processor": run.about["processor"],
        "versions": run.about["versions"],
        "date": run.about["date"],
        "numbers": {
            number["name"] + (f", {number['variant']}" if number["variant"] else ""): {
                key: number[key] for key in ("value", "floor", "error", "n")
            }
            for number in json.loads(run.metrics.read_text(encoding="utf-8"))["numbers"]
        },
    }


def where(rows: list[dict[str, Any]], name: str) -> str:
    """The processor that rows were measured on; where there are several, which rows on which.

    Args:
        name: key of what a row is called.

    >>> rows = [{"processor": "A", "model": "vae"}, {"processor": "B", "model": "gan"}]
    >>> where(rows, "model"), where(rows[:1], "model")
    ('A (vae), B (gan)', 'A')
    """
    names: dict[str, dict[str, None]] = {}
    for row in rows:
        names.setdefault(row["processor"], {})[row[name]] = None
    several = len(names) > 1
    return ", ".join(
        f"{machine} ({'; '.join(names[machine])})" if several else machine for machine in sorted(names)
    )


def machine() -> dict[str, Any]:
    """Processor, versions and date of a measurement that is made now."""
    from gvae.training.provenance import PACKAGES, processor, version

    return {
        "environment": environment(),
        "processor": processor(),
        "versions": {name: version(name) for name in PACKAGES},
        "date": date.today().isoformat(),
    }


def environment() -> str:
    """Variables that decide how threads work."""
    return " ".join(f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("OMP_"))
