r"""A Gaussian process that is known at a few points, and the network that guesses what went through it.

    kernel(a, b) = variance exp(-1/2 sum_j omega_j (a_j - b_j)^2)                    one length scale per input dimension
    f_i | s, c, t ~ GP of mean c_i, given f_i(s_j) = c_i + scale_i t_ji, j = 1 ... m:    variational data D = {(s_j, t_j)}, c
        mean(xi)     = c_i + k(xi, s) K^-1 scale_i t_i,        K = kernel(s, s) + JITTER variance I
        variance(xi) = kernel(xi, xi) - k(xi, s) K^-1 k(s, xi)                       the same for every i

The Variational Gaussian Process (Tran, Ranganath & Blei, 2016) https://arxiv.org/abs/1511.06499, Sections 2 and 3;
the conditional is that of Gaussian Processes for Machine Learning (Rasmussen & Williams, 2006), Eq. 2.19. Deviation: the
paper's process has mean 0, so that even equal values t do not make it constant; here its mean is c.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from gvae.distributions.posteriors import MAX_LOGVAR, MIN_LOGVAR, gaussian
from gvae.nets.wrappers import at_least_float32

JITTER = 1e-4
"""added to the diagonal of the kernel matrix, as a share of it: float32 factors it wherever the points s lie"""
VARIANCE = 0.01
"""first variance of the kernel: the noise that the process adds to a code, next to the encoder's own"""
SCALE = 0.1
"""first scale of the known values: a new q(z|x) is nearly the Gaussian N(c, sigma^2) of a plain VAE"""


class Process(nn.Module):
    """q(f | xi, D) for Z independent functions of Z inputs, with one kernel and one set of points s for all images.

    Args:
        latent: number of functions, and of inputs, Z.
        inducing: number of points, m.
    """

    def __init__(self, latent: int, inducing: int) -> None:
        super().__init__()
        self.latent = latent
        self.inputs = nn.Parameter(torch.randn(inducing, latent))
        # two draws of N(0, I) lie sqrt(2 Z) apart: with omega = 1 they would know nothing of each other
        self.log_omega = nn.Parameter(torch.full((latent,), -math.log(latent)))
        self.log_variance = nn.Parameter(torch.tensor(math.log(VARIANCE)))
        self.log_scale = nn.Parameter(torch.full((latent,), math.log(SCALE)))

    @property
    def variance(self) -> Tensor:
        """Variance of the kernel, within the limits of a code's."""
        return self.log_variance.clamp(MIN_LOGVAR, MAX_LOGVAR).exp()

    def kernel(self, a: Tensor, b: Tensor) -> Tensor:
        """Covariance of the values at a (n, Z) and b (m, Z), (n, m)."""
        scale = (0.5 * self.log_omega).exp()
        gaps = (a * scale).unsqueeze(1) - b * scale
        return self.variance * (-0.5 * gaps.square().sum(-1)).exp()

    def factor(self) -> Tensor:
        """Cholesky factor of K (m, m): the same for all images, so once per batch is enough."""
        with torch.autocast(self.inputs.device.type, enabled=False):
            K = self.kernel(self.inputs, self.inputs)
            K = K + JITTER * self.variance * torch.eye(len(K), dtype=K.dtype, device=K.device)
            return torch.linalg.cholesky_ex(K).L  # unlike cholesky, it does not wait for a GPU

    def forward(self, xi: Tensor, c: Tensor, t: Tensor, factor: Tensor) -> Independent:
        """q(f | xi, D), event shape (Z,).

        Args:
            xi: where the functions are asked for, (B, Z).
            c: their mean, (B, Z).
            t: by how much they differ from it at the points s, in units of the scale, (B, m, Z).
            factor: from `factor()`.
        """
        with torch.autocast(xi.device.type, enabled=False):
            k = self.kernel(self.inputs, xi)
            half = torch.linalg.solve_triangular(factor, k, upper=False)
            weights = torch.linalg.solve_triangular(factor.mT, half, upper=True)
            mean = self.around(c, torch.einsum("mb,bmz->bz", weights, at_least_float32(t)))
            largest = self.variance
            variance = torch.maximum(largest - half.square().sum(0), JITTER * largest)  # rounding may go below
        return Independent(Normal(mean, variance.sqrt()[:, None].expand_as(mean), validate_args=False), 1)

    def mean(self, c: Tensor, t: Tensor, factor: Tensor) -> Tensor:
        """Mean of f over xi ~ N(0, I) too, (B, Z): a Gaussian kernel's integral is known."""
        with torch.autocast(t.device.type, enabled=False):
            omega = self.log_omega.exp()
            nearness = -0.5 * (self.inputs.square() * omega / (1 + omega)).sum(1)
            k = self.variance * (nearness - 0.5 * omega.log1p().sum()).exp()
            weights = torch.cholesky_solve(k[:, None], factor)[:, 0]
            return self.around(c, torch.einsum("m,bmz->bz", weights, at_least_float32(t)))

    def around(self, c: Tensor, gap: Tensor) -> Tensor:
        """c + scale gap, (B, Z)."""
        return at_least_float32(c) + self.log_scale.exp() * gap


class Auxiliary(nn.Module):
    r"""r(xi | x, z): a Gaussian with independent dimensions, event shape (Z,).

    It takes the encoder's output in place of x: xi and z depend on x in no other way. f needs no guess: given xi, x and z
    it is known in closed form, see `gvae.models.vae_vgp`.

    Args:
        inputs: length of the encoder's output, (m + 2) Z.
        latent: length of a code, Z.
        width: units of each of the two hidden layers.
    """

    def __init__(self, inputs: int, latent: int, width: int) -> None:
        super().__init__()
        hidden = [nn.Linear(inputs + latent, width), nn.ELU(), nn.Linear(width, width), nn.ELU()]
        self.layers = nn.Sequential(*hidden, nn.Linear(width, 2 * latent))

    def forward(self, parameters: Tensor, z: Tensor) -> Independent:
        return gaussian(self.layers(torch.cat([parameters, z], 1)))
