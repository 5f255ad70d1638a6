"""The codes of a run: from images to codes, from codes to images, from the prior to codes, whatever the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.latent.inversion import SEARCH, Search, invert
from gvae.loaded import Loaded
from gvae.seeding import seeded

NO_DENSITY = {
    "normal": "which is densest at 0, far from where its codes lie",
    "flow": "whose density costs an integral at every step",
}
"""priors whose density no path should follow, and why"""
Progress = Callable[[int, int], None]
"""called with what is done and all there is to do"""


def ignore(done: int, total: int) -> None:
    """Show no progress."""


def part(progress: Progress, i: int, parts: int) -> Progress:
    """Progress of the i-th of several equal parts as progress of the whole."""
    return lambda done, total: progress(i * total + done, parts * total)


class Space:
    """The codes of a loaded run.

    A model with an encoder and a decoder is taken as it is. A GAN has neither: its images are tanh(generator(z)) with
    z ~ N(0, I), which is checked when it is opened, and codes of images are found by gradient descent.

    Args:
        loaded: the run.

    Raises:
        GvaeError: a model that has neither `decode` nor a generator of that kind.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.model: Any = loaded.model
        self.size: int = getattr(self.model, "latent_dim", None) or self.model.config.latent
        if not loaded.can("decode") and not self.generates():
            raise GvaeError(
                f"{loaded.run.path} is a {loaded.run.model}, whose codes cannot be changed: it has no method decode, "
                "and its samples are not tanh(generator(z)) of z ~ N(0, I)"
            )

    @torch.no_grad()
    def generates(self) -> bool:
        """Whether samples are tanh(generator(z)) of z ~ N(0, I), by a look at one."""
        if not callable(getattr(self.model, "generator", None)):
            return False
        y = self.model.in_turn(1)
        with seeded(0):
            x = self.model.sample(1, y)
        with seeded(0):
            z = torch.randn(1, self.size, device=self.model.device)
        return torch.allclose(x, torch.tanh(self.model.generator(z, y)), atol=1e-4)

    def image(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images (N, C, *S) of codes z (N, Z), differentiable, on the model's device.

        Args:
            y: class (1,) or attributes (1, A) of all of them, for a conditional model.
        """
        y = None if y is None else y.to(self.model.device).expand(len(z), *y.shape[1:])
        if self.loaded.can("decode"):
            return self.model.decode(z, y).mean
        return torch.tanh(self.model.generator(z, y))

    @torch.no_grad()
    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images (N, C, *S) of codes z (N, Z); y as for `image`."""
        z = z.to(self.model.device)
        return torch.cat([self.image(z[a:b], y) for a, b in self.loaded.ranges(len(z))]).cpu()

    def draw(self, n: int, y: Tensor | None = None, seed: int = 0) -> Tensor:
        """Codes (n, Z) of the prior that the run samples from; y as for `image`."""
        y = None if y is None else y.to(self.model.device).expand(n, *y.shape[1:])
        with seeded(seed), torch.no_grad():
            if hasattr(self.model, "draw_codes"):
                return self.model.draw_codes(n, y).cpu()
            return torch.randn(n, self.size)

    def encode(
        self, x: Tensor, y: Tensor | None = None, seed: int = 0, search: Search = SEARCH, progress: Progress = ignore
    ) -> Tensor:
        """Codes (B, Z) of images x (B, C, *S): the means of q(z|x), or the outcome of a search.

        Args:
            y: classes (B,) or attributes (B, A), for a conditional model.
            seed: of the search, and of encoders that are fed noise.
            search: how long a code is looked for where there is no encoder.
            progress: called with the steps of the search that are done and all of them.
        """
        x = self.loaded.images(x)
        device = self.model.device
        x, y = x.to(device), None if y is None else y.to(device)
        if self.loaded.can("encode"):
            with seeded(seed):
                return self.loaded.encode(x, y).cpu()
        return torch.stack(
            [
                self.search(image, None if y is None else y[i : i + 1], seed, search, part(progress, i, len(x)))
                for i, image in enumerate(x)
            ]
        ).cpu()

    def search(self, x: Tensor, y: Tensor | None, seed: int, search: Search, progress: Progress) -> Tensor:
        """The code (Z,) of one image (C, *S), by gradient descent."""
        return invert(lambda z: self.image(z, y), x, self.size, search, seed, progress)

    def codes(self, dataset: Dataset, indices: Sequence[int] | np.ndarray, seed: int = 0) -> Tensor:
        """Codes (n, Z) of the images of a data set at these positions.

        Raises:
            GvaeError: a model without encoder, or data whose classes are not those of a conditional model.
        """
        if not self.loaded.can("encode"):
            raise GvaeError(
                f"{self.loaded.run.path} is a {self.loaded.run.model}, which has no encoder, and directions are learned "
                "from the codes of many images; take a model that has one, such as vae or gvae, or change single "
                "components of its code with `gvae edit RUN PICTURE --add z0=2`"
            )
        if self.model.condition and dataset.spec.conditions != self.loaded.spec.conditions:
            raise GvaeError(
                f"{self.loaded.run.path} is conditional on {', '.join(self.loaded.spec.conditions)[:80]}, which "
                f"{dataset.spec.name} does not know; take the data that the run was trained on"
            )
        with seeded(seed):
            batch = dataset.batch(indices)
        return self.encode(batch.x, batch.y if self.model.condition else None, seed)

    @property
    def prior(self) -> str:
        """Name of the prior that codes are drawn from; normal for a GAN."""
        if not getattr(self.model, "prior_fitted", False):  # a GAN has none; before its fit it is N(0, I)
            return "normal"
        return self.model.prior.name  # pyright: ignore[reportAttributeAccessIssue, reportReturnType]

    @property
    def best_path(self) -> str:
        """The kind of path whose images look most like data: by the learned prior where its density is at hand."""
        return "spherical" if self.prior in NO_DENSITY else "density"

    def log_density(self, y: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """log p(z) (N,) of codes (N, Z) under the learned prior, differentiable; y as for `image`.

        Raises:
            GvaeError: a prior that was not learned, or whose density costs an integral.
        """
        if self.prior in NO_DENSITY:
            raise GvaeError(
                f"the prior of {self.loaded.run.path} is {self.prior}, {NO_DENSITY[self.prior]}; use --path spherical"
            )
        prior, device = self.model.prior, self.model.device
        return lambda z: prior.log_prob(
            z.to(device), None if y is None else y.to(device).expand(len(z), *y.shape[1:])
        ).to(z.device)
