"""Exponential moving average of the players that sample."""

from __future__ import annotations

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
        self.halflife = halflife
        self.kept = {
            name: {key: value.detach().clone() for key, value in module.state_dict().items()}
            for name, module in players.items()
        }
        named = [(self.kept[name], module) for name, module in players.items()]
        self.weights = [(kept[key], p) for kept, module in named for key, p in module.named_parameters()]
        self.buffers = [(kept[key], b) for kept, module in named for key, b in module.named_buffers() if key in kept]

    @torch.no_grad()
    def update(self, step: int, seen: int) -> None:
        """Move towards the current weights.

        Args:
            step: images since the last update.
            seen: images seen so far, since the last stage of training began.
        """
        halflife = min(self.halflife, 0.1 * seen)
        rate = 1 - 0.5 ** (step / halflife) if halflife else 1.0
        for kept, current in self.weights:
            kept.lerp_(current, rate)
        for kept, current in self.buffers:
            kept.copy_(current)

    @torch.no_grad()
    def install(self) -> None:
        """Go on from the averages: the players get them in place of their current weights."""
        for kept, current in self.weights:
            current.copy_(kept)

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Averaged weights by player."""
        return self.kept

    def load_state_dict(self, state: dict[str, dict[str, Tensor]]) -> None:
        """Restore averaged weights."""
        for name, kept in self.kept.items():
            for key, value in kept.items():
                value.copy_(state[name].get(key, value))  # older checkpoints lack the mark of a fitted prior
