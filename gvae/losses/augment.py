r"""Differentiable augmentation: what the critic sees is changed at random, real and fake images alike.

    critic and generator play on T(x) and T(G(z)) in place of x and G(z)

A critic that never sees an image twice cannot learn a small data set by heart. T is differentiable, so the generator
learns through it, and since fakes are changed as well it does not learn to draw changed images.

    Differentiable Augmentation for Data-Efficient GAN Training (Zhao et al., 2020) https://arxiv.org/abs/2006.10738:
        colour (brightness, saturation, contrast), translation by up to an eighth, a cut-out of half a side
    Training Generative Adversarial Networks with Limited Data (Karras et al., 2020) https://arxiv.org/abs/2006.06676,
        Section 2.2: each change happens with probability p, and p follows the critic's success on real images

Deviation: the second paper's longer list of changes is not here; p steers the first paper's three.

`shift` is for data of any size. The gradient that a critic of strided convolutions sends to an image differs from pixel to
pixel with the period of its strides, so that the generator learns a faint checkerboard. Random
shifts by less than such a period, another for each image, average it out. Images wrap round their borders, so that nothing
is lost.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

TARGET = 0.6
"""mean sign of the scores to which p is steered"""
SPEED = 500_000
"""images in which p may go from 0 to 1"""
SHIFT = 8
"""images are shifted by at most the side's length divided by this"""


def colour(x: Tensor, chance: Tensor) -> Tensor:
    """Brightness, saturation and contrast of images (B, C, *S), each for about `chance` (B,) of them."""
    everywhere, channels = tuple(range(1, x.dim())), 1
    x = x + picked(x, chance) * (uniform(x) - 0.5)
    gray = x.mean(channels, keepdim=True)
    x = torch.lerp(x, gray + (x - gray) * 2 * uniform(x), picked(x, chance))
    mean = x.mean(everywhere, keepdim=True)
    return torch.lerp(x, mean + (x - mean) * (uniform(x) + 0.5), picked(x, chance))


def translate(x: Tensor, chance: Tensor) -> Tensor:
    """Shift images (B, C, *S) along every axis by up to an eighth; what comes in from outside is black."""
    for axis in range(2, x.dim()):
        n = x.shape[axis]
        reach = n // SHIFT
        if not reach:
            continue
        way = torch.randint(-reach, reach + 1, (len(x),), device=x.device)
        way = torch.where(torch.rand(len(x), device=x.device) < chance, way, 0)
        index = torch.arange(n, device=x.device) - way[:, None]
        outside = (index < 0) | (index >= n)
        x = torch.where(along(axis, outside, x), -1.0, x.gather(axis, along(axis, index.clamp(0, n - 1), x)))
    return x


def shift(x: Tensor, way: Tensor) -> Tensor:
    """Move images (B, C, *S) round their borders, each by its own way (B, spatial) in pixels.

    >>> shift(torch.tensor([[[1, 2, 3]], [[4, 5, 6]]]), torch.tensor([[1], [2]])).tolist()
    [[[3, 1, 2]], [[5, 6, 4]]]
    """
    for axis in range(2, x.dim()):
        n = x.shape[axis]
        index = (torch.arange(n, device=x.device) - way[:, axis - 2, None]) % n
        x = x.gather(axis, along(axis, index, x))
    return x


def ways(x: Tensor) -> Tensor:
    """For each image of x (B, C, *S), how far it is shifted: 0 to an eighth of each side, (B, spatial)."""
    sides = [torch.randint(n // SHIFT + 1, (len(x),), device=x.device) for n in x.shape[2:]]
    return torch.stack(sides, 1)


def along(axis: int, values: Tensor, x: Tensor) -> Tensor:
    """Values (B, n) of the pixels along an axis of x, in the shape of x."""
    return values.reshape([len(x)] + [x.shape[axis] if a == axis else 1 for a in range(1, x.dim())]).expand_as(x)


def cut_out(x: Tensor, chance: Tensor) -> Tensor:
    """Make a box of half of every side gray, at a random place of images (B, C, *S)."""
    inside = torch.rand(len(x), device=x.device) < chance
    inside = inside.reshape(-1, *[1] * (x.dim() - 1))
    for axis in range(2, x.dim()):
        n = x.shape[axis]
        half = max(1, n // 2)
        start = torch.randint(1 - half // 2 - half % 2, n - half // 2, (len(x), 1), device=x.device)
        place = torch.arange(n, device=x.device)
        inside = inside & along(axis, (place >= start) & (place < start + half), x)
    return torch.where(inside, torch.zeros_like(x[:1]), x)


class Augment(nn.Module):
    """Changes images before the critic sees them; without one, leaves them alone.

    Args:
        kind: "none"; "shift": every image is shifted by a few pixels; "diff": every image is changed; "adaptive": the same
            with a probability p that follows the critic.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.p: Tensor
        self.register_buffer("p", torch.tensor(float(kind == "diff")))

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, *S), changed."""
        if self.kind == "none":
            return x
        if self.kind == "shift":
            return shift(x, ways(x))
        chance = self.p.expand(len(x))
        return cut_out(translate(colour(x, chance), chance), chance)

    def alike(self, *images: Tensor) -> list[Tensor]:
        """Batches of one shape (B, C, *S), changed; `shift` shifts the b-th image of every batch alike."""
        if self.kind == "shift":
            way = ways(images[0])
            return [shift(x, way) for x in images]
        return [self(x) for x in images]

    @torch.no_grad()
    def observe(self, sure: Tensor) -> None:
        """Steer p by scores (B,) that are above 0 where the critic is right: up while it is too often.

        The scores of real images; a relativistic critic's have no zero, so there their lead over those of fakes.
        """
        if self.kind == "adaptive" and self.training:
            step = torch.sign(sure.sign().mean() - TARGET) * len(sure) / SPEED
            self.p.copy_((self.p + step).clamp(0, 1))


def uniform(x: Tensor) -> Tensor:
    """A number in [0, 1) for each image of x, broadcastable to it."""
    return torch.rand(len(x), *[1] * (x.dim() - 1), device=x.device)


def picked(x: Tensor, chance: Tensor) -> Tensor:
    """1 for about `chance` (B,) of the images of x, else 0, broadcastable to them."""
    return (uniform(x) < chance.reshape(-1, *[1] * (x.dim() - 1))).float()
