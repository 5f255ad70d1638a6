"""A Gaussian mixture with full covariances, fitted by expectation maximisation.

    p(u) = sum_k w_k N(u; m_k, S_k),    S_k^-1 = P_k' P_k,  P_k lower triangular with a positive diagonal
    log N(u; m, S) = log det P - |P (u - m)|^2 / 2 - Z/2 log(2 pi)

Maximum Likelihood from Incomplete Data via the EM Algorithm (Dempster, Laird and Rubin, 1977)
https://doi.org/10.1111/j.2517-6161.1977.tb01600.x; started by `gvae.priors.k_means`.

P, the inverse of the covariance's Cholesky factor, is the parameter and not the factor itself: then the
density of a batch under all components is one matrix product, forward and backward. Every class has Gaussians of its
own, p(u | y) = sum_s w_ys N(u; m_ys, S_ys): one that covered codes of two classes would draw either when one is asked
for. A Gaussian of few codes leans on the covariance pooled over its family, the Gaussians around it, and a family on that
pooled over all: S_k = (n_k C_k + a C_f) / (n_k + a), C_f = (n_f C'_f + a C) / (n_f + a), with a pseudo-codes. On codes it
has not seen that is worth more than the exact maximum.

Attributes a, of which a picture has several at once, move the codes' mean: p(u | a) = p(u - B' (a - mean of a)), with B by
ridge regression and the mixture fitted to what is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gvae.priors.base import Prior, hold_out
from gvae.priors.k_means import k_means

UNUSED = -1e4
"""weight logit of a component that is not in use: exp of it is 0, yet its gradient is a number"""
GAIN = 0.1
"""nats per held-out code that a round must gain, or it counts as one of three that end the fit"""
NONE = 1e-7
"""share of a code below which it does not count for a component"""
NEAR = 20
"""Gaussians among which a code is shared out; of the others it belongs to none by more than a trifle"""
RARE = 10.0
"""images without any effect that an attribute's images are seen beside"""
CHUNK = 3_000_000
"""largest number of floats in an intermediate result of one chunk of codes"""


class Statistics(NamedTuple):
    """What EM sums over codes: counts (K,), sums (K, Z), outer products (K, Z, Z)."""

    counts: Tensor
    sums: Tensor
    outer: Tensor


class Mixture(Prior):
    """Gaussian mixture with full covariances.

    Args:
        latent: number of latent dimensions, Z.
        condition: number of classes, each with Gaussians of its own; or of attributes.
        components: number of Gaussians, shared out evenly among the classes, which have one at least; with fewer than
            2 Z codes for each, fewer are used and noted.
        rounds: largest number of EM iterations.
        most: largest number of codes used, drawn at random.
        ridge: added to the diagonal of each covariance, in units of the codes' mean variance.
        family: Gaussians whose covariances lean on each other, about; in each class.
        shrink: codes that a family's covariance counts for beside a Gaussian's own, and that of all beside a family's; 0:
            maximum likelihood.
        attributes: `condition` counts attributes, y is (N, condition).
    """

    name = "mixture"

    def __init__(
        self,
        latent: int,
        condition: int = 0,
        components: int = 400,
        rounds: int = 60,
        most: int = 60_000,
        ridge: float = 1e-4,
        family: int = 10,
        shrink: float = 60.0,
        attributes: bool = False,
    ) -> None:
        super().__init__(latent, condition)
        self.classes = 1 if attributes else max(1, condition)
        self.each = max(1, components // self.classes)
        """Gaussians of one class, S"""
        self.rounds, self.most = rounds, most
        self.ridge, self.family, self.shrink = ridge, family, shrink
        self.families = torch.zeros(self.components, dtype=torch.long)
        """family (K,) of each Gaussian, while it is fitted"""
        means = torch.randn(self.components, latent, generator=torch.Generator().manual_seed(0))
        self.logits = nn.Parameter(torch.zeros(self.classes, self.each))
        self.mean = nn.Parameter(0.1 * means)
        """(K, Z), those of the first class first"""
        self.raw = nn.Parameter(torch.zeros(self.components, latent, latent))
        """P: entries below the diagonal, and the logarithm of the diagonal"""
        self.attributes = attributes
        if attributes:
            self.usual: Tensor
            self.register_buffer("usual", torch.zeros(condition))
            self.effect = nn.Parameter(torch.zeros(condition, latent))
            """B (attributes, Z)"""

    @property
    def components(self) -> int:
        """Gaussians of all classes, K."""
        return self.classes * self.each

    @property
    def whiten(self) -> Tensor:
        """P (K, Z, Z): maps u - m to white noise; the inverse of the covariance's Cholesky factor."""
        diagonal = self.raw.diagonal(dim1=-2, dim2=-1).exp()
        return self.raw.tril(-1) + torch.diag_embed(diagonal)

    def _log_prob(self, u: Tensor, y: Tensor | None) -> Tensor:
        if y is not None and self.attributes:
            u, y = u - (y - self.usual) @ self.effect, None
        return self._joint(u, y).logsumexp(-1)

    def _joint(self, u: Tensor, y: Tensor | None) -> Tensor:
        """log w_s + log N(u; m_s, S_s) for the Gaussians of each code's class, (N, S)."""
        determinant = self.raw.diagonal(dim1=-2, dim2=-1).sum(-1) - 0.5 * self.latent * math.log(2 * math.pi)
        density = self.logits.log_softmax(-1) + determinant.view(self.classes, self.each)
        return (density if y is None else density[y]) - 0.5 * self._far(u, y)

    def _far(self, u: Tensor, y: Tensor | None) -> Tensor:
        """Squared Mahalanobis distances |P_s (u - m_s)|^2 to the Gaussians of each code's class, (N, S)."""
        whiten = self.whiten
        offset = torch.einsum("kij,kj->ki", whiten, self.mean).view(self.classes, -1)
        matrix = whiten.view(self.classes, -1, self.latent)
        far = u.new_empty(len(u), self.each)  # at once, because pieces would lie scattered in memory
        for c, which in self._by_class(u, y):
            for rows in which.split(max(1, CHUNK // offset[c].numel())):
                white = torch.addmm(-offset[c], u[rows], matrix[c].T).view(-1, self.each, self.latent)
                far[rows] = white.square().sum(-1)
        return far

    def _by_class(self, u: Tensor, y: Tensor | None) -> list[tuple[int, Tensor]]:
        """Classes that codes u have, and which codes those are."""
        if y is None:
            return [(0, torch.arange(len(u), device=u.device))]
        return [(c, (y == c).nonzero().squeeze(1)) for c in y.unique().tolist()]

    def _sample(self, n: int, y: Tensor | None) -> Tensor:
        if y is not None and self.attributes:
            return self._sample(n, None) + (y - self.usual) @ self.effect
        weights = self.logits.softmax(-1)
        weights = weights.expand(n, -1) if y is None else weights[y]
        which = torch.multinomial(weights, 1).squeeze(1) if n else weights.new_zeros(0, dtype=torch.long)
        which = which if y is None else y * self.each + which
        noise = torch.randn(n, self.latent, 1, dtype=self.mean.dtype, device=self.mean.device)
        rows, whiten = max(1, CHUNK // self.latent**2), self.whiten
        parts = zip(which.split(rows), noise.split(rows), strict=True)
        solve = partial(torch.linalg.solve_triangular, upper=False)
        return torch.cat([self.mean[k] + solve(whiten[k], e).squeeze(-1) for k, e in parts])

    @torch.no_grad()
    def _fit(self, u: Tensor, y: Tensor | None, generator: torch.Generator) -> None:
        if len(u) > self.most:
            some = torch.randperm(len(u), generator=generator, device=u.device)[: self.most]
            u, y = u[some], None if y is None else y[some]
        if y is not None and self.attributes:
            u, y = self._regress(u, y), None
        used = self._affordable(u, y)
        (train, y_train), (held, y_held) = hold_out(u, y, generator)
        third = len(train) // 3
        sizes = [third, len(train)] if third >= self.latent * sum(used) else [len(train)]
        parts = [(train[:size], None if y_train is None else y_train[:size]) for size in sizes]
        self._begin(*parts[0], used, generator)
        for size, (codes, labels) in zip(sizes, parts, strict=True):
            reseed = partial(self._reseed, codes, labels, used, generator) if size == sizes[0] else None
            self._climb(codes, labels, held, y_held, reseed)
        # nothing is left to choose: held-out codes count, too
        self._maximise(self._expect(u, self._nearest(u, y)))

    def _climb(
        self,
        u: Tensor,
        y: Tensor | None,
        held: Tensor,
        y_held: Tensor | None,
        reseed: Callable[[], bool] | None,
    ) -> None:
        """EM on codes u until held-out codes gain no more; the best of all rounds stays."""
        best, waited, saved = -math.inf, 0, self._copy()
        near = self._nearest(u, y)
        for i in range(self.rounds):
            self._maximise(self._expect(u, near))
            if reseed and i < self.rounds // 2 and reseed():
                near = self._nearest(u, y)
            score = float(self._log_prob(held, y_held).mean())
            waited = 0 if score > best + GAIN else waited + 1
            if score > best:
                best, saved = score, self._copy()
            if waited == 3:
                break
        for parameter, value in zip(self.parameters(), saved, strict=True):
            parameter.copy_(value)

    def _regress(self, u: Tensor, y: Tensor) -> Tensor:
        """Learn what each attribute moves; codes u without it. A rare attribute leans on no effect."""
        self.usual.copy_(y.mean(0))
        a, eye = (y - self.usual).double(), torch.eye(y.shape[1]).to(u).double()
        self.effect.copy_(torch.linalg.solve(a.T @ a + RARE * eye, a.T @ u.double()))
        return u - (y - self.usual) @ self.effect

    def _affordable(self, u: Tensor, y: Tensor | None) -> list[int]:
        """How many Gaussians the codes of each class can determine."""
        sizes = [len(u)] if y is None else y.bincount(minlength=self.classes).tolist()
        used = [max(1, min(self.each, size // (2 * self.latent))) for size in sizes]
        if sum(used) < self.components:
            self.notes.append(
                f"{len(u)} codes of {self.latent} dimensions: {sum(used)} of {self.components} Gaussians used"
            )
        return used

    def _begin(self, u: Tensor, y: Tensor | None, used: list[int], generator: torch.Generator) -> None:
        """Gaussians of groups of codes, which k-means finds in each class."""
        groups = torch.zeros(len(u), 1, dtype=torch.long, device=u.device)
        for c, which in self._by_class(u, y):
            groups[which, 0] = c * self.each + k_means(u[which], min(used[c], len(which)), generator)
        sums = self._sums(u, groups, torch.ones_like(groups, dtype=u.dtype))
        self.families = self._neighbours(sums, generator)
        self._maximise(sums)

    def _neighbours(self, sums: Statistics, generator: torch.Generator) -> Tensor:
        """A family (K,) for each Gaussian: those of its class whose means are near."""
        means = (sums.sums / sums.counts.clamp_min(1e-6)[:, None]).float().view(self.classes, self.each, -1)
        count = max(1, round(self.each / self.family))
        found = [c * count + k_means(m, count, generator) for c, m in enumerate(means)]
        return torch.cat(found)

    def _copy(self) -> list[Tensor]:
        return [p.clone() for p in self.parameters()]

    def _nearest(self, u: Tensor, y: Tensor | None) -> Tensor:
        """The Gaussians (N, M) that codes u belong to most, of those of their class."""
        most, found = min(NEAR, self.each), []
        for rows in torch.arange(len(u), device=u.device).split(max(1, CHUNK // self.each)):
            labels = None if y is None else y[rows]
            first = 0 if labels is None else self.each * labels[:, None]
            found.append(first + self._joint(u[rows], labels).topk(most).indices)
        return torch.cat(found)

    def _expect(self, u: Tensor, near: Tensor) -> Statistics:
        """Expectation step: sums weighted by p(k | u) among the Gaussians `near` (N, M) each code."""
        far = torch.empty_like(near, dtype=u.dtype)
        codes, places = self._shared_out(near)
        for whiten, mean, rows, where in zip(self.whiten, self.mean, codes, places, strict=True):
            far.view(-1)[where] = ((u[rows] - mean) @ whiten.T).square().sum(1)
        density = self.logits.log_softmax(-1).flatten() + self.raw.diagonal(dim1=-2, dim2=-1).sum(-1)
        return self._sums(u, near, (density[near] - 0.5 * far).softmax(-1))

    def _shared_out(self, near: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """For each Gaussian the codes that have it in `near` (N, M), and where in the flattened `near` that is."""
        order = near.flatten().argsort(stable=True)
        sizes = near.flatten().bincount(minlength=self.components).tolist()
        return (order // near.shape[1]).split(sizes), order.split(sizes)

    def _sums(self, u: Tensor, near: Tensor, groups: Tensor) -> Statistics:
        """Sums over codes u (N, Z) that belong to the Gaussians near (N, M) by groups (N, M)."""
        counts, sums, outer = [], [], []
        for rows, where in zip(*self._shared_out(near), strict=True):
            weight = groups.view(-1)[where]
            mine = weight > NONE
            some, weight = u[rows[mine]], weight[mine]
            weighted = some * weight[:, None]
            counts.append(weight.sum())
            sums.append(weighted.sum(0))
            outer.append(weighted.T @ some)
        return Statistics(*(torch.stack(parts).double() for parts in (counts, sums, outer)))

    def _maximise(self, sums: Statistics) -> None:
        """Maximisation step, in double precision; a class without codes has N(0, I)."""
        size = sums.counts
        mass = size.clamp_min(1e-6)
        mean = sums.sums / mass[:, None]
        scatter = sums.outer - mass[:, None, None] * mean[:, :, None] * mean[:, None, :]
        pooled = scatter.sum(0) / size.sum()
        kin = nn.functional.one_hot(self.families).to(mass)  # (K, F)
        shared = self._lean(torch.einsum("kf,kij->fij", kin, scatter), size @ kin, pooled)
        share = self._lean(scatter, mass, shared[self.families])
        eye = torch.eye(self.latent, dtype=mean.dtype, device=mean.device)
        covariance = torch.where((size > 0.5)[:, None, None], share, pooled) + self.ridge * eye
        by_class = size.view(self.classes, self.each)
        total = by_class.sum(1, keepdim=True)
        empty = (total == 0).expand_as(by_class).reshape(-1)
        weights = torch.where(total > 0, by_class / total.clamp_min(1e-6), 1 / self.each)
        self.logits.copy_(weights.log().clamp_min(UNUSED))
        self.mean.copy_(mean)
        self._set_covariance(torch.where(empty[:, None, None], eye, covariance))

    def _lean(self, scatter: Tensor, mass: Tensor, wider: Tensor) -> Tensor:
        """Covariances (N, Z, Z) of scatters of some mass of codes (N,), leaning on a wider group's."""
        return (scatter + self.shrink * wider) / (mass + self.shrink).clamp_min(1e-6)[:, None, None]

    def _set_covariance(self, covariance: Tensor) -> None:
        """Store covariances (K, Z, Z) as P."""
        factor = torch.linalg.cholesky(covariance)
        eye = torch.eye(self.latent, dtype=factor.dtype, device=factor.device)
        whiten = torch.linalg.solve_triangular(factor, eye.expand_as(factor), upper=False)
        diagonal = whiten.diagonal(dim1=-2, dim2=-1).log()
        self.raw.copy_(whiten.tril(-1) + torch.diag_embed(diagonal))

    def _reseed(self, u: Tensor, y: Tensor | None, used: list[int], generator: torch.Generator) -> bool:
        """Move Gaussians that have lost nearly all codes to codes of their class drawn at random; whether there were any."""
        in_use = torch.arange(self.each) < torch.tensor(used)[:, None]
        poor = in_use & (self.logits.softmax(-1).cpu() < 0.1 / torch.tensor(used)[:, None])
        usual = self.raw[in_use.reshape(-1).to(u.device)].mean(0)
        for c, which in self._by_class(u, y):
            for s in poor[c].nonzero().squeeze(1).tolist():
                k = c * self.each + s
                chosen = torch.randint(len(which), (1,), generator=generator, device=u.device)
                self.mean[k], self.raw[k] = u[which[chosen[0]]], usual
                self.logits[c, s] = -math.log(used[c])
        return bool(poor.any())
