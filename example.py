"""Train a small model from Python, sample from it, reconstruct with it, measure it: 20 seconds on two cores.

    python example.py [FOLDER]        (./example-run if no folder is given; it must not hold a run yet)

Prints, with other digits on another machine:

    1797 images of 1 x 8 x 8, 1439 of them for training
    trained on 60,000 images: example-run
    samples (64, 1, 8, 8) from -1.00 to 1.00 -> example-run/samples.png
    codes (16, 16), reconstruction error 0.0071 -> example-run/pairs.png
    fd   = 3.4     (real against real 2.49)
    mse  = 0.00825
    elbo = -9.81
"""

from __future__ import annotations

import sys
from pathlib import Path

import gvae
from gvae.plots.grids import grid, pairs, save


def main(out: Path) -> None:
    """Do all of it in the folder `out`."""
    data = gvae.open_data("digits")
    print(f"{len(data)} images of 1 x 8 x 8, {len(data.split('train'))} of them for training")

    model = gvae.VAE(data.spec, latent=16, beta=2.0)
    run = gvae.train(model, data, images=60_000, seed=0, out=out)
    print(f"trained on 60,000 images: {run.run.path}")

    images = run.sample(64, seed=1)
    save(grid(images), out / "samples.png")
    low, high = images.min().item(), images.max().item()
    print(f"samples {tuple(images.shape)} from {low:.2f} to {high:.2f} -> {out / 'samples.png'}")

    x = data.batch(data.split("test")[:16]).x
    codes, x_rec = run.encode(x), run.reconstruct(x)
    save(pairs(x, x_rec), out / "pairs.png")
    print(f"codes {tuple(codes.shape)}, reconstruction error {gvae.metrics.mse(x, x_rec):.4f} -> {out / 'pairs.png'}")

    for number in run.evaluate(metrics=["fd", "mse", "elbo"], samples=1_000):
        if not number.variant:
            floor = f"     (real against real {number.floor:.3g})" if number.floor else ""
            print(f"{number.name:<4} = {number.value:.3g}{floor}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example-run"))
