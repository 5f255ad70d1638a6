r"""What every model of a generator and a critic can do: make images of noise, and judge images.

    x_gen = tanh(generator(z)),   z ~ N(0, I);        score, features = critic(x)

Implicit: it samples, and has no density. Learning in Implicit Generative Models (Mohamed & Lakshminarayanan, 2017)
https://arxiv.org/abs/1610.03483

The gradient of that tanh has a floor on the way back from black or white. Without it, a generator that has once painted
every pixel black stays there: the slope is zero, and no critic can call it back.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from gvae import nets
from gvae.losses.augment import Augment
from gvae.models.base import Model
from gvae.types import DataSpec

FLOOR = 0.01
"""least slope of the outputs' tanh in gradients that lead away from black or white"""


class Painted(torch.autograd.Function):
    """tanh(x); a gradient whose descent moves x towards 0 is multiplied by max(1 - tanh(x)^2, FLOOR)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        slope = 1 - y * y
        return grad * torch.where(grad * y > 0, slope.clamp_min(FLOOR), slope)


def painted(x: Tensor) -> Tensor:
    """Images of a generator's unbounded output x, tanh(x), from whose ends its gradient leads back.

    >>> x = torch.tensor([0.0, -20.0, -20.0], requires_grad=True)
    >>> (painted(x) * torch.tensor([1.0, 1.0, -1.0])).sum().backward()
    >>> [round(v, 2) for v in x.grad.tolist()]
    [1.0, 0.0, -0.01]
    """
    return Painted.apply(x)  # pyright: ignore[reportReturnType]


class ImplicitModel(Model):
    """Generator and critic, who are told the class if conditional; what they play is up to the model."""

    averaged = ("generator",)

    def __init__(self, config: Any, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.generator = nets.generator(spec, config.net, config.latent, self.condition)
        self.critic = self.make_critic()
        self.augment = Augment(config.augment)

    def make_critic(self) -> nn.Module:
        """Network (x, y) -> (scores (B,), features)."""
        return nets.critic(self.spec, self.config.net, self.condition)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "critic": self.critic}

    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        z = torch.randn(n, self.config.latent, device=self.device)
        return painted(self.generator(z, y))
