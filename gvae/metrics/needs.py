"""What metrics need, each computed once: samples, reconstructions, real images, features, codes, weights.

Real images are those of one split, in a fixed random order; `other` are real images of another split, for the floor,
and there are as many samples as other images, so that the floor is at the same n.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gvae.errors import GvaeError, choose
from gvae.metrics.base import Metric, Unavailable
from gvae.metrics.features import extract, extractor

if TYPE_CHECKING:
    from torch import Tensor

    from gvae.api import Loaded
    from gvae.data.dataset import Dataset

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
        if (dataset.spec.channels, *dataset.spec.shape) != (loaded.spec.channels, *loaded.spec.shape):
            raise GvaeError(
                f"the model draws images of {loaded.spec.channels} x {loaded.spec.shape}, but {dataset.spec.name} holds "
                f"{dataset.spec.channels} x {dataset.spec.shape}; evaluate on the data it was trained on, or alike"
            )
        if samples < 1:
            raise GvaeError(f"--samples is {samples}; it must be at least 1")
        self.loaded, self.dataset = loaded, dataset
        self.split, self.seed, self.prior = split, seed, prior
        others = [s for s in ("train", "val", "test") if s != split and len(dataset.splits.get(s, ()))]
        self.other_split = others[0] if others else ""
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
        name, _, option = name.partition(":")
        choose("need", name, NEEDS)
        if option:
            return self._weights(int(option), self.prior)
        return getattr(self, name)

    def count(self, name: str) -> int:
        """How many images stand behind a needed thing."""
        name, _, k = name.partition(":")
        if k:
            return min(len(self._real), max(1, WEIGHED // int(k)))
        kinds = {"fake": self._samples, "other": len(self._other)}
        return kinds.get(name.partition("_")[0], len(self._real))

    def protocol(self, metric: Metric) -> dict[str, Any]:
        """How a metric is measured: its own constants, and what it shares with other metrics."""
        spec = self.dataset.spec
        names = {name.partition("_")[0].partition(":")[0] for name in metric.needs}
        shared: dict[str, Any] = {
            "data": spec.name,
            "split": self.split,
            "seed": self.seed,
            "n": self.count(metric.needs[0]),
        }
        if "fake" in names:
            shared |= {"n_samples": self._samples, "prior": self.prior or self._own_prior()}
            shared |= {"floor_split": self.other_split, "n_floor": len(self._other)}
        if any("features" in name or "probabilities" in name for name in metric.needs):
            shared |= extractor(spec.name, (spec.channels, *spec.shape)).protocol
        if any("log_weights" in name for name in metric.needs):
            shared |= {"likelihood": self.loaded.run.model_config.get("likelihood"), "range": "[-1, 1]"}
            shared |= (
                {"prior": self.prior or self._own_prior()} if "log_weights_normal" not in metric.needs else {}
            )
        return shared | metric.protocol | {"versions": _versions()}

    def _own_prior(self) -> str:
        """Name of the prior that the run samples from by itself."""
        return self.loaded.run.model_config.get("prior") or "N(0, I)"

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

        labels = self.fake_labels
        y = None if labels is None else torch.from_numpy(labels)
        x = self.loaded.sample(self._samples, y=y, prior=self.prior, seed=self.seed)
        if not bool(torch.isfinite(x).all()):
            raise GvaeError(f"{self.loaded.run.path} draws values that are not finite; its training diverged")
        return x.float().numpy()

    @cached_property
    def real_labels(self) -> np.ndarray | None:
        """Classes of `real`, if known."""
        return None if self.dataset.labels is None else np.asarray(self.dataset.labels)[self._real]

    @cached_property
    def other_labels(self) -> np.ndarray | None:
        """Classes of `other`, if known."""
        return None if self.dataset.labels is None else np.asarray(self.dataset.labels)[self._other]

    @cached_property
    def fake_labels(self) -> np.ndarray | None:
        """Classes that a conditional model is asked for: drawn as often as in the reference."""
        if not self.loaded.model.condition or self.real_labels is None:
            return None
        return np.random.default_rng(self.seed).choice(self.real_labels, self._samples)

    @cached_property
    def real_features(self) -> np.ndarray:
        """Features (N, F) of `real`."""
        return self._extracted("real")[0]

    @cached_property
    def other_features(self) -> np.ndarray:
        """Features of `other`."""
        return self._extracted("other")[0]

    @cached_property
    def fake_features(self) -> np.ndarray:
        """Features of `fake`."""
        return self._extracted("fake")[0]

    @cached_property
    def real_probabilities(self) -> np.ndarray:
        """Class probabilities (N, K) of `real`."""
        return self._probabilities("real")

    @cached_property
    def other_probabilities(self) -> np.ndarray:
        """Class probabilities of `other`."""
        return self._probabilities("other")

    @cached_property
    def fake_probabilities(self) -> np.ndarray:
        """Class probabilities of `fake`."""
        return self._probabilities("fake")

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
                rates.append(_rate(q, z).cpu().double().numpy())
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

    def _blocks(self, n: int | None = None) -> list[tuple[Tensor, Tensor | None]]:
        """Reference images and, for a conditional model, their classes, block by block."""
        import torch

        x, labels = torch.from_numpy(self.real[:n]), self.real_labels if self.loaded.model.condition else None
        y = None if labels is None else torch.from_numpy(labels[:n])
        return [
            (part, None if y is None else y[i * BLOCK :][:BLOCK]) for i, part in enumerate(x.split(BLOCK))
        ]

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


def _rate(q: Any, z: Tensor) -> Tensor:
    """KL(q || N(0, I)) per image: in closed form if there is one, else log q(z) - log p(z) at the sample z."""
    import torch
    from torch.distributions import Independent, Normal, kl_divergence

    p = Independent(Normal(torch.zeros_like(z), torch.ones_like(z), validate_args=False), 1)
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return q.log_prob(z) - p.log_prob(z)


def _shuffled(indices: np.ndarray) -> np.ndarray:
    """Indices in a fixed random order: folders list one class after the other."""
    return np.random.default_rng(0).permutation(np.asarray(indices))


def _versions() -> dict[str, str]:
    """Versions of what computes."""
    import torch

    from gvae import __version__

    return {"gvae": __version__, "torch": torch.__version__, "numpy": np.__version__}


NEEDS = tuple(
    name for name in vars(Needs) if isinstance(vars(Needs)[name], cached_property) and name[0] != "_"
)
"""names that a metric may list under `needs`"""
