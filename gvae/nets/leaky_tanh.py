"""From a generator's unbounded outputs to images, by a tanh that no generator is lost in.

A generator that has once painted every pixel black stays there with a plain tanh: its slope is zero, and neither a critic
nor a likelihood can call it back. Here the slope has a floor, in gradients that lead back only, so that nothing is pushed
further out.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

FLOOR = 0.01
"""least slope in gradients that lead away from black or white"""


class LeakyTanh(torch.autograd.Function):
    """tanh(x); a gradient whose descent moves x towards 0 is multiplied by max(1 - tanh(x)^2, FLOOR).

    Written for `torch.func` too: forward apart from its context, and a rule for vmap. No jvp: forward mode has no way back
    for the floor to act on, and torch.compile takes no function with a jvp of its own.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.tanh(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        slope = 1 - y * y
        return grad * torch.where(grad * y > 0, slope.clamp_min(FLOOR), slope)


def leaky_tanh(x: Tensor) -> Tensor:
    """Images tanh(x) in [-1, 1] of outputs x, of the same shape; differentiable twice.

    >>> x = torch.tensor([0.0, -20.0, -20.0], requires_grad=True)
    >>> torch.autograd.grad(leaky_tanh(x), x, torch.tensor([1.0, 1.0, -1.0]))
    (tensor([ 1.0000,  0.0000, -0.0100]),)
    """
    return LeakyTanh.apply(x)  # pyright: ignore[reportReturnType]
