"""Likelihoods of images, each by its own estimator: what metrics ask of a model that has a density.

Long ones go image by image, block by block, and continue after a kill (see `gvae.metrics.blocks`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gvae.metrics.base import Unavailable
from gvae.metrics.blocks import key, per_image
from gvae.metrics.iwae import weighed

if TYPE_CHECKING:
    from gvae.metrics.needs import Needs

WALKS = 500
"""chains that walk together"""
SIMULATED = 16
"""images drawn for the bidirectional check"""
GRID = {1: 20_001, 2: 601}
"""points per side of the grid of codes, by their number of dimensions"""
REACH = 8.0
"""the grid reaches so far to both sides"""
TINY = 64
"""values in an image up to which a grid of codes is exact enough"""


def exact(needs: Needs) -> np.ndarray:
    """log p(x) (N,) nats by the model's own formula, or by a sum over a grid of codes.

    Raises:
        Unavailable: neither is possible.
    """
    import torch

    loaded, model = needs.loaded, needs.loaded.model
    if loaded.can("log_likelihood"):
        formula = loaded.need("log_likelihood")
        with torch.no_grad():
            return np.concatenate([formula(x, y).cpu().double().numpy() for x, y in needs.blocks()])
    needs.require("log_weights", "likelihood")
    size = getattr(model, "latent_dim", 0)
    if size not in GRID or loaded.spec.dim > TINY or model.condition:
        raise Unavailable("n/a (exact for pca, and for codes of 1 or 2 dimensions of tiny images)")
    from gvae.metrics.grid import on_grid

    return on_grid(model, needs.real, GRID[size], REACH, needs.prior)  # pyright: ignore[reportArgumentType]


def entropy_limit(needs: Needs) -> np.ndarray:
    """Minus the entropy of the images, () nats; not a number unless they are tiny and binarised once for all."""
    if needs.dataset.spec.binary != "static" or needs.dataset.spec.dim > TINY:
        return np.array(np.nan)
    images = needs.real.reshape(len(needs.real), -1)
    share = np.unique(images, axis=0, return_counts=True)[1] / len(images)
    return np.asarray(np.sum(share * np.log(share)))


def bounds(needs: Needs, k: int) -> np.ndarray:
    """Importance-weighted bound with k codes and effective number of samples of the first images, (2, N)."""
    needs.require("log_weights", "likelihood")

    def compute(first: int, end: int) -> np.ndarray:
        ((x, y),) = needs.blocks(end, first)
        return weighed(needs.loaded.log_weights(x, k, y, prior=needs.prior).cpu().numpy())

    return long(needs, f"iwae-{k}", needs.count(f"bounds:{k}"), needs.block, compute)


def annealed(needs: Needs, temperatures: int, chains: int) -> np.ndarray:
    """log p(x) by annealing and acceptance rate of the first images, (2, N)."""
    from gvae.metrics.annealing import Schedule
    from gvae.metrics.chains import estimate

    needs.require("log_weights", "likelihood")

    def compute(first: int, end: int) -> np.ndarray:
        ((x, y),) = needs.blocks(end, first)
        return estimate(needs.loaded.model, x, y, Schedule(temperatures), chains, needs.prior)  # pyright: ignore

    name, block = f"annealed:{temperatures}:{chains}", min(needs.block, max(1, WALKS // chains))
    return long(needs, name.replace(":", "-"), needs.count(name), block, compute)


def annealed_gap(needs: Needs, temperatures: int, chains: int) -> np.ndarray:
    """Upper minus lower bound on images that the model has drawn, (1, M) nats."""
    from gvae.metrics.annealing import Schedule
    from gvae.metrics.chains import gap

    needs.require("log_weights", "likelihood")

    def compute(first: int, end: int) -> np.ndarray:
        return gap(needs.loaded.model, end - first, Schedule(temperatures), chains, needs.prior)  # pyright: ignore

    return long(needs, f"gap-{temperatures}-{chains}", SIMULATED, SIMULATED, compute)


def long(
    needs: Needs, name: str, n: int, block: int, compute: Callable[[int, int], np.ndarray]
) -> np.ndarray:
    """A measurement of n images block by block, each under a seed of its own."""
    import torch

    from gvae.seeding import seeded

    def block_of(first: int, end: int) -> np.ndarray:
        with seeded(needs.seed + first), torch.no_grad(), needs.reduced():
            return compute(first, end)

    run, spec = needs.loaded.run, needs.dataset.spec
    weights = run.weights.stat() if run.weights.exists() else None
    protocol = {"name": name, "n": n, "block": block, "seed": needs.seed, "split": needs.split}
    protocol |= {"data": spec.to_json(), "prior": needs.prior, "precision": needs.precision}
    protocol |= {"weights": weights and (weights.st_size, weights.st_mtime_ns)}
    return per_image(n, block, block_of, run.partial(f"{name}-{key(protocol)}"), needs.progress)
