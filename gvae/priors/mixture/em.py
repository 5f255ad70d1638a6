"""Expectation maximisation of a mixture's Gaussians, whose covariances are shrunk towards each other.

    E:  r_nk = p(k | u_n) among the Gaussians that are nearest to u_n
    M:  n_k = sum_n r_nk,   w_k = n_k / N,   m_k = sum_n r_nk u_n / n_k,   C_k = sum_n r_nk (u_n - m_k)(u_n - m_k)' / n_k
        S_k = (n_k C_k + a C_f) / (n_k + a),   C_f = (n_f C'_f + a C) / (n_f + a)

Maximum Likelihood from Incomplete Data via the EM Algorithm (Dempster, Laird and Rubin, 1977)
https://doi.org/10.1111/j.2517-6161.1977.tb01600.x; started by `gvae.priors.mixture.k_means`.

A Gaussian of few codes is shrunk towards the covariance of its cluster f, the Gaussians around it, and a cluster's towards
that pooled over all, with a pseudo-codes: codes it has not seen are likelier than under the exact maximum. Held-out codes
end the fit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gvae.priors.base import hold_out
from gvae.priors.mixture.gaussians import Gaussians, whitening
from gvae.priors.mixture.k_means import k_means

UNUSED = -1e4
"""weight logit of a component that is not in use: exp of it is 0, yet its gradient is a number"""
GAIN = 0.1
"""nats per held-out code that a round must gain, or it counts as one of two that end the fit"""
NEAR = 6
"""Gaussians among which a code is shared out; of the others it belongs to none by more than a trifle"""
FEWEST = 30
"""codes for each Gaussian, or twice as many as dimensions if that is less; with fewer codes there are fewer Gaussians"""
ROUNDS = 60
"""EM iterations, at most, on a third of the codes and on all of them"""
BLOCK = 4096
"""codes that are compared with all Gaussians at once"""
NUMBERS = 1_000_000
"""numbers of covariances, or of codes, that are computed at once"""

Codes = tuple[Tensor, Tensor | None]
"""codes u (N, Z) and their classes y (N,), or None"""


class Statistics(NamedTuple):
    """What EM sums over codes: counts (K,), sums (K, Z), outer products (K, Z, Z), these in the codes' precision."""

    counts: Tensor
    sums: Tensor
    outer: Tensor


class Near:
    """Which Gaussians are near each code, and the same by Gaussian.

    Args:
        gaussians: (N, M), of each code.
        mixture: whose Gaussians they are.
    """

    def __init__(self, gaussians: Tensor, mixture: Gaussians) -> None:
        self.gaussians = gaussians
        flat = gaussians.flatten()
        order, sizes = flat.argsort(stable=True), flat.bincount(minlength=mixture.components)
        first = sizes.cumsum(0) - sizes
        self.parts: list[tuple[Tensor, Tensor, Tensor]] = []
        """some Gaussians of about as many codes at a time: which (K',), their codes (K', L), and these codes' places in the
        flattened `gaussians`; a Gaussian of fewer than L codes has place N M in the rest"""
        rest = sizes.argsort(descending=True)
        while len(rest):
            longest = int(sizes[rest[0]])
            some, rest = rest.tensor_split([max(1, NUMBERS // max(1, longest * mixture.latent))])
            at = torch.arange(longest, device=flat.device)
            place = order[(first[some, None] + at).clamp_max(len(order) - 1)]
            place = place.where(at < sizes[some, None], len(order))
            code = (place // gaussians.shape[1]).clamp_max(len(gaussians) - 1)
            self.parts.append((some, code, place))


class EM:
    """One fit of a mixture to codes.

    Args:
        mixture: whose Gaussians are found, in place.
        u: standardised codes (N, Z).
        y: their classes (N,), of a mixture with Gaussians for each.
        generator: of everything drawn at random.
    """

    def __init__(self, mixture: Gaussians, u: Tensor, y: Tensor | None, generator: torch.Generator) -> None:
        self.mixture, self.u, self.y, self.generator = mixture, u, y, generator
        sizes = [len(u)] if y is None else y.bincount(minlength=mixture.classes).tolist()
        fewest = min(FEWEST, 2 * mixture.latent)
        self.used = [max(1, min(mixture.each, size // fewest)) for size in sizes]
        """how many Gaussians the codes of each class can determine"""
        self.clusters = torch.zeros(mixture.components, dtype=torch.long, device=u.device)
        """cluster (K,) of each Gaussian"""
        self.whiten = torch.eye(mixture.latent, dtype=u.dtype, device=u.device)
        """(Z, Z): maps to white noise what deviates from the mean of its Gaussian, all Gaussians together"""

    def fit(self) -> None:
        """Climb on a third of the codes first, where there are enough, and then on all but the held-out ones."""
        (train, y_train), held = hold_out(self.u, self.y, self.generator)
        third = len(train) // 3
        sizes = [third, len(train)] if third >= self.mixture.latent * sum(self.used) else [len(train)]
        parts = [(train[:size], None if y_train is None else y_train[:size]) for size in sizes]
        self.start(*parts[0])
        for i, part in enumerate(parts):
            self.run_em(part, held, reseed=i == 0)
        # nothing is left to choose: held-out codes count, too
        self.maximise(self.expect(self.u, self.nearest(self.u, self.y)))

    def start(self, u: Tensor, y: Tensor | None) -> None:
        """Gaussians of groups of codes, which k-means finds in each class, and clusters of those."""
        each = self.mixture.each
        groups = torch.zeros(len(u), 1, dtype=torch.long, device=u.device)
        for c, which in self.mixture.by_class(u, y):
            groups[which, 0] = c * each + k_means(u[which], min(self.used[c], len(which)), self.generator)
        near = Near(groups, self.mixture)
        first = sums(u, near, torch.ones_like(groups, dtype=u.dtype))
        means = (first.sums / first.counts.clamp_min(1e-6)[:, None]).to(u)
        count = max(1, round(each / self.mixture.cluster_size))
        kin = [c * count + k_means(m, count, self.generator) for c, m in enumerate(means.split(each))]
        self.clusters = torch.cat(kin)
        self.maximise(first)

    def run_em(self, codes: Codes, held: Codes, reseed: bool) -> None:
        """EM on codes until held-out codes gain no more; the best of all rounds stays."""
        mixture = self.mixture
        best, waited, saved = -math.inf, 0, self.copy()
        near, near_held = self.nearest(*codes), self.nearest(*held)
        for i in range(ROUNDS):
            self.maximise(self.expect(codes[0], near))
            if reseed and i < ROUNDS // 2 and self.reseed(*codes):
                near, near_held = self.nearest(*codes), self.nearest(*held)
            score = float(self.densities(held[0], near_held).logsumexp(-1).mean())
            waited = 0 if score > best + GAIN else waited + 1
            if score > best:
                best, saved = score, self.copy()
            if waited == 2:
                break
        for parameter, value in zip(mixture.parameters(), saved, strict=True):
            parameter.copy_(value)

    def copy(self) -> list[Tensor]:
        """The mixture's parameters as they are now."""
        return [p.clone() for p in self.mixture.parameters()]

    def nearest(self, u: Tensor, y: Tensor | None) -> Near:
        """The Gaussians of their class whose means codes u are nearest to, as deviations from means usually lie."""
        mixture, most = self.mixture, min(NEAR, self.mixture.each)
        means = (mixture.mean @ self.whiten.T).view(mixture.classes, mixture.each, -1)
        unused = -2 * mixture.logits.log_softmax(-1)
        near = torch.empty(len(u), most, dtype=torch.long, device=u.device)
        for c, which in mixture.by_class(u, y):
            for rows in which.split(BLOCK):
                far = unused[c] + means[c].square().sum(1) - 2 * (u[rows] @ self.whiten.T) @ means[c].T
                near[rows] = c * mixture.each + far.topk(most, largest=False, sorted=False).indices
        return Near(near, mixture)

    def densities(self, u: Tensor, near: Near) -> Tensor:
        """log w_k + log N(u; m_k, S_k) (N, M) of the Gaussians near each code, but for a constant."""
        mixture, whiten, known = self.mixture, self.mixture.whiten, near.gaussians
        far = u.new_empty(known.numel() + 1)
        for some, code, place in near.parts:
            white = (u[code] - mixture.mean[some, None]) @ whiten[some].mT
            far[place] = white.square_().sum(-1)
        density = mixture.logits.log_softmax(-1).flatten() + mixture.log_diagonal.sum(-1)
        return density[known] - 0.5 * far[:-1].view_as(known)

    def expect(self, u: Tensor, near: Near) -> Statistics:
        """Expectation step: sums weighted by p(k | u) among the Gaussians near each code."""
        return sums(u, near, self.densities(u, near).softmax(-1))

    def maximise(self, found: Statistics) -> None:
        """Maximisation step, in double precision, some Gaussians at a time; a class without codes has N(0, I)."""
        mixture, size = self.mixture, found.counts
        mass = size.clamp_min(1e-6)
        mean = found.sums / mass[:, None]
        parts = torch.arange(len(mass), device=mass.device).split(max(1, NUMBERS // mixture.latent**2))

        def scatter(part: Tensor) -> Tensor:
            m = mean[part]
            return found.outer[part].double() - mass[part, None, None] * m[:, :, None] * m[:, None, :]

        count = int(self.clusters.max()) + 1
        within = mean.new_zeros(count, mixture.latent, mixture.latent)
        for part in parts:
            within.index_add_(0, self.clusters[part], scatter(part))
        pooled = within.sum(0) / size.sum()
        kin = mass.new_zeros(count).index_add_(0, self.clusters, size)
        shared = self.shrink_towards(within, kin, pooled)
        eye = torch.eye(mixture.latent, dtype=mean.dtype, device=mean.device)
        self.whiten = whitening(pooled + mixture.ridge * eye).to(mixture.mean)
        by_class = size.view(mixture.classes, mixture.each)
        total = by_class.sum(1, keepdim=True)
        empty = (total == 0).expand_as(by_class).reshape(-1)
        for part in parts:
            own = self.shrink_towards(scatter(part), mass[part], shared[self.clusters[part]])
            used = torch.where((size[part] > 0.5)[:, None, None], own, pooled) + mixture.ridge * eye
            mixture.set_covariance(torch.where(empty[part][:, None, None], eye, used), part)
        weights = torch.where(total > 0, by_class / total.clamp_min(1e-6), 1 / mixture.each)
        mixture.logits.copy_(weights.log().clamp_min(UNUSED))
        mixture.mean.copy_(mean)

    def shrink_towards(self, scatter: Tensor, mass: Tensor, wider: Tensor) -> Tensor:
        """Covariances (N, Z, Z) of scatters of some mass of codes (N,), shrunk towards a wider group's."""
        shrink = self.mixture.shrink
        return (scatter + shrink * wider) / (mass + shrink).clamp_min(1e-6)[:, None, None]

    def reseed(self, u: Tensor, y: Tensor | None) -> bool:
        """Move Gaussians that have lost nearly all codes to codes of their class drawn at random; whether there were any."""
        mixture, used = self.mixture, torch.tensor(self.used)[:, None]
        in_use = torch.arange(mixture.each) < used
        poor = in_use & (mixture.logits.softmax(-1).cpu() < 0.1 / used)
        shapes = (mixture.log_diagonal, mixture.below)
        usual = [shape[in_use.reshape(-1).to(u.device)].mean(0) for shape in shapes]
        for c, which in mixture.by_class(u, y):
            for s in poor[c].nonzero().squeeze(1).tolist():
                k = c * mixture.each + s
                chosen = torch.randint(len(which), (1,), generator=self.generator, device=u.device)
                mixture.mean[k] = u[which[chosen[0]]]
                mixture.log_diagonal[k], mixture.below[k] = usual
                mixture.logits[c, s] = -math.log(self.used[c])
        return bool(poor.any())


def sums(u: Tensor, near: Near, groups: Tensor) -> Statistics:
    """Sums over codes u (N, Z) that belong to the Gaussians near them by groups (N, M)."""
    k, z = sum(len(some) for some, _, _ in near.parts), u.shape[1]
    counts, totals, outer = u.new_empty(k), u.new_empty(k, z), u.new_empty(k, z, z)
    weights = torch.cat([groups.flatten(), groups.new_zeros(1)])
    for some, code, place in near.parts:
        weight, rows = weights[place], u[code]
        weighted = rows * weight[..., None]
        counts[some], totals[some], outer[some] = weight.sum(1), weighted.sum(1), weighted.mT @ rows
    return Statistics(counts.double(), totals.double(), outer)
