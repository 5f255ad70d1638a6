r"""Annealed importance sampling in latent space: log p(x) by many small steps from a start density to log p(x, z).

    log f_t(z) = (1 - b_t) log s(z) + b_t log p(x, z),     0 = b_0 < ... < b_T = 1
    log w = sum_t (b_t - b_{t-1}) [log p(x, z_t) - log s(z_t)],   z_{t+1} ~ a transition that leaves f_t as it is

exp(log w) is an unbiased estimate of p(x), so the mean of its logarithm is a lower bound. Annealed importance sampling
(Neal, 2001) https://arxiv.org/abs/physics/9803008; transitions, schedule and the check below follow On the Quantitative
Analysis of Decoder-Based Generative Models (Wu et al., 2017) https://arxiv.org/abs/1611.04273: Hamiltonian Monte Carlo
with a step size that is adapted on the way. With one temperature it is importance sampling from s; with more, "unbiased"
holds up to that adaptation, in which a chain's step follows its own acceptance (40,000 chains in a test showed no bias).

The same run backwards, from the code that drew a simulated image, gives an upper bound on that image's log p(x): the
gap between both tells how far the estimates can be trusted (Sandwiching the marginal likelihood using bidirectional
Monte Carlo, Grosse et al., 2015, https://arxiv.org/abs/1511.02543).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from gvae.nets.flows.leapfrog import leapfrog, slope

Density = Callable[[Tensor], Tensor]
"""codes (N, Z) -> log density (N,) in nats"""
ACCEPTANCE = 0.65
"""acceptance to which the step size is adapted"""


@dataclass(frozen=True)
class Schedule:
    """How the annealing goes."""

    temperatures: int = 100
    """steps from the start density to the joint density, T"""
    leapfrog: int = 10
    """leapfrog steps per transition"""
    step: float = 0.1
    """first step size of the leapfrog, in units of a code"""

    def betas(self) -> Tensor:
        """b_0 .. b_T, closer together at both ends where the density changes fastest.

        >>> [round(b, 3) for b in Schedule(2).betas().tolist()]
        [0.0, 0.5, 1.0]
        """
        s = torch.sigmoid(torch.linspace(-4, 4, self.temperatures + 1, dtype=torch.float64))
        return (s - s[0]) / (s[-1] - s[0])


def anneal(
    start: Density, joint: Density, z: Tensor, schedule: Schedule, backwards: bool = False
) -> tuple[Tensor, Tensor]:
    """Walk from one density to the other.

    Args:
        start: log s(z), normalised.
        joint: log p(x, z).
        z: codes (N, Z) drawn from s, or from p(z|x) if `backwards`.
        schedule: temperatures and transitions.
        backwards: from p(x, z) to s.

    Returns:
        log weights (N,), estimates of log p(x) (of -log p(x) if `backwards`), and acceptance rates (N,).
    """
    betas = schedule.betas().tolist()
    betas = betas[::-1] if backwards else betas
    step = torch.full_like(z[:, 0], schedule.step)
    total, accepted = torch.zeros_like(step), torch.zeros_like(step)
    for before, beta in pairwise(betas):
        with torch.no_grad():
            total = total + (beta - before) * (joint(z) - start(z))
        if beta in (0.0, 1.0):
            break  # the last density needs no more transitions
        z, chance = transition(lambda v, b=beta: (1 - b) * start(v) + b * joint(v), z, step, schedule.leapfrog)
        step = (step * torch.exp(0.1 * (chance - ACCEPTANCE))).clamp(1e-4, 2.0)
        accepted = accepted + chance
    return total, accepted / max(schedule.temperatures - 1, 1)


@torch.no_grad()
def transition(density: Density, z: Tensor, step: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """One step of Hamiltonian Monte Carlo, of so many leapfrog steps, which leaves the density as it is.

    Returns:
        codes (N, Z) and the probabilities (N,) with which each proposal was accepted.
    """
    values = []

    def force(z: Tensor) -> Tensor:
        value, gradient = slope(density, z)
        values.append(value)
        return gradient

    v = torch.randn_like(z)
    moved, u = leapfrog(force, z, v, step[:, None], torch.ones_like(step[:, None]), steps)
    gain = values[-1] - values[0] - 0.5 * (u.square() - v.square()).sum(1)
    chance = torch.nan_to_num(gain, nan=-math.inf).clamp_max(0).exp()
    taken = torch.rand_like(chance) < chance
    return torch.where(taken[:, None], moved, z), chance


def log_mean_exp(values: Tensor) -> Tensor:
    """log of the mean of exp(values) over the first dimension."""
    return torch.logsumexp(values, 0) - math.log(len(values))
