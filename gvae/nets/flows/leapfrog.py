r"""Leapfrog: simulated motion of a particle, a map of (z, v) that keeps volume and can be run backwards.

    v <- v + (step / 2) force(z)
    n times:  z <- z + step * v / mass,   v <- v + step * force(z)        the last kick is half a step

It follows dz/dt = v / mass, dv/dt = force(z) = grad log p(z), which conserves the energy -log p(z) + |v|^2 / (2 mass)
up to an error of order step^2. Every line adds to one of z and v a function of the other, so log|det| = 0.

MCMC using Hamiltonian dynamics (Neal, 2011) https://arxiv.org/abs/1206.1901, Section 2.3
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def leapfrog(
    force: Callable[[Tensor], Tensor], z: Tensor, v: Tensor, step: Tensor, mass: Tensor, n: int
) -> tuple[Tensor, Tensor]:
    """Place and momentum after n steps.

    Args:
        force: gradient of the log density (minus the gradient of the potential), (B, Z) -> (B, Z); asked n + 1 times.
        z: places (B, Z).
        v: momenta (B, Z).
        step: step sizes, broadcast to (B, Z); they must depend on neither z nor v.
        mass: masses, in the same way.
        n: number of steps, at least 1.

    >>> import torch
    >>> one = torch.ones(1)
    >>> z, v = leapfrog(lambda z: -z, one, 0 * one, 0.1 * one, one, 10)  # a spring: z = cos t, v = -sin t
    >>> round(z.item(), 3), round(v.item(), 3)
    (0.54, -0.841)
    """
    v = v + 0.5 * step * force(z)
    for i in range(n):
        z = z + step * v / mass
        v = v + (step if i < n - 1 else 0.5 * step) * force(z)
    return z, v


def slope(density: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """Log density (B,) and its gradient (B, Z) at z (B, Z), with or without gradients switched on around it.

    Where they are on, both can be differentiated again, with respect to z and to whatever the density depends on.

    >>> value, gradient = slope(lambda z: -0.5 * z.square().sum(1), torch.tensor([[3.0]]))
    >>> value.item(), gradient.item()
    (-4.5, -3.0)
    """
    wanted = torch.is_grad_enabled()
    with torch.enable_grad():
        z = z if z.requires_grad else z.detach().requires_grad_()
        value = density(z)
        # downhill, the direction in which the slope of `leaky_tanh` has its floor
        (downhill,) = torch.autograd.grad(-value.sum(), z, create_graph=wanted)
    return (value if wanted else value.detach()), -downhill
