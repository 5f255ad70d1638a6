r"""Ways from one code to another.

linear      z(t) = (1 - t) a + t b
spherical   z(t) = r(t) [cos(t w) e1 + sin(t w) e2],   r(t) = (1 - t) |a| + t |b|,   w the angle between a and b,
            e1 = a / |a|, e2 the unit vector towards b at a right angle to it
            Sampling Generative Networks (White, 2016) https://arxiv.org/abs/1609.04468, Section 2.1, with the length
            in step as well: codes of N(0, I) lie near a sphere, and the middle of a straight line far inside it
density     z(t) = (1 - t) a + t b + sum_m c_m sin(pi m t), with the waves c_1 ... c_M that minimise

                1/2 + sum_m (pi m |c_m| / (2 |b - a|))^2  +  weight / Z  mean_t max(0, level(t) - log p(z(t)))

The first two terms are the integral of |z'(t)|^2 / (2 |b - a|^2), 1/2 for the straight line and more for every other path;
level(t) goes in step from log p(a) to log p(b). So a path pays for being less likely than its ends and gains nothing by
being more likely: in many dimensions a density is highest where no code lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gvae.errors import GvaeError

Density = Callable[[Tensor], Tensor]
"""codes (N, Z) -> log p(z) (N,) in nats, differentiable"""

WAVES = 8
"""sine waves in each dimension of a density path, M"""
TIMES = 32
"""intervals of time at which its density is looked at, at least"""


def linear(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Codes (steps, Z) at equal distances on the straight line from a (Z,) to b (Z,), both included.

    Raises:
        GvaeError: fewer than 2 steps.

    >>> linear(torch.zeros(2), torch.tensor([1.0, 2.0]), 3).tolist()
    [[0.0, 0.0], [0.5, 1.0], [1.0, 2.0]]
    """
    t = times(a, steps)
    return (1 - t) * a + t * b


def spherical(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Codes (steps, Z) on an arc around 0 from a (Z,) to b (Z,), at equal angles; lengths change in step.

    Opposite codes have many arcs between them, of which a fixed one is taken. Without an angle (a code that is 0, or
    codes of one dimension) it is the straight line.

    Raises:
        GvaeError: fewer than 2 steps.

    >>> path = spherical(torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0]), 3)
    >>> [[round(float(v), 3) for v in z] for z in path]
    [[3.0, 0.0], [2.121, 2.121], [0.0, 3.0]]
    """
    straight = linear(a, b, steps)
    if len(a) < 2 or not a.any() or not b.any():
        return straight
    t, (u, v) = times(a, steps).double(), (a.double(), b.double())
    first, second, angle = plane(u, v)
    length = (1 - t) * u.norm() + t * v.norm()
    arc = length * ((t * angle).cos() * first + (t * angle).sin() * second)
    return torch.cat([straight[:1], arc[1:-1].to(a.dtype), straight[-1:]])


def plane(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vectors along a and at a right angle to it towards b, and the angle between a and b in radians."""
    first = a / a.norm()
    towards = b / b.norm()
    rest = towards - (towards @ first) * first
    angle = torch.atan2(rest.norm(), towards @ first)
    if rest.norm() < 1e-9:  # the same or the opposite way: any right angle will do, but always the same
        rest = torch.zeros_like(a)
        rest[first.abs().argmin()] = 1
        rest = rest - (rest @ first) * first
    return first, rest / rest.norm(), angle


def density(log_prob: Density, a: Tensor, b: Tensor, steps: int, rounds: int = 100, weight: float = 1.0) -> Tensor:
    """Codes (steps, Z) on a short path from a (Z,) to b (Z,) that keeps to where codes are likely.

    Adam on the waves, from the straight line or the arc, whichever is better; the best path met is returned. It never
    falls further below the likelihood of its ends, on the average over time, than the straight line does.

    Args:
        log_prob: density of the prior.
        steps: codes on the path, both ends included.
        rounds: gradient steps.
        weight: of a nat per dimension against the path's length.

    Raises:
        GvaeError: fewer than 2 steps.
    """
    straight = linear(a, b, steps)
    if torch.equal(a, b):
        return straight
    cost = Cost(log_prob, a, b, steps, weight)
    arc = waves_of(spherical(a, b, cost.count) - linear(a, b, cost.count))
    waves = min(torch.zeros_like(arc), arc, key=lambda c: float(cost(c)[0].detach()))
    path = cost(descend(cost, waves, rounds))[1].detach()
    return torch.cat([straight[:1], path[:: cost.every][1:-1], straight[-1:]])


class Cost:
    """What a density path costs: length and want of likelihood.

    Args:
        log_prob, a, b, steps, weight: as for `density`.
    """

    def __init__(self, log_prob: Density, a: Tensor, b: Tensor, steps: int, weight: float) -> None:
        self.log_prob, self.weight = log_prob, weight
        self.every = math.ceil(TIMES / (steps - 1))
        self.count = self.every * (steps - 1) + 1
        self.line, self.basis = linear(a, b, self.count), sines(a, self.count)
        self.distance = (b - a).norm()
        with torch.no_grad():
            ends = log_prob(torch.stack([a, b]))
        self.level = linear(ends[:1], ends[1:], self.count).squeeze(1)

    def __call__(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """Cost, a scalar, and path (count, Z) of waves (M, Z)."""
        path = self.line + self.basis @ waves
        number = torch.arange(1, len(waves) + 1, device=waves.device)
        bent = (math.pi / 2 * number * waves.norm(dim=1) / self.distance).square().sum()
        want = (self.level - self.log_prob(path)).clamp_min(0).mean() / path.shape[1]
        return 0.5 + bent + self.weight * want, path


def descend(cost: Cost, waves: Tensor, rounds: int) -> Tensor:
    """Waves (M, Z) of less cost, by Adam with a step size that falls to 0; the best of all rounds."""
    number = torch.arange(1, len(waves) + 1, device=waves.device)[:, None]
    unit = cost.distance / math.sqrt(waves.shape[1]) / number  # short waves are made of small steps
    x = (waves / unit).requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(rounds, 1))
    best, lowest = waves, math.inf
    for i in range(rounds + 1):
        value = cost(x * unit)[0]
        if float(value.detach()) < lowest:
            best, lowest = (x * unit).detach(), float(value.detach())
        if i < rounds:
            (x.grad,) = torch.autograd.grad(value, [x])
            optimiser.step()
            schedule.step()
    return best


def sines(a: Tensor, count: int) -> Tensor:
    """sin(pi m t) of the first waves at `count` times from 0 to 1, (count, M), in the type of a."""
    return torch.sin(math.pi * times(a, count) * torch.arange(1, WAVES + 1, device=a.device)).to(a.dtype)


def waves_of(offset: Tensor) -> Tensor:
    """Waves (M, Z) that come nearest to an offset (count, Z) that is 0 at both ends."""
    count = len(offset)
    return 2 / (count - 1) * sines(offset, count).T @ offset


def times(a: Tensor, steps: int) -> Tensor:
    """Times from 0 to 1, (steps, 1), in the type of a.

    Raises:
        GvaeError: fewer than 2 steps.
    """
    if steps < 2:
        raise GvaeError(f"a path of {steps} steps has no two ends; ask for at least 2 steps")
    return torch.linspace(0, 1, steps, dtype=a.dtype, device=a.device)[:, None]


def between(kind: str, a: Tensor, b: Tensor, steps: int, log_prob: Density | None = None) -> Tensor:
    """Codes (steps, Z) from a to b on a path of that kind.

    Raises:
        GvaeError: fewer than 2 steps, or a density path without a density.
    """
    if kind == "density":
        if log_prob is None:
            raise GvaeError("a density path needs log_prob, the density of a prior; use linear or spherical")
        return density(log_prob, a, b, steps)
    return linear(a, b, steps) if kind == "linear" else spherical(a, b, steps)
