"""The headline comparison: GVAE, VAE, WGAN-GP and VAE-GAN on MNIST, the same minutes on the same machine.

    python benchmarks/headline.py --seeds 0 1 2        # 2 hours on two cores; a second call continues
    python benchmarks/tables.py                        # writes the tables of README and docs from the rows

Every row of results/headline.json comes from `gvae train` and `gvae evaluate` as the row's commands say. Nothing else
should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from rows import gvae, make, row, trained

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
            name = f"{options.data}-{model}-{options.minutes:g}min-{seed}"
            make("headline", name, partial(measure, model, seed, options.runs / name, options))
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


def measure(model: str, seed: int, out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One training, one evaluation, one row."""
    told = f"--data {options.data} --minutes {options.minutes:g} --seed {seed} {MODELS[model]}"
    command = trained(f"gvae train {model} {told}", out)
    evaluated = (
        f"gvae evaluate {out} --metrics {METRICS if model in ('gvae', 'vae', 'vae-gan') else METRICS[:-4]}"
    )
    gvae(evaluated)
    return row(out, [command, evaluated]) | {"note": options.note}


if __name__ == "__main__":
    main()
