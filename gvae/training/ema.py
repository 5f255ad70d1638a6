"""Exponential moving average of the players that sample."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Average:
    """Moving average of modules' parameters; buffers are copied.

    Analyzing and Improving the Training Dynamics of Diffusion Models (Karras et al., 2024) for the habit of counting
    the half-life in images: beta = 0.5^(images per step / half-life). Early on the half-life is a tenth of the images seen,
    so that the first weights do not linger.

    Args:
        players: modules to follow.
        halflife: in images; 0 follows exactly.
    """

    def __init__(self, players: dict[str, nn.Module], halflife: int) -> None:
        self.players = players
        self.halflife = halflife
        self.modules = {name: copy.deepcopy(module).requires_grad_(False) for name, module in players.items()}

    @torch.no_grad()
    def update(self, step: int, seen: int) -> None:
        """Move towards the current weights.

        Args:
            step: images since the last update.
            seen: images seen so far.
        """
        halflife = min(self.halflife, 0.1 * seen)
        rate = 1 - 0.5 ** (step / halflife) if halflife else 1.0
        for name, module in self.players.items():
            for kept, current in zip(self.modules[name].parameters(), module.parameters(), strict=True):
                kept.lerp_(current, rate)
            for kept, buffer in zip(self.modules[name].buffers(), module.buffers(), strict=True):
                kept.copy_(buffer)

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Averaged weights by player."""
        return {name: module.state_dict() for name, module in self.modules.items()}

    def load_state_dict(self, state: dict[str, dict[str, Tensor]]) -> None:
        """Restore averaged weights."""
        for name, module in self.modules.items():
            module.load_state_dict(state[name])
