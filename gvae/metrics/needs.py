"""What metrics need, each computed once: samples, reconstructions, real images, features, codes, weights.

Real images are those of one split, in a fixed random order; `other` are real images of another split, for the
floor, and there are as many samples as other images, so that the floor is at the same n.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gvae.errors import GvaeError, choose
from gvae.metrics.base import Unavailable
from gvae.metrics.features import extract
from gvae.metrics.kl import rate

if TYPE_CHECKING:
    from torch import Tensor

    from gvae.api import Loaded
    from gvae.data.dataset import Dataset

IMAGES = ("real", "other", "fake")
NEEDS = (
    *IMAGES,
    *(f"{kind}_{what}" for kind in IMAGES for what in ("labels", "features", "probabilities")),
    *("reconstructions", "codes", "posterior_kl", "log_weights", "log_weights_normal"),
)
"""names that a metric may list: properties of `Needs`, and features and class probabilities of images"""
BLOCK = 250
"""images per forward pass"""
WEIGHED = 50_000
"""codes decoded for one importance-weighted bound: k times the number of images"""


class Needs:
    """Everything a metric may ask for, about one model on one data set.

    Args:
        loaded: the run, see `gvae.load`.
        dataset: the data to compare with.
        samples: images to draw and to compare with, at most; fewer where the data has fewer.
        split: the reference: "test" for reporting, "val" for selection.
        seed: seed of samples and codes.
        prior: where samples come from; None: the run's own.

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
    ) -> None:
        drawn, held = ((spec.channels, *spec.shape) for spec in (loaded.spec, dataset.spec))
        if drawn != held:
            raise GvaeError(
                f"the model draws images of shape {drawn}, those of {dataset.spec.name} have shape {held}; "
                "evaluate on the data it was trained on"
            )
        if samples < 1:
            raise GvaeError(f"--samples is {samples}; it must be at least 1")
        self.loaded, self.dataset, self.split, self.seed, self.prior = loaded, dataset, split, seed, prior
        others = [s for s in ("train", "val", "test") if s != split and len(dataset.splits.get(s, ()))]
        self.other_split = others[0] if others else None
        self._real = _shuffled(dataset.split(split))[:samples]
        self._other = _shuffled(dataset.splits[others[0]])[:samples] if others else np.empty(0, np.int64)
        self._samples = min(samples, len(self._other)) or samples
        self._features: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}

    def get(self, name: str) -> Any:
        """The needed thing; computed at the first call.

        Args:
            name: one of `NEEDS`; `log_weights:50` for 50 codes per image.

        Raises:
            Unavailable: the model or the data cannot serve it.
            GvaeError: no such name.
        """
        name, _, k = name.partition(":")
        choose("need", name, NEEDS)
        if k:
            return self._weights(int(k), self.prior)
        kind, _, what = name.partition("_")
        if what == "features":
            return self._extracted(kind)[0]
        if what == "probabilities":
            return self._probabilities(kind)
        return getattr(self, name)

    def count(self, name: str) -> int:
        """How many images stand behind a needed thing."""
        name, _, k = name.partition(":")
        if k:
            return min(len(self._real), max(1, WEIGHED // int(k)))
        kinds = {"fake": self._samples, "other": len(self._other)}
        return kinds.get(name.partition("_")[0], len(self._real))

    @property
    def own_prior(self) -> str:
        """Name of the prior that the run samples from by itself."""
        return self.loaded.run.model_config.get("prior") or "normal"

    @cached_property
    def real(self) -> np.ndarray:
        """Reference images (N, C, *S) in [-1, 1]."""
        return self._images(self._real)

    @cached_property
    def other(self) -> np.ndarray:
        """Real images of another split."""
        if not len(self._other):
            raise Unavailable(f"n/a ({self.dataset.spec.name} has no second split)")
        return self._images(self._other)

    @cached_property
    def fake(self) -> np.ndarray:
        """Samples of the model."""
        import torch

        y = None if self.fake_labels is None else torch.from_numpy(self.fake_labels)
        x = self.loaded.sample(self._samples, y=y, prior=self.prior, seed=self.seed)
        if not bool(torch.isfinite(x).all()):
            raise GvaeError(f"{self.loaded.run.path} draws values that are not finite; its training diverged")
        return x.float().numpy()

    @cached_property
    def real_labels(self) -> np.ndarray | None:
        """Classes of `real`, if known."""
        return self._labels(self._real)

    @cached_property
    def other_labels(self) -> np.ndarray | None:
        """Classes of `other`, if known."""
        return self._labels(self._other)

    @cached_property
    def fake_labels(self) -> np.ndarray | None:
        """Classes that a conditional model is asked for: drawn as often as in the reference."""
        if not self.loaded.model.condition or self.real_labels is None:
            return None
        return np.random.default_rng(self.seed).choice(self.real_labels, self._samples)

    @cached_property
    def reconstructions(self) -> np.ndarray:
        """`real`, encoded and decoded."""
        self._require("encode", "encoder")
        self._require("decode", "decoder")
        return np.concatenate(
            [self.loaded.reconstruct(x, y).float().cpu().numpy() for x, y in self._blocks()]
        )

    @cached_property
    def codes(self) -> np.ndarray:
        """One sample of q(z|x) for each of `real`, (N, Z)."""
        return self._posterior[0]

    @cached_property
    def posterior_kl(self) -> np.ndarray:
        """KL(q(z|x) || N(0, I)) for each of `real`, (N,) nats."""
        return self._posterior[1]

    @cached_property
    def log_weights(self) -> np.ndarray:
        """log p(x, z) - log q(z|x) for each of `real`, (1, N) nats."""
        return self._weights(1, self.prior)

    @cached_property
    def log_weights_normal(self) -> np.ndarray:
        """The same under the prior N(0, I)."""
        return self._weights(1, "normal")

    @cached_property
    def _posterior(self) -> tuple[np.ndarray, np.ndarray]:
        """Sampled codes (N, Z) and rates (N,)."""
        import torch

        self._require("encode", "encoder")
        codes, rates = [], []
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(self.seed)
            for x, y in self._blocks():
                q = self.loaded.posterior(x, y)
                z = q.sample()
                codes.append(z.cpu().double().numpy())
                rates.append(rate(q, z).cpu().double().numpy())
        return np.concatenate(codes), np.concatenate(rates)

    def _weights(self, k: int, prior: str | None) -> np.ndarray:
        """Log weights (k, N) of the first images; N falls with k."""
        import torch

        self._require("log_weights", "likelihood")
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(self.seed)
            blocks = self._blocks(self.count(f"log_weights:{k}"))
            parts = [self.loaded.log_weights(x, k, y, prior=prior).cpu().double().numpy() for x, y in blocks]
        return np.concatenate(parts, 1)

    def _images(self, indices: np.ndarray) -> np.ndarray:
        """Images (N, C, *S) in [-1, 1] of the data set."""
        return np.ascontiguousarray(self.dataset.batch(indices).x.numpy())

    def _labels(self, indices: np.ndarray) -> np.ndarray | None:
        """Classes (N,) of images of the data set."""
        return None if self.dataset.labels is None else np.asarray(self.dataset.labels)[indices]

    def _blocks(self, n: int | None = None) -> list[tuple[Tensor, Tensor | None]]:
        """Reference images and, for a conditional model, their classes, block by block."""
        import torch

        x, labels = torch.from_numpy(self.real[:n]).split(BLOCK), self.real_labels
        if labels is None or not self.loaded.model.condition:
            return [(part, None) for part in x]
        return list(zip(x, torch.from_numpy(labels[:n]).split(BLOCK), strict=True))

    def _extracted(self, kind: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Features and class probabilities of real, other or fake images."""
        import torch

        if kind not in self._features:
            self._features[kind] = extract(torch.from_numpy(self.get(kind)), self.dataset.spec.name)
        return self._features[kind]

    def _probabilities(self, kind: str) -> np.ndarray:
        """Class probabilities, if there is a classifier."""
        found = self._extracted(kind)[1]
        if found is None:
            raise Unavailable(f"n/a (no classifier for {self.dataset.spec.name})")
        return found

    def _require(self, method: str, what: str) -> None:
        """Raise `Unavailable` unless the model has a method."""
        if not self.loaded.can(method):
            raise Unavailable(f"n/a (no {what})")


def _shuffled(indices: np.ndarray) -> np.ndarray:
    """Indices in a fixed random order: folders list one class after the other."""
    return np.random.default_rng(0).permutation(np.asarray(indices))
