r"""Critics that look at codes, alone or in pairs with their images, or at images with their classes laid beside them.

PairCritic: Adversarial Variational Bayes (Mescheder, Nowozin & Geiger, 2017) https://arxiv.org/abs/1701.04722: the form of
the adversary in the authors' code for images, with smaller layers and a factor 1 / sqrt(F) so that scores start near 0
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gvae import nets
from gvae.config import NetConfig
from gvae.nets.small import one_hot_labels
from gvae.nets.wrappers import at_least_float32
from gvae.types import DataSpec


class PairCritic(nn.Module):
    """T(x, u) = a(x) . b(u) / sqrt(F) + a_0(x) + b_0(u) [+ |u|^2 / 2]: the image is looked at once for many codes.

    Args:
        image: network (x, y) -> (B, F + 1), the features a and a_0.
        latent: length of a code, Z.
        hidden: number of features, F, and units in the hidden layers of b.
        quadratic: add |u|^2 / 2, which is -log p(u) up to a constant: T has to learn log q(z|x) only.
    """

    def __init__(self, image: nn.Module, latent: int, hidden: int, quadratic: bool) -> None:
        super().__init__()
        self.quadratic, self.image = quadratic, image
        layers = [nn.Linear(latent, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2)]
        self.code = nn.Sequential(*layers, nn.Linear(hidden, hidden + 1))

    def forward(self, x: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
        """Scores (..., B) of codes u (..., B, Z), one for each image x (B, C, *S) in every row."""
        a, b = self.image(x, y).float(), self.code(u).float()
        score = (a * b)[..., 1:].sum(-1) / math.sqrt(a.shape[-1] - 1) + a[..., 0] + b[..., 0]
        return score + 0.5 * u.square().sum(-1) if self.quadratic else score


class CodeCritic(nn.Sequential):
    """(z, y) -> scores (B,): high for draws of the target, low for codes of the encoder.

    Args:
        latent: length of a code, Z.
        width: units in each of the two hidden layers.
        condition: number of classes or attributes, 0 for an unconditional critic.
    """

    def __init__(self, latent: int, width: int = 750, condition: int = 0) -> None:
        layers = [nn.Linear(latent + condition, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Linear(width, 1, bias=False), nn.Flatten(0))
        self.condition = condition

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        if self.condition:
            z = torch.cat([z, one_hot_labels(y, self.condition, z)], 1)
        return at_least_float32(super().forward(z))


class InputCritic(nn.Module):
    """(x, y) -> scores (B,), features: a critic with one more channel for each class or attribute, filled with its value.

    Args:
        spec: of the images (B, C, *S).
        net: of the critic, which sees (B, C + condition, *S).
        condition: number of classes or attributes.
    """

    def __init__(self, spec: DataSpec, net: NetConfig, condition: int) -> None:
        super().__init__()
        self.condition = condition
        self.critic = nets.critic(DataSpec(spec.name, spec.channels + condition, spec.shape), net)

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        labels = one_hot_labels(y, self.condition, x)
        planes = labels.view(*labels.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return self.critic(torch.cat([x, planes], 1))
