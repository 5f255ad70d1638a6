r"""PCA, which on faces is called eigenfaces, with the exact likelihood of probabilistic PCA.

    Eigenfaces for Recognition (Turk & Pentland, 1991) https://doi.org/10.1162/jocn.1991.3.1.71
    Probabilistic Principal Component Analysis (Tipping & Bishop, 1999) https://doi.org/10.1111/1467-9868.00196

        p(z) = N(0, I),   p(x|z) = N(W z + m, s I),   W = U (L - s I)^(1/2),   s = mean of the variances left out
        q(z|x) = p(z|x) = N(L^-1 W' (x - m), s L^-1),        p(x) = N(m, W W' + s I)

with U the first Z principal axes, L their variances. Maximum likelihood in closed form, so there is nothing to train: the
components are found by scikit-learn from up to `IMAGES` images when training ends. A conditional model has components of
its own for every class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from gvae.config import LatentConfig
from gvae.distributions.likelihoods import Likelihood
from gvae.errors import GvaeError
from gvae.models.base import Model, Turn
from gvae.models.latent import LatentModel
from gvae.types import Batch, DataSpec

IMAGES = 60_000
"""images from which components are found, at most"""
VALUES = 2e8
"""pixel values that are held in memory for it, at most"""


@dataclass(frozen=True)
class Config(LatentConfig):
    """Principal component analysis (eigenfaces)."""


class PCA(LatentModel):
    """Principal component analysis (eigenfaces)."""

    Config = Config

    def __init__(self, spec: DataSpec, config: Config | None = None, **options: Any) -> None:
        Model.__init__(self, spec, config, **options)  # no networks
        if self.condition != self.classes:
            raise GvaeError(f"pca --conditional needs classes; {spec.name} has attributes")
        if self.config.latent >= spec.dim:
            raise GvaeError(f"--latent is {self.config.latent}; pca of {spec.dim} pixel values has fewer components")
        self.prior = self.make_prior()
        self.likelihood = Likelihood("gaussian", spec)
        groups = max(1, self.condition)
        for name, value in {
            "centre": torch.zeros(groups, spec.dim),
            "axes": torch.eye(spec.dim, self.config.latent).repeat(groups, 1, 1),
            "variances": torch.full((groups, self.config.latent), 2.0),
            "rest": torch.ones(groups),
        }.items():
            self.register_buffer(name, value)
        self.centre: Tensor
        self.axes: Tensor
        self.variances: Tensor
        self.rest: Tensor

    @property
    def device(self) -> torch.device:
        return self.centre.device

    def players(self):
        return {}

    def turns(self) -> list[Turn]:
        return []

    def encode(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        """The exact posterior p(z|x)."""
        g = self.group(x, y)
        variances, rest = self.variances[g], self.rest[g][:, None]
        along = torch.einsum("bdz,bd->bz", self.axes[g], x.flatten(1) - self.centre[g])
        scale = (rest / variances).sqrt()
        return Independent(Normal(along * (variances - rest).sqrt() / variances, scale), 1)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Distribution:
        """p(x|z), whose mean is a plane in pixel space and may leave [-1, 1]."""
        g = self.group(z, y)
        rest = self.rest[g][:, None]
        along = z * (self.variances[g] - rest).sqrt()
        mean = self.centre[g] + torch.einsum("bdz,bz->bd", self.axes[g], along)
        mean = mean.unflatten(1, (self.spec.channels, *self.spec.shape))
        scale = rest.sqrt().reshape(-1, *[1] * (mean.dim() - 1)).expand_as(mean)
        return Independent(Normal(mean, scale), mean.dim() - 1)

    def sample(self, n: int, y: Tensor | None = None, prior: str | None = None) -> Tensor:
        """Draw n images (n, C, *S), cut to [-1, 1]."""
        return super().sample(n, y, prior).clamp(-1, 1)

    def log_likelihood(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """log p(x) (B,) under p(z) = N(0, I), exact, in nats."""
        g = self.group(x, y)
        difference = (x.flatten(1) - self.centre[g]).double()
        variances, rest = self.variances[g].double(), self.rest[g].double()
        along = torch.einsum("bdz,bd->bz", self.axes[g].double(), difference).square()
        outside = difference.square().sum(1) - along.sum(1)
        left = self.spec.dim - self.config.latent
        logdet = variances.log().sum(1) + left * rest.log()
        distance = (along / variances).sum(1) + outside / rest
        return -0.5 * (self.spec.dim * math.log(2 * math.pi) + logdet + distance)

    def group(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Which components serve each of x (B, ...): those of its class, or the only ones."""
        if self.condition and y is None:
            raise GvaeError("this model is conditional, but got no labels: give the class of every image")
        return y if self.condition and y is not None else torch.zeros(len(x), dtype=torch.long, device=x.device)

    @torch.no_grad()
    def fit_prior(self, batches: Iterable[Batch], seed: int = 0) -> None:
        """Find the components, then fit the prior to the codes.

        Args:
            batches: training data; reading stops after `IMAGES` images.
            seed: seed of scikit-learn's randomised solver, and of the prior's fit.

        Raises:
            GvaeError: fewer images than components, in one class if conditional.
        """
        kept, limit = [], min(IMAGES, VALUES / self.spec.dim)
        for batch in batches:
            kept.append(batch)
            if sum(len(b.x) for b in kept) >= limit:
                break
        x = torch.cat([b.x for b in kept]).flatten(1)
        g = torch.cat([self.group(b.x, b.y) for b in kept])
        for i in range(len(self.rest)):
            self.find(i, x[g == i].cpu().numpy(), seed)
        with torch.autocast(x.device.type, enabled=False):  # projections are exact
            super().fit_prior(kept, seed)

    def find(self, i: int, x: np.ndarray, seed: int) -> None:
        """Components of one class from images (N, D)."""
        from sklearn.decomposition import PCA as Components

        if len(x) <= self.config.latent:
            raise GvaeError(
                f"{self.config.latent} components need more than {len(x)} images"
                f"{' of each class' * bool(self.condition)}; use a smaller --latent"
            )
        found = Components(self.config.latent, random_state=seed).fit(x)
        self.centre[i] = torch.from_numpy(found.mean_)
        self.axes[i] = torch.from_numpy(np.asarray(found.components_).T)
        self.rest[i] = max(float(found.noise_variance_), 1e-6)
        variances = np.maximum(found.explained_variance_, float(self.rest[i]) * (1 + 1e-4))
        self.variances[i] = torch.from_numpy(variances)
