"""Likelihoods of images, each by its own estimator: what metrics ask of a model that has a density.

Long ones go image by image, block by block, and continue after a kill (see `gvae.evaluation.blocks`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gvae.evaluation.blocks import Progress, key, per_image
from gvae.evaluation.images import Images
from gvae.metrics.base import Unavailable
from gvae.metrics.iwae import weighed as weigh_codes

if TYPE_CHECKING:
    from gvae.data.dataset import Dataset
    from gvae.loaded import Loaded

WEIGHED = 50_000
"""codes decoded for one importance-weighted bound unless more images are asked for: k times the number of images"""
ANNEALED = 100
"""images whose likelihood is estimated by annealing unless more are asked for"""
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


class Likelihoods(Images):
    """Images of one model and one data set, and what the model says of how likely they are.

    Args:
        loaded: the run, see `gvae.load`.
        dataset: the data to compare with.
        samples: images to draw and to compare with, at most; fewer where the data has fewer.
        split: the reference: "test" for reporting, "val" for selection.
        seed: seed of samples and codes.
        prior: where samples come from; None: the run's own.
        weighed: images of importance-weighted and annealed estimates; None: what WEIGHED codes allow.
        precision: "bf16": encoder and generator compute log weights in it, densities and prior in fp32.
        progress: told about long measurements.

    Raises:
        GvaeError: images of another shape than the model's, an empty split, or samples below 1.
    """

    def __init__(
        self,
        loaded: Loaded,
        dataset: Dataset,
        samples: int = 10_000,
        split: str = "test",
        seed: int = 0,
        prior: str | None = None,
        weighed: int | None = None,
        precision: str = "fp32",
        progress: Progress = lambda done, n: None,
    ) -> None:
        super().__init__(loaded, dataset, samples, split, seed, prior)
        self.weighed, self.precision, self.progress = weighed, precision, progress

    def count(self, name: str) -> int:
        """How many images stand behind a needed thing."""
        name, *numbers = name.split(":")
        if name == "annealed_gap":
            return SIMULATED
        if numbers:
            usual = ANNEALED if name == "annealed" else max(1, WEIGHED // int(numbers[0]))
            return min(len(self._real), self.weighed or usual)
        kinds = {"fake": self._samples, "other": len(self._other)}
        return kinds.get(name.partition("_")[0], len(self._real))

    def reduced(self) -> AbstractContextManager[Any]:
        """Networks compute in the precision that was asked for."""
        import torch

        reduced = self.precision == "bf16"
        return torch.autocast(self.loaded.model.device.type, torch.bfloat16, enabled=reduced)

    @cached_property
    def log_likelihood(self) -> np.ndarray:
        """log p(x) (N,) nats by the model's own formula, or by a sum over a grid of codes.

        Raises:
            Unavailable: neither is possible.
        """
        import torch

        loaded, model = self.loaded, self.loaded.model
        if loaded.can("log_likelihood"):
            formula = loaded.need("log_likelihood")
            with torch.no_grad():
                return np.concatenate([formula(x, y).cpu().double().numpy() for x, y in self.blocks()])
        self.require("log_weights", "likelihood")
        size = getattr(model, "latent_dim", 0)
        if size not in GRID or loaded.spec.dim > TINY or model.condition:
            raise Unavailable("n/a (exact for pca, and for codes of 1 or 2 dimensions of tiny images)")
        from gvae.evaluation.grid import on_grid

        return on_grid(model, self.real, GRID[size], REACH, self.prior)  # pyright: ignore[reportArgumentType]

    @cached_property
    def entropy_limit(self) -> np.ndarray:
        """Minus the entropy of the images, () nats; not a number unless they are tiny and binarised once for all."""
        if self.dataset.spec.binary != "static" or self.dataset.spec.dim > TINY:
            return np.array(np.nan)
        images = self.real.reshape(len(self.real), -1)
        share = np.unique(images, axis=0, return_counts=True)[1] / len(images)
        return np.asarray(np.sum(share * np.log(share)))

    def bounds(self, k: int) -> np.ndarray:
        """Importance-weighted bound with k codes and effective number of samples of the first images, (2, N)."""
        self.require("log_weights", "likelihood")

        def compute(first: int, end: int) -> np.ndarray:
            ((x, y),) = self.blocks(end, first)
            return weigh_codes(self.loaded.log_weights(x, k, y, prior=self.prior).cpu().numpy())

        return self.long(f"iwae-{k}", self.count(f"bounds:{k}"), self.block, compute)

    def annealed(self, temperatures: int, chains: int) -> np.ndarray:
        """log p(x) by annealing and acceptance rate of the first images, (2, N)."""
        from gvae.evaluation.annealing import Schedule
        from gvae.evaluation.chains import estimate

        self.require("log_weights", "likelihood")

        def compute(first: int, end: int) -> np.ndarray:
            ((x, y),) = self.blocks(end, first)
            return estimate(self.loaded.model, x, y, Schedule(temperatures), chains, self.prior)  # pyright: ignore

        name, block = f"annealed:{temperatures}:{chains}", min(self.block, max(1, WALKS // chains))
        return self.long(name.replace(":", "-"), self.count(name), block, compute)

    def annealed_gap(self, temperatures: int, chains: int) -> np.ndarray:
        """Upper minus lower bound on images that the model has drawn, (1, M) nats."""
        from gvae.evaluation.annealing import Schedule
        from gvae.evaluation.chains import gap

        self.require("log_weights", "likelihood")

        def compute(first: int, end: int) -> np.ndarray:
            return gap(self.loaded.model, end - first, Schedule(temperatures), chains, self.prior)  # pyright: ignore

        return self.long(f"gap-{temperatures}-{chains}", SIMULATED, SIMULATED, compute)

    def long(self, name: str, n: int, block: int, compute: Callable[[int, int], np.ndarray]) -> np.ndarray:
        """A measurement of n images block by block, each under a seed of its own."""
        import torch

        from gvae.seeding import seeded

        def block_of(first: int, end: int) -> np.ndarray:
            with seeded(self.seed + first), torch.no_grad(), self.reduced():
                return compute(first, end)

        run = self.loaded.run
        protocol = {"name": name, "n": n, "block": block, "seed": self.seed, "split": self.split}
        protocol |= {"data": [self.identity, self.membership], "precision": self.precision}
        protocol |= {"prior": [self.prior, self.loaded.prior_fit], "weights": self.loaded.digest}
        return per_image(n, block, block_of, run.partial(f"{name}-{key(protocol)}"), self.progress)
