"""Fit a prior by gradient descent: Adam, a moving average of the weights, and the best held-out average kept.

loss -> Adam, step size falling linearly to zero;  average <- m * average + (1 - m) * weights
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gvae.priors.base import hold_out

Loss = Callable[[Tensor, Tensor | None, torch.Generator], Tensor]
"""codes u (N, Z), labels y (N,) or None, random generator -> scalar"""


@dataclass(frozen=True)
class Descent:
    """How long and how fast to descend."""

    steps: int = 3000
    """largest number of steps"""
    batch: int = 512
    """codes per step"""
    lr: float = 1e-3
    """Adam step size at the start"""
    minutes: float | None = None
    """stop after so many minutes; where the clock decides, two fits no longer agree bit for bit"""
    every: int = 50
    """steps between two looks at the held-out codes"""
    patience: int = 12
    """looks without an improvement after which to stop"""
    average: float = 0.99
    """share m of the moving average kept per step"""

    def fit(self, network: nn.Module, loss: Loss, u: Tensor, y: Tensor | None, generator: torch.Generator) -> list[str]:
        """Minimise `loss` over the network's parameters, in place.

        Args:
            loss: read on batches of training codes and, with fixed noise, on held-out codes.
            u: standardised codes (N, Z).
            y: labels (N,) or None.

        Returns:
            One sentence on why it stopped early; nothing if it did not.
        """
        (u, y), held = hold_out(u, y, generator)
        average = copy.deepcopy(network.state_dict())
        best = Best(network, loss, held)
        optimiser = torch.optim.Adam(network.parameters(), self.lr, betas=(0.9, 0.99), fused=True)
        end = time.monotonic() + 60 * (self.minutes or math.inf)
        why = ""
        for step in range(1, self.steps + 1):
            optimiser.param_groups[0]["lr"] = self.lr * (1 - (step - 1) / self.steps)
            some = torch.randint(len(u), (self.batch,), generator=generator, device=u.device)
            self._step(network, optimiser, loss(u[some], None if y is None else y[some], generator))
            blend(average, network, min(self.average, step / (step + 9)))
            if time.monotonic() > end:
                why = f"stopped after {self.minutes} minutes, {step} of {self.steps} steps"
            if (step % self.every == 0 or step == self.steps or why) and best.look(average) >= self.patience:
                why = f"stopped after {step} of {self.steps} steps: held-out codes no longer improved"
            if why:
                break
        network.load_state_dict(best.state)
        return [why] if why else []

    def _step(self, network: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        """One step; gradients longer than 5 are shortened, for a rare code far outside."""
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            parameter.grad = gradient
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        optimiser.zero_grad()


class Best:
    """The weights with the lowest held-out loss so far, beginning with those that the network has."""

    def __init__(self, network: nn.Module, loss: Loss, held: tuple[Tensor, Tensor | None]) -> None:
        self.network, self.loss, self.held = network, loss, held
        self.value = math.inf
        self.waited = 0
        self.state = copy.deepcopy(network.state_dict())
        self.look(self.state)

    @torch.no_grad()
    def look(self, state: dict[str, Tensor]) -> int:
        """Judge the weights `state`; return how many looks ago the best were found."""
        current = copy.deepcopy(self.network.state_dict())
        self.network.load_state_dict(state)
        u, y = self.held
        value = float(self.loss(u, y, torch.Generator(u.device).manual_seed(0)))
        self.network.load_state_dict(current)
        self.waited += 1
        if value < self.value:
            self.value, self.waited, self.state = value, 0, copy.deepcopy(state)
        return self.waited


@torch.no_grad()
def blend(average: dict[str, Tensor], network: nn.Module, share: float) -> None:
    """Keep `share` of the average and take the rest from the network's parameters."""
    for name, parameter in network.named_parameters():
        average[name].lerp_(parameter, 1 - share)
