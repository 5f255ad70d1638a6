"""Latent flow matching: noise is carried to codes along straight lines, on average, by a learned velocity.

    u_t = (1 - t) e + t u,    e ~ N(0, I),  t ~ U(0, 1)
    loss = E |v(u_t, t) - (u - e)|^2 / Z
    sample: du/dt = v(u, t) from t = 0 to 1;    log p(u) = log N(u_0; 0, I) - integral of div v along the way

Flow Matching for Generative Modeling (Lipman et al., 2023) https://arxiv.org/abs/2210.02747, the conditional
optimal-transport path with sigma_min = 0; divergence by probes as in FFJORD (Grathwohl et al., 2019)
https://arxiv.org/abs/1810.01367
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.func import jvp, vmap

from gvae.nets.flows.velocity import Velocity
from gvae.priors.base import Prior
from gvae.priors.descent import Descent

ROWS = 1024
"""codes whose density is integrated together"""


class Flow(Prior):
    """Flow matching with a perceptron; exactly N(0, I) until it is fitted.

    A density costs `ode_steps` Jacobian traces of about Z + 2 passes of the network each (3 with one probe):
    use it to measure, not as a term to train on.

    Args:
        latent: number of latent dimensions, Z.
        condition: number of classes of a conditional velocity, 0 for none.
        width: units in each of three hidden layers.
        steps: largest number of Adam steps of a fit.
        batch: codes per step.
        lr: Adam step size at the start of a fit.
        minutes: limit of a fit's time, besides `steps`; None keeps fits reproducible.
        ode_steps: midpoint steps from noise to codes, two evaluations of the velocity each.
        probes: random vectors for the trace of the Jacobian (Hutchinson), the same in every call; 0: exact.
    """

    name = "flow"

    def __init__(
        self,
        latent: int,
        condition: int = 0,
        width: int = 512,
        steps: int = 6000,
        batch: int = 256,
        lr: float = 4e-3,
        minutes: float | None = None,
        ode_steps: int = 32,
        probes: int = 0,
    ) -> None:
        super().__init__(latent, condition)
        self.velocity = Velocity(latent, condition, width)
        # the regression is noisier than a likelihood: average over more steps
        self.descent = Descent(steps, batch, lr, minutes, average=0.998)
        self.ode_steps, self.probes = ode_steps, probes

    def _log_prob(self, u: Tensor, y: Tensor | None) -> Tensor:
        parts = zip(u.split(ROWS), self._context(y, len(u)).split(ROWS), strict=True)
        return torch.cat([self._integrate(part, context) for part, context in parts])

    def _integrate(self, u: Tensor, context: Tensor) -> Tensor:
        """Log density by midpoint steps from codes at t = 1 back to noise at t = 0."""
        dt, total = 1 / self.ode_steps, u.new_zeros(len(u))
        for i in reversed(range(self.ode_steps)):
            half = u - 0.5 * dt * self._velocity(u, (i + 1) * dt, context)
            velocity, divergence = self._divergence(half, (i + 0.5) * dt, context)
            u, total = u - dt * velocity, total - dt * divergence
        return total - 0.5 * u.square().sum(1) - 0.5 * self.latent * math.log(2 * math.pi)

    def _sample(self, n: int, y: Tensor | None) -> Tensor:
        u = torch.randn(n, self.latent, dtype=self.shift.dtype, device=self.shift.device)
        context, dt = self._context(y, n), 1 / self.ode_steps
        for i in range(self.ode_steps):
            half = u + 0.5 * dt * self._velocity(u, i * dt, context)
            u = u + dt * self._velocity(half, (i + 0.5) * dt, context)
        return u

    def _velocity(self, u: Tensor, time: float, context: Tensor) -> Tensor:
        return self.velocity(u, u.new_full((len(u), 1), time), context)

    def _divergence(self, u: Tensor, time: float, context: Tensor) -> tuple[Tensor, Tensor]:
        """Velocity (N, Z) and its divergence (N,): r' J r summed over the directions r, weighted."""
        directions, weight = self._directions(u)

        def along(direction: Tensor) -> Tensor:
            tangent = direction.expand_as(u)
            change = jvp(lambda x: self._velocity(x, time, context), (u,), (tangent,))[1]
            return (change * direction).sum(1)

        return self._velocity(u, time, context), weight * vmap(along)(directions).sum(0)

    def _directions(self, u: Tensor) -> tuple[Tensor, float]:
        """Vectors (K, Z) and the weight of each in the trace."""
        if not self.probes:
            return torch.eye(self.latent, dtype=u.dtype, device=u.device), 1.0
        generator = torch.Generator(u.device).manual_seed(0)
        signs = torch.randint(2, (self.probes, self.latent), generator=generator, device=u.device)
        return 2 * signs.to(u.dtype) - 1, 1 / self.probes

    def loss(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The regression loss in place of -log p(z), whose gradient would need an integral per step."""
        u = (z.to(self.shift.dtype) - self.shift) / self.scale
        return self._loss(u, self._labels(y, z.shape[:-1]), None)

    def _fit(self, u: Tensor, y: Tensor | None, generator: torch.Generator) -> None:
        self.velocity.reset(generator)
        self.notes += self.descent.fit(self, self._loss, u, y, generator)

    def _loss(self, u: Tensor, y: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """Squared error of the velocity, per dimension; a batch's times spread evenly over [0, 1]."""
        noise = torch.empty_like(u).normal_(generator=generator)
        offset = torch.rand(1, dtype=u.dtype, device=u.device, generator=generator)
        time = ((torch.arange(len(u), device=u.device) / len(u) + offset) % 1)[:, None]
        predicted = self.velocity(torch.lerp(noise, u, time), time, self._context(y, len(u)))
        return (predicted - (u - noise)).square().mean()
