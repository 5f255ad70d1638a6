"""Speed of importance weighting against its physical limit: the decoder's bare forward pass over as many codes.

    python -m benchmarks.speed.weights RUN --images 250 --k 40 --rounds 5        # under a minute for MNIST

Both are timed by turns in one process. A ratio of 1 would mean that drawing codes and evaluating three densities costs
nothing.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import torch

import gvae
from benchmarks.rows import about, show
from benchmarks.script import parser, typed
from benchmarks.timing import alternate, ratio, seconds
from gvae.data import open_data


@torch.no_grad()
def main() -> None:
    """Measure one run and keep its row."""
    options = parser(__doc__, dry=True)
    options.add_argument("run", type=Path)
    options.add_argument("--images", type=int, default=250)
    options.add_argument("--k", type=int, default=40)
    options.add_argument("--rounds", type=int, default=5)
    o = options.parse_args()
    run = gvae.load(o.run)
    data = open_data(run.run.data)
    x = data.batch(data.split("test")[: o.images]).x
    model, z = run.model, torch.randn(len(x), run.model.latent_dim)  # pyright: ignore

    def weigh() -> None:
        run.log_weights(x, o.k)

    def decode() -> None:
        for _ in range(o.k):
            model.generator(z)  # pyright: ignore

    weigh()  # warm
    decode()
    bare, whole = alternate(o.rounds, lambda: seconds(decode), lambda: seconds(weigh))
    row = about(typed("speed.weights", o.run, images=o.images, k=o.k, rounds=o.rounds), note=o.note) | {
        "model": run.run.model,
        "config": run.run.model_config,
        "codes_per_second": o.images * o.k / statistics.median(whole),
        "decoder_codes_per_second": o.images * o.k / statistics.median(bare),
        **ratio(bare, whole),
    }
    show("weights", o.run.resolve().name, row, o.dry)


if __name__ == "__main__":
    main()
