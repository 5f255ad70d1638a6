"""How often a metric's 95 % interval holds what it says: the metrics themselves on features and images drawn anew each time.

    python -m benchmarks.studies.intervals                 # 10 minutes on one core; a second call continues
    python -m benchmarks.studies.intervals --metrics fd kd --images 1000

tests/metrics/test_intervals.py does the same with shortcuts in place of the long sums, in a minute. Features are like those
of the classifiers: 64 values, none below 0, many 0. "near" sets differ by about as much as a good model from its data.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn.functional import interpolate

from benchmarks.rows import Row, about, once
from benchmarks.script import parser, typed
from gvae.metrics.base import split_errors
from gvae.metrics.class_histogram import class_histogram
from gvae.metrics.code_kl import moments
from gvae.metrics.frechet import frechet
from gvae.metrics.intervals import mean_and_error
from gvae.metrics.kernel import kernel_distance
from gvae.metrics.mmd import mmd
from gvae.metrics.mmd_linear import mmd_linear
from gvae.metrics.ms_ssim import PAIRS, draw_pairs, mean_similarity, similarity
from gvae.metrics.prdc import prdc

Rng = np.random.Generator
Draw = Callable[[Rng, int, float], dict[str, float]]
APART = {"equal": 0.0, "near": 0.1, "apart": 0.4}
"""how far the generated images are from the real ones"""
SECONDS = 10.0
"""time for one row"""
FEWEST, MOST = 100, 2000
"""repetitions of a row, whatever time they take, and at most"""
SLOW = ("kd", "prdc", "mmd", "ms-ssim")
"""metrics that are measured on near sets only"""
MIXING = np.random.default_rng(0).normal(size=(10, 64)) / 3
"""from ten hidden causes to features"""


def features(rng: Rng, n: int, apart: float) -> np.ndarray:
    """Features (N, 64) that share hidden causes; `apart` shifts them and makes them less varied."""
    causes = rng.normal(apart, 1 - apart / 2, (n, 10))
    return np.maximum(causes @ MIXING + rng.normal(0, 0.3, (n, 64)), 0)


def images(rng: Rng, n: int, apart: float) -> np.ndarray:
    """Images (N, 1, 28, 28) in [-1, 1] of blobs on a background, of which each image has its own gray."""
    coarse = torch.from_numpy(rng.random((n, 1, 4, 4), np.float32)) * (1 - apart)
    blobs = interpolate(coarse, size=(28, 28), mode="bilinear").numpy()
    gray = rng.random((n, 1, 1, 1), np.float32)
    return (2 * np.clip(0.7 * blobs + 0.3 * gray, 0, 1) - 1).astype(np.float32)


def codes(rng: Rng, n: int, apart: float) -> dict[str, float]:
    value, error = moments(rng.normal(apart, 1 - apart, (n, 32)))
    return {"code_kl": value, "error": error}


def shares(rng: Rng, n: int, apart: float) -> dict[str, float]:
    chances = np.exp(3 * apart * np.linspace(-1, 1, 10))
    drawn = rng.choice(10, n), rng.choice(10, n, p=chances / chances.sum())
    return class_histogram(*(np.eye(10)[classes] for classes in drawn))


def alike(rng: Rng, n: int, apart: float) -> dict[str, float]:
    """MS-SSIM, and beside it the interval that takes pairs as independent."""
    drawn = images(rng, n, apart)
    value, error = mean_similarity(drawn, None, PAIRS, 0)
    first, second = (torch.from_numpy(drawn[i] / 2 + 0.5) for i in draw_pairs(n, None, PAIRS, 0))
    naive = mean_and_error(similarity(first, second).numpy())
    return {"ms_ssim": value, "error": error, "as independent pairs": naive[0]} | {
        "error_as independent pairs": naive[1]
    }


def of_two(function: Callable[..., dict[str, float]], make: Callable[[Rng, int, float], np.ndarray]) -> Draw:
    """A metric of two sets, the real ones first."""
    return lambda rng, n, apart: function(make(rng, n, 0.0), make(rng, n, apart))


DRAWS: dict[str, Draw] = {
    "fd": of_two(frechet, features),
    "kd": of_two(kernel_distance, features),
    "prdc": of_two(prdc, features),
    "class-histogram": shares,
    "mmd": of_two(mmd, images),
    "mmd-linear": of_two(mmd_linear, images),
    "ms-ssim": alike,
    "code-kl": codes,
}


def main() -> None:
    """Simulate whatever has no row yet."""
    options = parser(__doc__)
    options.add_argument("--metrics", nargs="*", choices=list(DRAWS), default=list(DRAWS))
    options.add_argument("--images", type=int, nargs="*", default=[200, 1000, 5000])
    o = options.parse_args()
    for name in o.metrics:
        for n in o.images:
            for apart in ("near",) if name in SLOW else APART:
                once("intervals", f"{name}, {n}, {apart}", partial(simulate, name, n, apart, o.note))


def simulate(name: str, n: int, apart: str, note: str) -> Row:
    """Repetitions of one metric, and what is kept of each number."""
    rng, found, begun = np.random.default_rng([n, len(name), len(apart)]), [], time.perf_counter()
    while len(found) < FEWEST or (time.perf_counter() - begun < SECONDS and len(found) < MOST):
        found.append(split_errors(DRAWS[name](rng, n, APART[apart])))
    numbers = {number: summary(found, number) for number in found[0][1]}
    row = {"metric": name, "images": n, "sets": apart, "repetitions": len(found), "numbers": numbers}
    return about(typed("studies.intervals", metrics=[name], images=[n]), note=note) | row


def summary(found: list[tuple[dict[str, float], dict[str, float]]], number: str) -> Row:
    """Mean, standard deviation and mean half width of one number, and the share of intervals that hold the mean."""
    values = np.array([held[number] for held, _ in found])
    widths = np.array([errors.get(number, np.nan) for _, errors in found])
    held = abs(values - values.mean()) <= widths
    kept = {"mean": values.mean(), "sd": values.std(ddof=1), "half width": np.nanmean(widths)}
    return {key: float(f"{value:.4g}") for key, value in kept.items()} | {"held": round(float(held.mean()), 4)}


if __name__ == "__main__":
    main()
