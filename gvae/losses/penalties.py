r"""Gradient penalties: what keeps a critic smooth. All but `lazy_zero_centred` and `as_grad_leaf` return (B,).

gradient_penalty: (||grad D(x~)|| - 1)^2 on interpolates x~ of real and fake
    Improved Training of Wasserstein GANs (Gulrajani et al., 2017) https://arxiv.org/abs/1704.00028, Eq. 3
zero_centred: ||grad D(x)||^2, called R1 on real and R2 on fake images
    Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018)
    https://arxiv.org/abs/1801.04406, Eq. 9-10
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]
"""images (B, ...) to scores (B,)"""


def squared_gradient(critic: Critic, x: Tensor) -> Tensor:
    """||grad_x D(x)||^2 of each image, shape (B,), in float32; differentiable with respect to the critic."""
    x = as_grad_leaf(x)
    return squared_slope(critic(x), x)


def as_grad_leaf(x: Tensor) -> Tensor:
    """The same images, for `squared_slope` of their scores: nothing is differentiated beyond them."""
    leaf = x.detach().requires_grad_()
    return leaf.view_as(x)  # hooks of modules, as torch's FLOP counter sets them, refuse the leaf itself


def squared_slope(scores: Tensor, x: Tensor) -> Tensor:
    """`squared_gradient` of scores D(x), shape (B,), that are there already; x comes from `as_grad_leaf`."""
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gradient.float().flatten(1).square().sum(1)


def zero_centred(critic: Critic, x: Tensor) -> Tensor:
    """R1 (x real) or R2 (x fake): ||grad_x D(x)||^2.

    >>> w = torch.tensor([3.0, 4.0])
    >>> zero_centred(lambda x: x @ w, torch.zeros(1, 2)).tolist()
    [25.0]
    """
    return squared_gradient(critic, x)


def lazy_zero_centred(critic: Critic, x: Tensor, penalty: float, every: int) -> Tensor:
    """(penalty / 2) times the mean of ||grad D||^2 on x, times `every`: for a turn that comes in one of so many rounds, ().

    Analyzing and Improving the Image Quality of StyleGAN (Karras et al., 2020) https://arxiv.org/abs/1912.04958, Section 4.1

    >>> w = torch.tensor([3.0, 4.0])
    >>> lazy_zero_centred(lambda x: x @ w, torch.zeros(1, 2), penalty=0.5, every=8).item()
    50.0
    """
    return 0.5 * penalty * every * zero_centred(critic, x).mean()


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """(||grad D|| - 1)^2 at a uniformly drawn point between each real and fake image.

    >>> w = torch.tensor([3.0, 4.0])
    >>> gradient_penalty(lambda x: x @ w, torch.zeros(1, 2), torch.ones(1, 2)).tolist()
    [16.0]
    """
    t = torch.rand(len(real), *[1] * (real.dim() - 1), dtype=real.dtype, device=real.device)
    between = torch.lerp(real, fake.to(real.dtype), t)
    return ((squared_gradient(critic, between) + 1e-12).sqrt() - 1).square()
