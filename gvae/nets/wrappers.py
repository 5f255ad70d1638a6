"""What stands around a family's stages: linear head, first linear layer, and the class label.

The label is added to the encoder's head, concatenated to the generator's code, and added to the critic's score by
projection, with h the last hidden map:

    score(x, y) = w . h(x) + <e_y, mean over positions of h(x)>

cGANs with Projection Discriminator (Miyato & Koyama, 2018) https://arxiv.org/abs/1802.05637, equation 3;
deviation: a mean over positions in place of their sum, so that the scale does not depend on the image's size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gvae.errors import GvaeError
from gvae.nets.blocks import Shape
from gvae.types import DataSpec


class Encoder(nn.Module):
    """Images to the parameters of q(z|x): stages, linear head, plus one learned vector per class.

    Adding a vector to the head's output is what concatenating an embedding to the head's input comes to.

    Args:
        spec: the data; images of another shape raise a `GvaeError`.
        trunk: stages from the image to the base map.
        base: channels and sides of the base map.
        outputs: size of the result.
        condition: number of classes, 0 for none.
    """

    def __init__(self, spec: DataSpec, trunk: nn.Sequential, base: Shape, outputs: int, condition: int = 0) -> None:
        super().__init__()
        self.shape = (spec.channels, *spec.shape)
        self.trunk = trunk
        self.head = nn.Linear(math.prod(base), outputs)
        self.label = embedding(condition, outputs, std=0.02) if condition else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        h = self.head(_flat(self.trunk(checked(x, self.shape))))
        if self.label is not None:
            h = h + embed_condition(self.label, required(y))
        return at_least_float32(h)


class Critic(nn.Module):
    """Images to one score each and the features on the way: the map after each stage, the last one included.

    Same arguments as `Encoder`, without `outputs`.
    """

    def __init__(self, spec: DataSpec, trunk: nn.Sequential, base: Shape, condition: int = 0) -> None:
        super().__init__()
        self.shape = (spec.channels, *spec.shape)
        self.trunk = trunk
        self.head = nn.Linear(math.prod(base), 1)
        self.label = embedding(condition, base[0], std=base[0] ** -0.5) if condition else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        h, features = checked(x, self.shape), []
        for stage in self.trunk:
            h = stage(h)
            features.append(at_least_float32(h))
        scores = at_least_float32(self.head(_flat(h)).squeeze(1))
        if self.label is not None:
            scores = scores + (embed_condition(self.label, required(y)) * features[-1].flatten(2).mean(2)).sum(1)
        return scores, features


class Generator(nn.Module):
    """Codes to images, unbounded: linear layer to the base map, then the stages up to the image.

    The class is an embedding as long as the code, so that both weigh alike in the first layer.

    Args:
        latent: size of the code, Z.
        base: channels and sides of the base map.
        body: stages from the base map to the image.
        condition: number of classes, 0 for none.
    """

    def __init__(self, latent: int, base: Shape, body: nn.Sequential, condition: int = 0) -> None:
        super().__init__()
        self.label = embedding(condition, latent, std=1.0) if condition else None
        self.start = Start(2 * latent if condition else latent, base)
        self.body = body

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = torch.cat([z, embed_condition(self.label, required(y)).to(z.dtype)], 1)
        return at_least_float32(self.body(self.start(z)))


class Start(nn.Module):
    """Linear layer from a vector (B, inputs) to the base map (B, *base), in channels-last memory."""

    def __init__(self, inputs: int, base: Shape) -> None:
        super().__init__()
        self.row = f"Linear {inputs} -> {' x '.join(map(str, base))}"
        self.shape = (*base[1:], base[0])
        self.linear = nn.Linear(inputs, math.prod(base))

    def forward(self, z: Tensor) -> Tensor:
        return self.linear(z).unflatten(1, self.shape).movedim(-1, 1)


def embedding(classes: int, size: int, std: float) -> nn.Embedding:
    """One learned vector per class, at first normal with that standard deviation."""
    layer = nn.Embedding(classes, size)
    nn.init.normal_(layer.weight, std=std)
    return layer


def embed_condition(layer: nn.Embedding, y: Tensor) -> Tensor:
    """What an embedding says of classes y (B,), or of attributes y (B, A): the sum over those that are there."""
    return layer(y) if y.dim() == 1 else y.to(layer.weight.dtype) @ layer.weight


def required(y: Tensor | None) -> Tensor:
    """The labels of a conditional network.

    Raises:
        GvaeError: there are none.
    """
    if y is None:
        raise GvaeError("this model is conditional, but got no labels: give the class or the attributes of every image")
    return y


def checked(x: Tensor, shape: Shape) -> Tensor:
    """The images, if they have the shape (channels, *sides) that the network was built for.

    Raises:
        GvaeError: another shape.
    """
    if tuple(x.shape[1:]) != shape:
        given, wanted = (" x ".join(map(str, s)) for s in (x.shape[1:], shape))
        raise GvaeError(f"the images are {given} (channels x sides); this network was built for {wanted}")
    return x


def at_least_float32(x: Tensor) -> Tensor:
    """Leave half precision, which is for convolutions: losses need more digits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _flat(h: Tensor) -> Tensor:
    """(B, C, *S) to (B, S C): in this order it is free for maps in channels-last memory."""
    return h.movedim(1, -1).flatten(1)
