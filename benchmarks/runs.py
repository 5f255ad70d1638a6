"""Trainings and evaluations by gvae's own commands, and the rows of what they left in a run folder."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, environment
from gvae.runs import Run


def gvae(command: str) -> None:
    """Run a gvae command in this environment."""
    print("+", command, flush=True)
    subprocess.run([sys.executable, "-m", "gvae", *shlex.split(command)[1:]], check=True)


def trained(command: str, out: Path) -> str:
    """Run `gvae train ...` into a run folder, or continue what is there; returns the command with its output folder."""
    command = " ".join(f"{command} --out {out}".split())
    if not (out / "final.png").exists():
        gvae(f"gvae resume {out}" if (out / "run.json").exists() else command)
    return command


def measured(command: str, out: Path, metrics: str, note: str = "") -> Row:
    """The row of `gvae train ...`, as `trained` runs it, and of `gvae evaluate` with those metrics and options."""
    commands = [trained(command, out), f"gvae evaluate {out} --metrics {metrics}"]
    gvae(commands[-1])
    return row(out, commands, note)


def row(out: Path, commands: list[str], note: str = "") -> Row:
    """What `gvae train` and `gvae evaluate` left in a run, with what produced it."""
    run = Run.open(out)
    last = run.timing_rows()[-1]
    return {
        "commands": commands,
        "note": note,
        "model": run.model,
        "data": run.data,
        "seed": run.train.seed,
        "minutes": run.train.minutes,
        **{key: last.get(key) for key in ("images", "closing", "peak_mb")},
        "environment": environment(),
        **{key: run.about[key] for key in ("processor", "versions", "date")},
        "numbers": numbers(run),
    }


def numbers(run: Run) -> dict[str, dict[str, Any]]:
    """Value, floor, error and n of each number of a run, by its name and variant."""
    held = json.loads(run.metrics.read_text(encoding="utf-8"))["numbers"] if run.metrics.exists() else []
    return {
        number["name"] + (f", {number['variant']}" if number["variant"] else ""): {
            key: number[key] for key in ("value", "floor", "error", "n")
        }
        for number in held
    }
