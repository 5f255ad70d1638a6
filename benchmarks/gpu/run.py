"""Run what only a GPU can give, in parts of a few minutes, and keep rows and pictures.

    python -m benchmarks.gpu.run --out results --minutes 9         # open jobs in turn; call again to continue

Open jobs are those of queue.json without "done". A job that does not end in time is told to stop (a training writes its
checkpoint), and the next call with the same OUT continues it. A finished one leaves a row in OUT/rows.json, its sample
grid OUT/NAME.png and, where weights are wanted, OUT/NAME.safetensors. Copy the rows to benchmarks/results/gpu.json and tick
the queue; tables of the papers write their rows to benchmarks/results themselves.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import keep, read
from benchmarks.runs import numbers
from benchmarks.script import parser
from gvae.runs import Run

QUEUE = Path(__file__).parent / "queue.json"
STOP = 60
"""seconds that a command has to stop in, after which it is killed"""
LEAST = 30
"""seconds that must be left for a command to be started"""


def main() -> None:
    """Run open jobs while there is time."""
    options = parser(__doc__)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--minutes", type=float, default=9, help="length of this part; stopping takes up to one more")
    options.add_argument("--only", nargs="*", help="names of jobs")
    o = options.parse_args()
    jobs = json.loads(QUEUE.read_text(encoding="utf-8"))
    chosen = [job for job in jobs if (job["name"] in o.only if o.only else "done" not in job)]
    work([{**job, "note": o.note} for job in chosen], o.out, 60 * o.minutes)


def work(jobs: list[dict[str, Any]], out: Path, seconds: float) -> None:
    """Run or continue the jobs in turn until the time is over; rows.json says how far each is."""
    out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    for job in jobs:
        row = read("rows", out).get(job["name"], {"step": 0, "seconds": 0.0})
        while row.get("step") is not None and "failed" not in row and end - time.monotonic() > LEAST:
            advance(job, row, out, end)
            keep("rows", job["name"], row, out)


def advance(job: dict[str, Any], row: dict[str, Any], out: Path, end: float) -> None:
    """Run or continue the job's current command; the row goes to the next one if it ends, and is complete after the last."""
    folder, start = out / "runs" / job["name"], time.monotonic()
    command = typed(job["commands"][row["step"]], folder)
    print("+", *command, flush=True)
    code = obey(command, end)
    row["seconds"] = round(row["seconds"] + time.monotonic() - start, 1)
    if code is None:
        return
    if code:
        row["failed"] = f"exit code {code}: {shlex.join(command)}"
    elif row["step"] + 1 < len(job["commands"]):
        row["step"] += 1
    else:
        del row["step"]
        row |= {**job, **gather(job, folder, out)}


def typed(command: str, folder: Path) -> list[str]:
    """The words to run: RUN is the job's folder, and a training that has begun is resumed."""
    words = shlex.split(command.replace("RUN", str(folder)))
    if words[:2] == ["gvae", "train"] and (folder / "run.json").exists():
        words = ["gvae", "resume", str(folder)]
    return [sys.executable, "-m", "gvae", *words[1:]] if words[0] == "gvae" else [sys.executable, *words[1:]]


def obey(words: list[str], end: float) -> int | None:
    """Exit code of a command; None if time was over and it was stopped, with all that it had started."""
    process = subprocess.Popen(words, start_new_session=True)
    try:
        return process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP
        while alive(process) and time.monotonic() < deadline:
            time.sleep(0.2)
        if alive(process):
            os.killpg(process.pid, signal.SIGKILL)
        return None


def alive(process: subprocess.Popen) -> bool:
    """Whether anything of the command's process group still runs; what it started may outlive it by a checkpoint."""
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def gather(job: dict[str, Any], folder: Path, out: Path) -> dict[str, Any]:
    """What a finished job leaves: numbers, timing, pictures."""
    if not (folder / "run.json").exists():
        return {}
    run = Run.open(folder)
    shutil.copy(run.final, out / f"{job['name']}.png")
    if job.get("weights"):
        shutil.copy(folder / "weights.safetensors", out / f"{job['name']}.safetensors")
    return {"about": run.about, "timing": run.timing_rows()[-1], "numbers": numbers(run)}


if __name__ == "__main__":
    main()
