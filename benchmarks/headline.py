"""The headline comparison: GVAE, VAE, WGAN-GP and VAE-GAN on MNIST, the same minutes on the same machine.

    python benchmarks/headline.py --seeds 0 1 2        # 2 hours on two cores; a second call continues
    python benchmarks/tables.py                        # writes the tables of README and docs from the rows

Every row of results/headline.json comes from `gvae train` and `gvae evaluate` as the row's commands say. Nothing else
should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from gvae.runs import Run

RESULTS = Path(__file__).parent / "results" / "headline.json"
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "headline.png"
MODELS = {"gvae": "", "vae": "--prior normal", "wgan-gp": "--critic-steps 2", "vae-gan": ""}
"""options beyond the defaults; those of wgan-gp are the best of trials.json for so short a training"""
METRICS = "fd,kd,prdc,class-histogram,mmd,ms-ssim,mse"


def main() -> None:
    """Train and measure whatever has no row yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--runs", type=Path, default=Path("runs/headline"))
    parser.add_argument("--note", default="", help="anything a reader of the rows must know")
    options = parser.parse_args()
    for seed in options.seeds:
        for model in options.models:
            rows = read()
            name = f"{options.data}-{model}-{options.minutes:g}min-{seed}"
            if name not in rows:
                out = options.runs / name
                rows = {**read(), name: measure(model, options.data, options.minutes, seed, out)}
                rows[name]["note"] = options.note
                RESULTS.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n", encoding="utf-8")
    draw(options.data, options.seeds[0], options.minutes, options.runs)


def draw(data: str, seed: int, minutes: float, runs: Path) -> None:
    """Real images beside the samples of every model, for the README."""
    from PIL import Image

    from gvae.data import open_data
    from gvae.report.figures import grid, save
    from gvae.report.panels import panels

    dataset = open_data(data)
    pictures = {"real images": grid(dataset.batch(dataset.split("test")[:64]).x)}
    for model in MODELS:
        run = runs / f"{data}-{model}-{minutes:g}min-{seed}"
        pictures[f"{model} {MODELS[model].replace('--', '')}".strip()] = Image.open(run / "final.png")
    FIGURE.parent.mkdir(exist_ok=True)
    save(panels(pictures, columns=3), FIGURE)


def read() -> dict[str, Any]:
    """Rows so far."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def measure(model: str, data: str, minutes: float, seed: int, out: Path) -> dict[str, Any]:
    """One training, one evaluation, one row."""
    trained = (
        f"gvae train {model} --data {data} --minutes {minutes:g} --seed {seed} {MODELS[model]} --out {out}"
    )
    if (out / "run.json").exists():
        gvae(f"gvae resume {out}")
    else:
        gvae(trained)
    evaluated = (
        f"gvae evaluate {out} --metrics {METRICS if model in ('gvae', 'vae', 'vae-gan') else METRICS[:-4]}"
    )
    gvae(evaluated)
    return row(out, [" ".join(trained.split()), evaluated])


def row(out: Path, commands: list[str]) -> dict[str, Any]:
    """What `gvae train` and `gvae evaluate` left in a run, with what produced it."""
    run = Run.open(out)
    timing = [json.loads(line) for line in run.timing.read_text().splitlines()]
    return {
        "commands": commands,
        "model": run.model,
        "data": run.data,
        "seed": run.train.seed,
        "minutes": run.train.minutes,
        "images": timing[-1]["images"],
        "peak_mb": timing[-1].get("peak_mb"),
        "environment": " ".join(f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("OMP_")),
        "processor": run.about["processor"],
        "versions": run.about["versions"],
        "date": run.about["date"],
        "numbers": {
            number["name"] + (f", {number['variant']}" if number["variant"] else ""): {
                key: number[key] for key in ("value", "floor", "error", "n")
            }
            for number in json.loads(run.metrics.read_text())["numbers"]
        },
    }


def gvae(command: str) -> None:
    """Run a gvae command in this environment."""
    print("+", command, flush=True)
    subprocess.run([sys.executable, "-m", "gvae", *shlex.split(command)[1:]], check=True)


if __name__ == "__main__":
    main()
