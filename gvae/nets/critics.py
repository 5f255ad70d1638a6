r"""Critics that look at codes, alone or in pairs with their images.

PairCritic: Adversarial Variational Bayes (Mescheder, Nowozin & Geiger, 2017) https://arxiv.org/abs/1701.04722: the form of
the adversary in the authors' code for images, with smaller layers and a factor 1 / sqrt(F) so that scores start near 0
"""

from __future__ import annotations

import math

from torch import Tensor, nn


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
    """Scores codes: high for N(0, I), low for codes of the encoder; (B, Z) -> (B,)."""

    def __init__(self, latent: int, width: int = 750) -> None:
        layers = [nn.Linear(latent, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Linear(width, 1, bias=False), nn.Flatten(0))
