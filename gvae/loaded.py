"""Open a trained run from Python: sample, encode, decode, reconstruct.

import gvae
run = gvae.load("runs/mnist-gvae-0")
images = run.sample(64)                # (64, 1, 28, 28) in [-1, 1]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from gvae.errors import GvaeError
from gvae.models.base import Model
from gvae.runs import Run
from gvae.types import DataSpec

BLOCK = 250
"""images per forward pass, at most"""


def load(run: Run | Path | str, device: str = "cpu", weights: str | None = None) -> Loaded:
    """Open a run folder; no data set is needed.

    Args:
        run: the folder.
        device: where the networks go.
        weights: "last", those at the end of training, or "best", those with the best score on validation images while
            it lasted; None: those that `run` was opened with, which are the last.

    Raises:
        GvaeError: not a run, another format, damaged weights, or no best ones.
    """
    from gvae.training.checkpoint import build, load_weights

    run = run if isinstance(run, Run) else Run.open(run)
    run = run if weights is None else run.using(weights)
    model = build(run)
    load_weights(run, model)
    return Loaded(run, model.eval().to(device))


class Loaded:
    """A trained model and its run.

    Args:
        run: the run folder.
        model: the model in evaluation mode.
    """

    def __init__(self, run: Run, model: Model) -> None:
        self.run = run
        self.model = model

    @property
    def spec(self) -> DataSpec:
        """What its images look like."""
        return self.run.spec

    def can(self, name: str) -> bool:
        """Whether the model has a method: "encode", "decode", "log_weights", ..."""
        return callable(getattr(self.model, name, None))

    @torch.no_grad()
    def sample(self, n: int, y: Tensor | None = None, prior: str | None = None, seed: int = 0) -> Tensor:
        """Draw images.

        Args:
            n: how many.
            y: their classes (n,), or attributes (n, A), for a conditional model; by default all classes in turn, or
                the attributes of training images.
            prior: "normal" for N(0, I); None or the run's own prior for the fitted one.
            seed: the same seed gives the same images.

        Returns:
            (n, C, *S) in [-1, 1].

        Raises:
            GvaeError: a prior the run does not hold, labels for an unconditional model, a label out of range.
        """
        if n < 1:
            raise GvaeError(f"cannot draw {n} samples; ask for at least 1")
        y = self.labels(n, y)
        options = self.prior_option(prior)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            y = None if y is None else y.to(self.model.device)
            blocks = [
                self.model.sample(b - a, None if y is None else y[a:b], **options) for a, b in self.ranges(n)
            ]
        return torch.cat(blocks).cpu()

    def labels(self, n: int, y: Tensor | None) -> Tensor | None:
        """Classes of n samples, checked."""
        model = self.model
        if not model.condition:
            if y is not None:
                raise GvaeError(
                    f"{self.run.path} is not conditional, so it takes no label; train with --conditional"
                )
            return None
        if y is None:
            return model.in_turn(n)
        if not model.classes:
            if tuple(y.shape) != (n, model.condition):
                raise GvaeError(
                    f"attributes must be {n} rows of {model.condition} numbers, one for each attribute"
                )
            return y.float()
        if y.dim() != 1 or len(y) != n or int(y.min()) < 0 or int(y.max()) >= model.classes:
            raise GvaeError(f"labels must be {n} integers from 0 to {model.classes - 1}")
        return y

    def prior_option(self, prior: str | None) -> dict[str, Any]:
        """Keyword for the model's methods that choose a prior."""
        own = self.run.model_config.get("prior")
        if prior is None or prior == own:
            return {}
        if own is None:
            if prior == "normal":  # what a GAN samples from anyway
                return {}
            raise GvaeError(
                f"{self.run.path} has no encoder, so no prior '{prior}' can be fitted; leave --prior out"
            )
        if prior != "normal":
            raise GvaeError(
                f"{self.run.path} holds the priors {own} and normal, not '{prior}'; train with --prior {prior}"
            )
        return {"prior": "normal"}

    def need(self, name: str) -> Callable[..., Any]:
        """A method of the model, or an error that says it has none."""
        if not self.can(name):
            what = {"encode": "encoder", "decode": "decoder", "log_weights": "likelihood"}.get(name, name)
            raise GvaeError(f"{self.run.path} is a {self.run.model}, which has no {what}")
        return cast(Callable[..., Any], getattr(self.model, name))

    @torch.no_grad()
    def posterior(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        """q(z|x) of images x (B, C, *S)."""
        self.check(x)
        return self.need("encode")(x, y)

    @torch.no_grad()
    def encode(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Codes (B, Z): the means of q(z|x)."""
        return torch.cat(
            [self.posterior(x[a:b], None if y is None else y[a:b]).mean for a, b in self.ranges(len(x))]
        )

    @torch.no_grad()
    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images (B, C, *S) of codes z (B, Z)."""
        decode = self.need("decode")
        return torch.cat([decode(z[a:b], None if y is None else y[a:b]).mean for a, b in self.ranges(len(z))])

    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Images (B, C, *S) decoded from the codes of x."""
        return self.decode(self.encode(x, y), y)

    @torch.no_grad()
    def log_weights(self, x: Tensor, k: int, y: Tensor | None = None, prior: str | None = None) -> Tensor:
        """log p(x, z) - log q(z|x) of k codes for each image, (k, B) nats."""
        self.check(x)
        return self.need("log_weights")(x, k, y, **self.prior_option(prior))

    def check(self, x: Tensor) -> None:
        """Refuse images of another shape."""
        expected = (self.spec.channels, *self.spec.shape)
        if tuple(x.shape[1:]) != expected:
            raise GvaeError(
                f"images have shape {tuple(x.shape)}; {self.run.path} works on (B, {', '.join(map(str, expected))})"
            )

    def ranges(self, n: int) -> Iterator[tuple[int, int]]:
        """Consecutive (start, end) pairs that cover n images, each as many as go through the networks at a time."""
        block = self.spec.together(BLOCK)
        return ((start, min(start + block, n)) for start in range(0, n, block))
