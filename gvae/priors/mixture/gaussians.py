"""Gaussians with full covariances, for each class of codes its own: their parameters and densities.

    log N(u; m, S) = log det P - |P (u - m)|^2 / 2 - Z/2 log(2 pi),    S^-1 = P' P,  P lower triangular, positive diagonal

P, the inverse of the covariance's Cholesky factor, is the parameter and not the factor itself: then the
density of a batch under all Gaussians is one matrix product, forward and backward.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gvae.priors.base import Prior

CHUNK = 3_000_000
"""largest number of floats in an intermediate result of one chunk of codes, or of Gaussians"""


class Gaussians(Prior):
    """K = classes S Gaussians over codes, with weights that sum to 1 in each class.

    Args:
        latent: number of latent dimensions, Z.
        condition: as for `Prior`.
        classes: number of classes with Gaussians of their own, at least 1.
        each: Gaussians of one class, S.
        ridge, cluster_size, shrink: how a fit keeps covariances from fitting noise, see `Mixture`.
    """

    def __init__(
        self, latent: int, condition: int, classes: int, each: int, ridge: float, cluster_size: int, shrink: float
    ) -> None:
        super().__init__(latent, condition)
        self.classes, self.each = classes, each
        self.ridge, self.cluster_size, self.shrink = ridge, cluster_size, shrink
        means = torch.randn(self.components, latent, generator=torch.Generator().manual_seed(0))
        self.logits = nn.Parameter(torch.zeros(classes, each))
        self.mean = nn.Parameter(0.1 * means)
        """(K, Z), those of the first class first"""
        self.log_diagonal = nn.Parameter(torch.zeros(self.components, latent))
        """logarithms of P's diagonal (K, Z)"""
        self.below = nn.Parameter(torch.zeros(self.components, latent * (latent - 1) // 2))
        """P's entries below the diagonal, row by row"""

    @property
    def components(self) -> int:
        """Gaussians of all classes, K."""
        return self.classes * self.each

    @property
    def whiten(self) -> Tensor:
        """P (K, Z, Z): maps u - m to white noise; the inverse of the covariance's Cholesky factor."""
        return self.whitens(slice(None))

    def whitens(self, which: Tensor | slice) -> Tensor:
        """P of some Gaussians, (n, Z, Z)."""
        whiten = torch.diag_embed(self.log_diagonal[which].exp())
        rows, columns = torch.tril_indices(self.latent, self.latent, -1, device=whiten.device)
        whiten[:, rows, columns] = self.below[which]
        return whiten

    def joint(self, u: Tensor, y: Tensor | None) -> Tensor:
        """log w_s + log N(u; m_s, S_s) for the Gaussians of each code's class, (N, S)."""
        determinant = self.log_diagonal.sum(-1) - 0.5 * self.latent * math.log(2 * math.pi)
        density = self.logits.log_softmax(-1) + determinant.view(self.classes, self.each)
        return (density if y is None else density[y]) - 0.5 * self._far(u, y)

    def _far(self, u: Tensor, y: Tensor | None) -> Tensor:
        """Squared Mahalanobis distances |P_s (u - m_s)|^2 to the Gaussians of each code's class, (N, S)."""
        whiten = self.whiten
        offset = torch.einsum("kij,kj->ki", whiten, self.mean).view(self.classes, -1)
        matrix = whiten.view(self.classes, -1, self.latent)
        far = u.new_empty(len(u), self.each)  # at once, because pieces would lie scattered in memory
        for c, which in self.by_class(u, y):
            for rows in which.split(max(1, CHUNK // offset[c].numel())):
                white = torch.addmm(-offset[c], u[rows], matrix[c].T).view(-1, self.each, self.latent)
                far[rows] = white.square().sum(-1)
        return far

    def by_class(self, u: Tensor, y: Tensor | None) -> list[tuple[int, Tensor]]:
        """Classes that codes u have, and which codes those are."""
        if y is None:
            return [(0, torch.arange(len(u), device=u.device))]
        return [(c, (y == c).nonzero().squeeze(1)) for c in y.unique().tolist()]

    def set_covariance(self, covariance: Tensor, some: Tensor | slice = slice(None)) -> None:
        """Store covariances (K, Z, Z), of all Gaussians or of some, as P."""
        whiten = whitening(covariance)
        rows, columns = torch.tril_indices(self.latent, self.latent, -1, device=whiten.device)
        self.log_diagonal[some] = whiten.diagonal(dim1=-2, dim2=-1).log().to(self.mean)
        self.below[some] = whiten[:, rows, columns].to(self.mean)


def whitening(covariance: Tensor) -> Tensor:
    """The inverse of the Cholesky factor of covariances (..., Z, Z)."""
    factor = torch.linalg.cholesky(covariance)
    eye = torch.eye(factor.shape[-1], dtype=factor.dtype, device=factor.device)
    return torch.linalg.solve_triangular(factor, eye.expand_as(factor), upper=False)
