"""A Gaussian mixture with full covariances, fitted by expectation maximisation (`gvae.priors.mixture.em`).

    p(u) = sum_k w_k N(u; m_k, S_k),    S_k^-1 = P_k' P_k,  P_k lower triangular with a positive diagonal

Every class has Gaussians of its own, p(u | y) = sum_s w_ys N(u; m_ys, S_ys): one that covered codes of two classes would
draw either when one is asked for.

Attributes a, of which a picture has several at once, move the codes' mean: p(u | a) = p(u - B' (a - mean of a)), with B by
ridge regression and the mixture fitted to what is left.

Codes lie near a surface of fewer dimensions than Z, and Gaussians of few codes are too wide across it: they are drawn with

    c S_k (S_k + t I)^-1 S_k    in place of S_k,    t = denoise tr S_k / Z,    c such that the trace is that of S_k

as a Wiener filter damps what varies no more than noise of variance t: they stray less across the surface and more along it.
`log_prob` stays that of S_k, the density as fitted, and `sample(..., denoised=False)` draws from it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gvae.priors.mixture.em import EM
from gvae.priors.mixture.gaussians import CHUNK, Gaussians

RARE = 10.0
"""images without any effect that an attribute's images are seen beside"""
MOST, FEWEST, NUMBERS = 1200, 100, 3_500_000
"""Gaussians where nobody says how many: no more than have so many numbers together, between these two"""


class Mixture(Gaussians):
    """Gaussian mixture with full covariances.

    Args:
        latent: number of latent dimensions, Z.
        condition: number of classes, each with Gaussians of its own; or of attributes.
        components: number of Gaussians, shared out evenly among the classes, which have one at least; 0: as `usual` has it.
            With fewer than 30 codes for each, or 2 Z if that is less, fewer are used and noted.
        most: largest number of codes used, drawn at random.
        ridge: added to the diagonal of each covariance, in units of the codes' mean variance.
        cluster_size: Gaussians whose covariances are shrunk towards each other, about; in each class.
        shrink: codes that a cluster's covariance counts for beside a Gaussian's own, and that of all beside a cluster's; 0:
            maximum likelihood.
        denoise: how strongly directions in which a Gaussian's codes hardly vary are left out when codes are drawn; 0: they
            are drawn from the density itself, which is the same for all values.
        attributes: `condition` counts attributes, y is (N, condition).
    """

    name = "mixture"

    def __init__(
        self,
        latent: int,
        condition: int = 0,
        components: int = 0,
        most: int = 60_000,
        ridge: float = 1e-4,
        cluster_size: int = 10,
        shrink: float = 60.0,
        denoise: float = 2.0,
        attributes: bool = False,
    ) -> None:
        classes = 1 if attributes else max(1, condition)
        each = max(1, (components or usual(latent)) // classes)
        super().__init__(latent, condition, classes, each, ridge, cluster_size, shrink)
        self.most, self.denoise = most, denoise
        self.attributes = attributes
        if attributes:
            self.usual: Tensor
            self.register_buffer("usual", torch.zeros(condition))
            self.effect = nn.Parameter(torch.zeros(condition, latent))
            """B (attributes, Z)"""

    def _log_prob(self, u: Tensor, y: Tensor | None) -> Tensor:
        if y is not None and self.attributes:
            u, y = u - (y - self.usual) @ self.effect, None
        return self.joint(u, y).logsumexp(-1)

    def _sample(self, n: int, y: Tensor | None) -> Tensor:
        return self._draw(n, y, self.denoise)

    def _sample_density(self, n: int, y: Tensor | None) -> Tensor:
        return self._draw(n, y, denoise=0.0)

    def _draw(self, n: int, y: Tensor | None, denoise: float) -> Tensor:
        """Draw n standardised codes (n, Z), with covariances denoised so strongly."""
        if y is not None and self.attributes:
            return self._draw(n, None, denoise) + (y - self.usual) @ self.effect
        weights = self.logits.softmax(-1)
        weights = weights.expand(n, -1) if y is None else weights[y]
        which = torch.multinomial(weights, 1).squeeze(1) if n else weights.new_zeros(0, dtype=torch.long)
        which = which if y is None else y * self.each + which
        used, place, counts = which.unique(return_inverse=True, return_counts=True)
        order, first = place.argsort(), counts.cumsum(0) - counts
        u, rest = self.mean[which], counts.argsort(descending=True)
        while len(rest):  # some Gaussians of about as many codes at a time
            most = int(counts[rest[0]])
            some, rest = rest.tensor_split([max(1, CHUNK // (self.latent * max(most, self.latent)))])
            noise = torch.randn(len(some), self.latent, most, dtype=u.dtype, device=u.device)
            strays = self.drawn(used[some], denoise) @ noise
            at = torch.arange(most, device=u.device)
            mine = at < counts[some, None]
            u[order[(first[some, None] + at)[mine]]] += strays.mT[mine]
        return u

    def drawn(self, which: Tensor, denoise: float) -> Tensor:
        """Factors A (n, Z, Z) of the covariances A A' that codes of some Gaussians are drawn with; denoise 0: S_k itself."""
        eye = torch.eye(self.latent, dtype=self.mean.dtype, device=self.mean.device)
        factor = torch.linalg.solve_triangular(self.whitens(which), eye, upper=False)
        if not denoise:
            return factor
        covariance, trace = factor @ factor.mT, factor.square().sum((1, 2), keepdim=True)
        noisy = torch.linalg.cholesky(covariance + denoise * trace / self.latent * eye)
        denoised = torch.linalg.solve_triangular(noisy, covariance, upper=False)
        return (trace / denoised.square().sum((1, 2), keepdim=True)).sqrt() * denoised.mT

    @torch.no_grad()
    def _fit(self, u: Tensor, y: Tensor | None, generator: torch.Generator) -> None:
        if len(u) > self.most:
            some = torch.randperm(len(u), generator=generator, device=u.device)[: self.most]
            u, y = u[some], None if y is None else y[some]
        if y is not None and self.attributes:
            u, y = self._regress(u, y), None
        em = EM(self, u, y, generator)
        if sum(em.used) < self.components:
            self.notes.append(
                f"{len(u)} codes of {self.latent} dimensions: {sum(em.used)} of {self.components} Gaussians used"
            )
        em.fit()

    def _regress(self, u: Tensor, y: Tensor) -> Tensor:
        """Learn what each attribute moves; codes u without it. A rare attribute is shrunk towards no effect."""
        self.usual.copy_(y.mean(0))
        a, eye = (y - self.usual).double(), torch.eye(y.shape[1]).to(u).double()
        self.effect.copy_(torch.linalg.solve(a.T @ a + RARE * eye, a.T @ u.double()))
        return u - (y - self.usual) @ self.effect


def usual(latent: int) -> int:
    """How many Gaussians a mixture of codes of some dimensions has.

    >>> usual(16), usual(48), usual(128), usual(1000)
    (1200, 1200, 417, 100)
    """
    return max(FEWEST, min(MOST, NUMBERS // (latent * (latent + 1) // 2 + latent)))
