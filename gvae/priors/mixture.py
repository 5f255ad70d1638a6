"""A Gaussian mixture with full covariances, fitted by expectation maximisation.

    p(u) = sum_k w_k N(u; m_k, S_k),    S_k^-1 = P_k' P_k,  P_k lower triangular with a positive diagonal
    log N(u; m, S) = log det P - |P (u - m)|^2 / 2 - Z/2 log(2 pi)

Maximum Likelihood from Incomplete Data via the EM Algorithm (Dempster, Laird and Rubin, 1977)
https://doi.org/10.1111/j.2517-6161.1977.tb01600.x; started by k-means++ (Arthur and Vassilvitskii, 2007)
https://theory.stanford.edu/~sergei/papers/kMeansPP-soda.pdf

P, the inverse of the covariance's Cholesky factor, is the parameter and not the factor itself: then the
density of a batch under all components is one matrix product, forward and backward. Classes share the
components and have weights of their own, p(u | y) = sum_k w_yk N(u; m_k, S_k). A Gaussian of few codes leans on
the pooled covariance, S_k = (n_k C_k + a C) / (n_k + a) with a pseudo-codes: on codes it has not seen that is worth
more than the exact maximum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gvae.priors.base import Prior, hold_out

UNUSED = -1e4
"""weight logit of a component that is not in use: exp of it is 0, yet its gradient is a number"""
GAIN = 0.1
"""nats per held-out code that a round must gain, or it counts as one of three that end the fit"""
NONE = 1e-7
"""share of a code below which it does not count for a component"""
CHUNK = 3_000_000
"""largest number of floats in an intermediate result of one chunk of codes"""


class Statistics(NamedTuple):
    """What EM sums over codes: counts (classes, K), sums (K, Z), outer products (K, Z, Z)."""

    counts: Tensor
    sums: Tensor
    outer: Tensor


class Mixture(Prior):
    """Gaussian mixture with full covariances.

    Args:
        latent: number of latent dimensions, Z.
        condition: number of classes, each with weights of its own.
        components: number of Gaussians, K; with fewer than 2 Z codes for each, fewer are used and noted.
        rounds: largest number of EM iterations.
        most: largest number of codes used, drawn at random.
        ridge: added to the diagonal of each covariance, in units of the codes' mean variance.
        shrink: codes that the mean of all covariances counts for beside a Gaussian's own; 0: maximum likelihood.
        widen: multiply all covariances by the factor, at least 1, that held-out codes favour.
    """

    name = "mixture"

    def __init__(
        self,
        latent: int,
        condition: int = 0,
        components: int = 200,
        rounds: int = 60,
        most: int = 60_000,
        ridge: float = 1e-4,
        shrink: float = 10.0,
        widen: bool = True,
    ) -> None:
        super().__init__(latent, condition)
        self.components, self.rounds, self.most = components, rounds, most
        self.ridge, self.shrink, self.widen = ridge, shrink, widen
        means = torch.randn(components, latent, generator=torch.Generator().manual_seed(0))
        self.logits = nn.Parameter(torch.zeros(max(1, condition), components))
        self.mean = nn.Parameter(0.1 * means)
        self.raw = nn.Parameter(torch.zeros(components, latent, latent))
        """P: entries below the diagonal, and the logarithm of the diagonal"""

    @property
    def whiten(self) -> Tensor:
        """P (K, Z, Z): maps u - m to white noise; the inverse of the covariance's Cholesky factor."""
        diagonal = self.raw.diagonal(dim1=-2, dim2=-1).exp()
        return self.raw.tril(-1) + torch.diag_embed(diagonal)

    def _log_prob(self, u: Tensor, y: Tensor | None) -> Tensor:
        return self._joint(u, y).logsumexp(-1)

    def _joint(self, u: Tensor, y: Tensor | None) -> Tensor:
        """log w_k + log N(u; m_k, S_k), (N, K)."""
        determinant = self.raw.diagonal(dim1=-2, dim2=-1).sum(-1) - 0.5 * self.latent * math.log(2 * math.pi)
        weights = self.logits.log_softmax(-1)
        return (weights if y is None else weights[y]) + determinant - 0.5 * self._far(u)

    def _far(self, u: Tensor) -> Tensor:
        """Squared Mahalanobis distances |P_k (u - m_k)|^2, (N, K)."""
        whiten = self.whiten
        offset = torch.einsum("kij,kj->ki", whiten, self.mean).reshape(-1)
        matrix = whiten.reshape(-1, self.latent).T
        rows = max(1, CHUNK // offset.numel())
        far = u.new_empty(len(u), self.components)
        for start in range(0, len(u), rows):  # copied out, because kept pieces would lie scattered in memory
            white = torch.addmm(-offset, u[start : start + rows], matrix).view(
                -1, self.components, self.latent
            )
            far[start : start + rows] = white.square().sum(-1)
        return far

    def _sample(self, n: int, y: Tensor | None) -> Tensor:
        weights = self.logits.softmax(-1)
        weights = weights.expand(n, -1) if y is None else weights[y]
        which = torch.multinomial(weights, 1).squeeze(1) if n else weights.new_zeros(0, dtype=torch.long)
        noise = torch.randn(n, self.latent, 1, dtype=self.mean.dtype, device=self.mean.device)
        factor = torch.linalg.inv(self.whiten)
        rows = max(1, CHUNK // self.latent**2)
        parts = zip(which.split(rows), noise.split(rows), strict=True)
        return torch.cat([self.mean[k] + (factor[k] @ e).squeeze(-1) for k, e in parts])

    @torch.no_grad()
    def _fit(self, u: Tensor, y: Tensor | None, generator: torch.Generator) -> None:
        if len(u) > self.most:
            some = torch.randperm(len(u), generator=generator, device=u.device)[: self.most]
            u, y = u[some], None if y is None else y[some]
        used = self._affordable(len(u))
        (train, y_train), (held, y_held) = hold_out(u, y, generator)
        third = len(train) // 3
        sizes = [third, len(train)] if third >= self.latent * used else [len(train)]
        parts = [(train[:size], None if y_train is None else y_train[:size]) for size in sizes]
        groups = nn.functional.pad(k_means(parts[0][0], used, generator), (0, self.components - used))
        self._maximise(self._sums(*parts[0], groups))
        for size, (codes, labels) in zip(sizes, parts, strict=True):
            reseed = partial(self._reseed, codes, used, generator) if size == sizes[0] else None
            self._climb(codes, labels, held, y_held, reseed)
        if self.widen:
            self._widen(held, y_held)

    def _climb(
        self,
        u: Tensor,
        y: Tensor | None,
        held: Tensor,
        y_held: Tensor | None,
        reseed: Callable[[], None] | None,
    ) -> None:
        """EM on codes u until held-out codes gain no more; the best of all rounds stays."""
        best, waited, saved = -math.inf, 0, self._copy()
        for i in range(self.rounds):
            self._maximise(self._expect(u, y))
            if reseed and i < self.rounds // 2:
                reseed()
            score = float(self._log_prob(held, y_held).mean())
            waited = 0 if score > best + GAIN else waited + 1
            if score > best:
                best, saved = score, self._copy()
            if waited == 3:
                break
        for parameter, value in zip(self.parameters(), saved, strict=True):
            parameter.copy_(value)

    def _widen(self, held: Tensor, y_held: Tensor | None, rounds: int = 5) -> None:
        """Multiply all covariances by the factor, at least 1, that held-out codes favour: EM on that factor alone."""
        far, factor = self._far(held), 1.0
        others = self._joint(held, y_held) + 0.5 * far
        for _ in range(rounds):  # the determinants change alike, so that only the distances count
            groups = (others - 0.5 * far / factor).softmax(-1)
            factor = max(1.0, float((groups * far).sum(-1).mean()) / self.latent)
        eye = torch.eye(self.latent).to(self.raw)
        self.raw.copy_(self.raw.tril(-1) / math.sqrt(factor) + eye * (self.raw - 0.5 * math.log(factor)))

    def _affordable(self, codes: int) -> int:
        """How many Gaussians so many codes can determine."""
        used = max(1, min(self.components, codes // (2 * self.latent)))
        if used < self.components:
            self.notes.append(
                f"{codes} codes of {self.latent} dimensions: {used} of {self.components} Gaussians used"
            )
        return used

    def _copy(self) -> list[Tensor]:
        return [p.clone() for p in self.parameters()]

    def _expect(self, u: Tensor, y: Tensor | None) -> Statistics:
        """Expectation step: sums weighted by p(k | u)."""
        return self._sums(u, y, self._joint(u, y).softmax(-1))

    def _sums(self, u: Tensor, y: Tensor | None, groups: Tensor) -> Statistics:
        """Sums over codes u (N, Z) whose membership of each component is groups (N, K).

        A code belongs to a few components, so the products are summed over the codes of each.
        """
        groups = groups * (groups > NONE)
        labels = torch.zeros(len(u), dtype=torch.long, device=u.device) if y is None else y
        counts = nn.functional.one_hot(labels, len(self.logits)).to(u).T @ groups
        which, where = groups.T.nonzero(as_tuple=True)
        sizes = which.bincount(minlength=self.components).tolist()
        parts = zip(where.split(sizes), groups[where, which].split(sizes), strict=True)
        outer = torch.stack([(u[some] * weight[:, None]).T @ u[some] for some, weight in parts])
        return Statistics(counts.double(), (groups.T @ u).double(), outer.double())

    def _maximise(self, sums: Statistics) -> None:
        """Maximisation step, in double precision."""
        size = sums.counts.sum(0)
        mass = size.clamp_min(1e-6)
        mean = sums.sums / mass[:, None]
        scatter = sums.outer - mass[:, None, None] * mean[:, :, None] * mean[:, None, :]
        pooled = scatter.sum(0) / size.sum()
        share = (scatter + self.shrink * pooled) / (mass + self.shrink)[:, None, None]
        eye = torch.eye(self.latent, dtype=mean.dtype, device=mean.device)
        covariance = torch.where((size > 0.5)[:, None, None], share, pooled) + self.ridge * eye
        self._set_weights(sums.counts)
        self.mean.copy_(mean)
        self._set_covariance(covariance)

    def _set_weights(self, counts: Tensor) -> None:
        """Weights from counts (classes, K); a class leans a little on the weights of all classes together."""
        size = counts.sum(0, keepdim=True)
        counts = counts + size / size.sum() if self.condition else counts
        self.logits.copy_((counts / counts.sum(1, keepdim=True)).log().clamp_min(UNUSED))

    def _set_covariance(self, covariance: Tensor) -> None:
        """Store covariances (K, Z, Z) as P."""
        factor = torch.linalg.cholesky(covariance)
        eye = torch.eye(self.latent, dtype=factor.dtype, device=factor.device)
        whiten = torch.linalg.solve_triangular(factor, eye.expand_as(factor), upper=False)
        diagonal = whiten.diagonal(dim1=-2, dim2=-1).log()
        self.raw.copy_(whiten.tril(-1) + torch.diag_embed(diagonal))

    def _reseed(self, u: Tensor, used: int, generator: torch.Generator) -> None:
        """Move Gaussians that have lost nearly all codes to codes drawn at random."""
        share = self.logits.softmax(-1).mean(0)
        share[used:] = 1
        poor = (share < 0.1 / used).nonzero().squeeze(1)
        if len(poor) == 0:
            return
        where = torch.randint(len(u), (len(poor),), generator=generator, device=u.device)
        self.mean[poor] = u[where]
        self.raw[poor] = self.raw[:used].mean(0)
        self.logits[:, poor] = -math.log(used)


def k_means(u: Tensor, components: int, generator: torch.Generator, rounds: int = 10) -> Tensor:
    """Groups of codes (N, K) of zeros and ones by Lloyd's algorithm, started by k-means++."""
    centres = _spread(u, components, generator)
    for _ in range(rounds):
        groups = nn.functional.one_hot(_nearest(u, centres), components).to(u)
        size = groups.sum(0)[:, None]
        centres = torch.where(size > 0, groups.T @ u / size.clamp_min(1), centres)
    return nn.functional.one_hot(_nearest(u, centres), components).to(u)


def _spread(u: Tensor, components: int, generator: torch.Generator) -> Tensor:
    """Codes far apart: each the best of a few drawn in proportion to squared distance."""
    first = torch.randint(len(u), (1,), generator=generator, device=u.device)
    chosen, distance = [u[first[0]]], (u - u[first]).square().sum(1)
    trials = 2 + int(math.log(components))
    while len(chosen) < components:
        some = torch.multinomial(distance + 1e-12, trials, replacement=True, generator=generator)
        nearer = torch.minimum(distance, torch.cdist(u[some], u).square())
        best = nearer.sum(1).argmin()
        distance = nearer[best]
        chosen.append(u[some[best]])
    return torch.stack(chosen)


def _nearest(u: Tensor, centres: Tensor) -> Tensor:
    """Index (N,) of the nearest centre; |u|^2 is the same for all centres and left out."""
    return (centres.square().sum(1) - 2 * u @ centres.T).argmin(1)
