"""Open a trained run from Python: sample, encode, decode, reconstruct.

    import gvae
    run = gvae.load("runs/mnist-gvae-0")
    images = run.sample(64)                # (64, 1, 28, 28) in [-1, 1]

No data set, account or network is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from gvae.conditions import attribute_row, label_index
from gvae.errors import GvaeError
from gvae.models.base import Model
from gvae.runs import Run
from gvae.seeding import seeded
from gvae.types import DataSpec

BLOCK = 250
"""images per forward pass, at most"""


def load(
    run: Run | Path | str,
    device: str = "cpu",
    weights: str | None = None,
    networks: Mapping[str, nn.Module] | None = None,
) -> Loaded:
    """Open a run folder; no data set is needed.

    Args:
        run: the folder.
        device: where the networks go.
        weights: "last", those at the end of training, or "best", those with the best score on validation images while
            it lasted; None: those that `run` was opened with, which are the last.
        networks: by name, those of a run that was trained with networks of one's own.

    Raises:
        GvaeError: not a run, another format, damaged weights, no best ones, or a network that is missing.
    """
    from gvae.training.checkpoint import build, load_weights

    run = run if isinstance(run, Run) else Run.open(run)
    run = run if weights is None else run.using(weights)
    model = build(run, networks or {})
    load_weights(run, model)
    return Loaded(run, model.eval().to(device))


def pick_device(name: str) -> str:
    """A device by its name; "auto" is a GPU where there is one.

    Raises:
        GvaeError: there is no such device.

    >>> pick_device("cpu")
    'cpu'
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise GvaeError(f"there is no device '{name}' here ({str(error).splitlines()[0]}); take auto or cpu") from error
    return name


class Loaded:
    """A trained model and its run.

    Args:
        run: the run folder.
        model: the model in evaluation mode.
    """

    def __init__(self, run: Run, model: Model) -> None:
        self.run = run
        self.model = model
        self.digest = run.digest()
        """of the weights, which a training may replace in the folder later"""
        self.prior_fit = ""
        """when the prior was fitted, if not in the training, whose end is still to come"""

    @property
    def prior_fitted(self) -> bool:
        """Whether samples come from the run's own prior; while its training lasts they come from N(0, I)."""
        return getattr(self.model, "prior_fitted", True)

    @property
    def spec(self) -> DataSpec:
        """What its images look like."""
        return self.run.spec

    def can(self, name: str) -> bool:
        """Whether the model has a method: "encode", "decode", "log_weights", ..."""
        return callable(getattr(self.model, name, None))

    @torch.no_grad()
    def sample(
        self,
        n: int,
        y: Tensor | None = None,
        prior: str | None = None,
        seed: int = 0,
        *,
        label: str | int | None = None,
        attributes: str | Sequence[str] | None = None,
    ) -> Tensor:
        """Draw images.

        Args:
            n: how many.
            y: their classes (n,), or attributes (n, A), for a conditional model; by default all classes in turn, or
                the attributes of training images.
            prior: "normal" for N(0, I); None or the run's own prior for the fitted one, which is N(0, I) until the
                training has fitted it (see `prior_fitted`).
            seed: the same seed gives the same images.
            label: one class for all, by name or number, in place of y.
            attributes: names of attributes that all have, in place of y.

        Returns:
            (n, C, *S) in [-1, 1].

        Raises:
            GvaeError: a prior the run does not hold, labels for an unconditional model, a label out of range.
        """
        if n < 1:
            raise GvaeError(f"cannot draw {n} samples; ask for at least 1")
        if label is not None or attributes is not None:
            number, row = label_index(self.run, label), attribute_row(self.run, attributes)
            y = torch.tensor([row]).expand(n, -1) if number is None else torch.full((n,), number)
        y = self.labels(n, y)
        options = self.prior_option(prior)
        with seeded(seed):
            y = None if y is None else y.to(self.model.device)
            blocks = [self.model.sample(b - a, None if y is None else y[a:b], **options) for a, b in self.ranges(n)]
        return torch.cat(blocks).cpu()

    def labels(self, n: int, y: Tensor | None) -> Tensor | None:
        """Classes of n samples, checked."""
        model = self.model
        if not model.condition:
            if y is not None:
                raise GvaeError(f"{self.run.path} is not conditional, so it takes no label; train with --conditional")
            return None
        if y is None:
            return model.in_turn(n)
        if not model.classes:
            if tuple(y.shape) != (n, model.condition):
                raise GvaeError(f"attributes must be {n} rows of {model.condition} numbers, one for each attribute")
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
            raise GvaeError(f"{self.run.path} has no encoder, so no prior '{prior}' can be fitted; leave --prior out")
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
        x, y = self.images(x), self.here(y)
        return self.need("encode")(x, y)

    @torch.no_grad()
    def encode(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Codes (B, Z) of images x (B, C, *S) in [-1, 1]: the means of q(z|x), where x lies.

        Raises:
            GvaeError: a model without encoder, images of another shape, type or range, missing labels.
        """
        parts = [self.posterior(x[a:b], None if y is None else y[a:b]).mean for a, b in self.ranges(len(x))]
        return torch.cat(parts).to(x.device)

    @torch.no_grad()
    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images (B, C, *S) of codes z (B, Z), where z lies.

        Raises:
            GvaeError: a model without decoder, codes of another shape or type, missing labels.
        """
        decode, size = self.need("decode"), getattr(self.model, "latent_dim", None)
        if not isinstance(z, Tensor) or z.dim() != 2 or not z.is_floating_point() or size not in (None, z.shape[1]):
            raise GvaeError(f"codes are {described(z)}; {self.run.path} decodes floats (B, {size or 'Z'})")
        parts = [
            decode(self.here(z[a:b]), self.here(None if y is None else y[a:b])).mean for a, b in self.ranges(len(z))
        ]
        return torch.cat(parts).to(z.device)

    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Images (B, C, *S) decoded from the codes of x."""
        return self.decode(self.encode(x, y), y)

    @torch.no_grad()
    def log_weights(self, x: Tensor, k: int, y: Tensor | None = None, prior: str | None = None) -> Tensor:
        """log p(x, z) - log q(z|x) of k codes for each image, (k, B) nats."""
        return self.need("log_weights")(self.images(x), k, self.here(y), **self.prior_option(prior))

    def log_prob_bound(self, x: Tensor, y: Tensor | None = None, k: int = 100, seed: int = 0) -> Tensor:
        """Importance-weighted lower bound of log p(x) of each image, (B,) nats.

        Importance Weighted Autoencoders (Burda et al., 2016) https://arxiv.org/abs/1509.00519, Eq. 8

        Args:
            x: images (B, C, *S) in [-1, 1].
            y: classes (B,) or attributes (B, A) of a conditional model.
            k: codes per image; the bound rises with k towards log p(x).
            seed: of the codes.

        Raises:
            GvaeError: a model without likelihood, k below 1, or images as for `encode`.
        """
        if k < 1:
            raise GvaeError(f"k is {k}; a bound needs at least 1 code per image")
        with seeded(seed):
            parts = [self.log_weights(x[a:b], k, None if y is None else y[a:b]) for a, b in self.ranges(len(x))]
        return (torch.cat(parts, 1).logsumexp(0) - math.log(k)).to(x.device)

    def images(self, x: Tensor) -> Tensor:
        """Images that the model can read, on its device.

        Raises:
            GvaeError: another type, shape or range of values.
        """
        expected = (self.spec.channels, *self.spec.shape)
        if not isinstance(x, Tensor) or tuple(x.shape[1:]) != expected or not x.is_floating_point():
            raise GvaeError(
                f"images are {described(x)}; {self.run.path} works on floats (B, {', '.join(map(str, expected))}) in [-1, 1]"
            )
        if x.numel() and not bool((x.abs() <= 1.001).all()):
            raise GvaeError(
                f"images lie in {float(x.min()):g} to {float(x.max()):g}; {self.run.path} works on values in [-1, 1]"
            )
        return x.to(self.model.device)

    def here(self, y: Tensor | None) -> Tensor | None:
        """The same on the model's device."""
        return None if y is None else y.to(self.model.device)

    def ranges(self, n: int) -> Iterator[tuple[int, int]]:
        """Consecutive (start, end) pairs that cover n images, each as many as go through the networks at a time."""
        block = self.spec.together(BLOCK)
        return ((start, min(start + block, n)) for start in range(0, n, block))


def described(x: Any) -> str:
    """Type and shape of something for an error.

    >>> described(torch.zeros(2, 3)), described([1])
    ('float32 (2, 3)', 'a list')
    """
    if isinstance(x, Tensor):
        return f"{str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
    return f"a {type(x).__name__}"
