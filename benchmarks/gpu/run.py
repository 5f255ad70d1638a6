"""Run what only a GPU can give, one job after the other, and keep rows and pictures.

    python benchmarks/gpu/run.py --out results --minutes 9         # as many open jobs as fit; call again to go on

Open jobs are those of queue.json without "done". Each leaves a row in OUT/rows.json, its sample grid OUT/NAME.png and,
where weights are wanted, OUT/NAME.safetensors. Copy the rows to benchmarks/results/gpu.json and tick the queue.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

QUEUE = Path(__file__).parent / "queue.json"


def main() -> None:
    """Run open jobs while there is time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--minutes", type=float, default=9, help="stop starting jobs that would not end by then"
    )
    parser.add_argument("--only", nargs="*", help="names of jobs")
    o = parser.parse_args()
    o.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * o.minutes
    rows = o.out / "rows.json"
    done: dict[str, Any] = json.loads(rows.read_text()) if rows.exists() else {}
    for job in json.loads(QUEUE.read_text()):
        wanted = job["name"] in o.only if o.only else "done" not in job
        if not wanted or job["name"] in done or time.monotonic() + 60 * job["minutes"] > end:
            continue
        done[job["name"]] = run(job, o.out)
        rows.write_text(json.dumps(done, indent=1) + "\n")


def run(job: dict[str, Any], out: Path) -> dict[str, Any]:
    """One job: its commands in order, with RUN standing for its run folder."""
    folder = out / "runs" / job["name"]
    start = time.monotonic()
    for command in job["commands"]:
        words = shlex.split(command.replace("RUN", str(folder)))
        print("+", *words, flush=True)
        words = (
            [sys.executable, "-m", "gvae", *words[1:]] if words[0] == "gvae" else [sys.executable, *words[1:]]
        )
        code = subprocess.run(words, check=False).returncode
        if code:
            return {**job, "failed": f"exit code {code}: {command}"}
    row = {**job, "seconds": round(time.monotonic() - start)}
    if (folder / "run.json").exists():
        row["about"] = json.loads((folder / "run.json").read_text())["about"]
        row["timing"] = json.loads((folder / "timing.jsonl").read_text().splitlines()[-1])
        shutil.copy(folder / "final.png", out / f"{job['name']}.png")
        if job.get("weights"):
            shutil.copy(folder / "weights.safetensors", out / f"{job['name']}.safetensors")
    if (folder / "metrics.json").exists():
        numbers = json.loads((folder / "metrics.json").read_text())["numbers"]
        row["numbers"] = [{k: n[k] for k in ("name", "variant", "value", "floor", "n")} for n in numbers]
    return row


if __name__ == "__main__":
    main()
