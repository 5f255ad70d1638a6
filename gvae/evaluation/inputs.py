"""What metrics need, each computed once: images and their features, reconstructions, codes, weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from gvae.errors import choose
from gvae.evaluation.likelihoods import Likelihoods
from gvae.evaluation.numbers import WIDE
from gvae.metrics.base import Unavailable
from gvae.metrics.kl import rate

KINDS = ("real", "other", "fake")
NEEDS = (
    *KINDS,
    *(f"{kind}_{what}" for kind in KINDS for what in ("labels", "features", "probabilities")),
    *("reconstructions", "codes", "code_means", "posterior_kl", "distortion", "log_weights"),
    *("bounds", "annealed", "annealed_gap", "log_likelihood", "entropy_limit"),
)
"""names that a metric may list: properties of `Inputs`, and features and class probabilities of images"""
LONG = ("bounds", "annealed", "annealed_gap")
"""needs with numbers in their name, which take long"""


class Inputs(Likelihoods):
    """Everything a metric may ask for, about one model on one data set.

    The arguments are those of `Likelihoods`.
    """

    def get(self, name: str) -> Any:
        """The needed thing; computed at the first call.

        Args:
            name: one of `NEEDS`; `bounds:50` for 50 codes per image, `annealed:500:16` for 500 temperatures, 16 chains.

        Raises:
            Unavailable: the model or the data cannot serve it.
            GvaeError: no such name.
        """
        name, *numbers = name.split(":")
        choose("need", name, NEEDS)
        if numbers:
            return getattr(self, choose("need with numbers", name, LONG))(*map(int, numbers))
        kind, _, what = name.partition("_")
        if what == "features":
            return self.extracted(kind)[0]
        if what == "probabilities":
            return self.probabilities(kind)
        return getattr(self, name)

    @cached_property
    def wide(self) -> Inputs:
        """The same with training and validation images as the reference, for a test split that is too small."""
        more = {"prior": self.prior, "weighed": self.weighed, "precision": self.precision}
        return Inputs(self.loaded, self.dataset, self.asked, WIDE, self.seed, **more)

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """No gradients, and what is drawn depends on the seed only; the global random state is left alone."""
        import torch

        from gvae.seeding import seeded

        with seeded(self.seed), torch.no_grad():
            yield

    @property
    def own_prior(self) -> str:
        """Name of the prior that the run samples from by itself."""
        return self.loaded.run.model_config.get("prior") or "normal"

    @cached_property
    def reconstructions(self) -> np.ndarray:
        """`real`, encoded and decoded."""
        self.require("encode", "encoder")
        self.require("decode", "decoder")
        with self.seeded():
            parts = [self.loaded.reconstruct(x, y).float().cpu().numpy() for x, y in self.blocks()]
        return np.concatenate(parts)

    @cached_property
    def codes(self) -> np.ndarray:
        """One sample of q(z|x) for each of `real`, (N, Z)."""
        return self._posterior[0]

    @cached_property
    def code_means(self) -> np.ndarray:
        """Centre of q(z|x) for each of `real`, (N, Z)."""
        self.require("encode", "encoder")
        with self.seeded():
            parts = [self.loaded.encode(x, y).cpu().double().numpy() for x, y in self.blocks()]
        return np.concatenate(parts)

    @cached_property
    def posterior_kl(self) -> np.ndarray:
        """KL(q(z|x) || N(0, I)) for each of `real`, (N,) nats."""
        rates = self._posterior[1]
        if np.isnan(rates).all():
            raise Unavailable("n/a (the code has no density)")
        return rates

    @cached_property
    def distortion(self) -> np.ndarray:
        """-log p(x|z) at a code of each of `real`, (N,) nats."""
        self.require("log_weights", "likelihood")
        return self._posterior[2]

    @cached_property
    def log_weights(self) -> np.ndarray:
        """log p(x, z) - log q(z|x) for each of `real`, (1, N) nats."""
        self.require("log_weights", "likelihood")
        with self.seeded(), self.reduced():
            weigh = self.loaded.log_weights
            parts = [weigh(x, 1, y, prior=self.prior).cpu().double().numpy() for x, y in self.blocks()]
        return np.concatenate(parts, 1)

    @cached_property
    def _posterior(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sampled codes (N, Z), rates (N,) and -log p(x|z) there (N,)."""
        from gvae.distributions.posteriors import rsample_and_log_prob

        self.require("encode", "encoder")
        codes, rates, distortions = [], [], []
        with self.seeded():
            for x, y in self.blocks():
                q = self.loaded.posterior(x, y)
                z, log_q = rsample_and_log_prob(q)
                codes.append(z.cpu().double().numpy())
                rates.append(rate(q, z, log_q).cpu().double().numpy())
                p = self.loaded.need("decode")(z, y)
                distortions.append(-p.log_prob(x).cpu().double().numpy())
        return np.concatenate(codes), np.concatenate(rates), np.concatenate(distortions)
