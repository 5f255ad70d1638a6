r"""Directions in the space of codes that add an attribute to an image: z_new = z + alpha d.

mean        d = m1 - m0, the mean code of images with the attribute less that of images without
            Autoencoding beyond pixels using a learned similarity metric (Larsen et al., 2016)
            https://arxiv.org/abs/1512.09300, Section 3.2
logistic    d = n (n . (m1 - m0)), n the unit normal of the plane that logistic regression lays between the two
            Interpreting the Latent Space of GANs for Semantic Face Editing (Shen et al., 2020)
            https://arxiv.org/abs/1907.10786, with logistic regression in place of their support vector machine
regression  z = c + sum_a y_a d_a + e by least squares, y_a = 1 for images with attribute a and 0 for others, over all
            attributes that are known

alpha = 1 goes as far as the two means lie apart: along d, along n, or with the other attributes held equal. Where
attributes occur together, as moustaches and men, the mean difference brings the one with the other. The plane tells
moustaches from all other faces, men's included, and its normal leaves out the rest as far as codes tell the two apart: not
at all if codes of all images together are as N(0, I), where it is the mean difference again. Least squares takes out of a
direction whatever the other known attributes explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gvae.errors import GvaeError, choose

LEAST = 10
"""images with and without an attribute, below which no direction is learned"""
SETTLED = 0.01
"""a running difference has settled when new images move it by less than this share of its length"""


@dataclass(frozen=True)
class Direction:
    """A direction in the space of codes, and what is known about it."""

    name: str
    vector: Tensor
    """(Z,); added once for alpha = 1"""
    method: str
    """mean, logistic, regression or component"""
    data: str
    """name or path of the images it was learned from"""
    positive: int = 0
    """images with the attribute that it was learned from"""
    negative: int = 0
    """images without it"""
    accuracy: float | None = None
    """share of held-out codes on the right side of the midpoint, mean of those with and those without"""
    auc: float | None = None
    """how often a held-out code with the attribute lies further along than one without"""
    share: float | None = None
    """components: part of the picture's change that it makes, of all components looked at"""
    options: dict[str, Any] = field(default_factory=dict)
    """images, seed and whatever else it depends on"""


class MeanDifference:
    """The difference of means for several attributes at once, from codes that come in batches.

    Args:
        attributes: how many, A.
        latent: length of a code, Z.

    >>> running = MeanDifference(1, 2)
    >>> moved = running.add(torch.tensor([[3.0, 1.0], [1.0, 1.0]]), torch.tensor([[1.0], [0.0]]))
    >>> running.vectors.tolist(), running.counts.tolist()
    ([[2.0, 0.0]], [[1.0], [1.0]])
    """

    def __init__(self, attributes: int, latent: int) -> None:
        self.sums = torch.zeros(2, attributes, latent, dtype=torch.float64)
        self.counts = torch.zeros(2, attributes, dtype=torch.float64)
        """images with, images without"""

    @property
    def means(self) -> Tensor:
        """Mean codes with and without, (2, A, Z); 0 where there are none yet."""
        return self.sums / self.counts.clamp_min(1)[..., None]

    @property
    def vectors(self) -> Tensor:
        """Mean with less mean without, (A, Z)."""
        with_, without = self.means
        return with_ - without

    def add(self, z: Tensor, y: Tensor) -> Tensor:
        """Take in codes z (B, Z) of images that have (1) or lack (0) the attributes y (B, A).

        Returns:
            how far each difference moved, in its own length, (A,).
        """
        before, z, y = self.vectors, z.double(), y.double()
        self.sums += torch.stack([y.T @ z, (1 - y).T @ z])
        self.counts += torch.stack([y.sum(0), (1 - y).sum(0)])
        after = self.vectors
        return (after - before).norm(dim=1) / after.norm(dim=1).clamp_min(1e-12)

    def settled(self, moved: Tensor) -> bool:
        """Whether all differences stand on enough images and hardly moved any more."""
        return bool((self.counts >= LEAST).all() and (moved < SETTLED).all())


def mean_difference(z: Tensor, y: Tensor) -> Tensor:
    """Mean of codes z (N, Z) with y = 1 less mean of those with y = 0, (Z,).

    >>> mean_difference(torch.tensor([[3.0, 1.0], [1.0, 1.0]]), torch.tensor([1, 0])).tolist()
    [2.0, 0.0]
    """
    return z[y == 1].mean(0) - z[y == 0].mean(0)


def logistic(z: Tensor, y: Tensor) -> Tensor:
    """Normal of the plane between codes z (N, Z) with y = 1 and with y = 0, as long as their means lie apart along it.

    Rare attributes weigh as much as frequent ones. Codes are scaled by one common factor, not each dimension by its own:
    a dimension that the encoder does not use hardly varies, and must not be blown up.
    """
    from sklearn.linear_model import LogisticRegression

    scale = z.std()
    plane = LogisticRegression(class_weight="balanced", max_iter=2000)
    plane.fit((z / scale).double().numpy(), y.numpy())
    normal = torch.from_numpy(plane.coef_[0]).to(z)
    normal = normal / normal.norm()
    return normal * (normal @ mean_difference(z, y))


def regression(z: Tensor, y: Tensor) -> Tensor:
    """What each attribute adds to a code while the others stay as they are, (A, Z), by least squares.

    Args:
        z: codes (N, Z).
        y: 0 or 1 for each attribute, (N, A). Of attributes that others determine, as one class in ten, the smallest
            coefficients are taken: from the mean of all classes to that of the one.
    """
    y = y.double()
    return (torch.linalg.pinv(y - y.mean(0)) @ (z.double() - z.double().mean(0))).to(z)


def learn(method: str, z: Tensor, y: Tensor, which: Sequence[int]) -> Tensor:
    """Directions (K, Z) of some attributes.

    Args:
        method: mean, logistic or regression.
        z: codes (N, Z).
        y: all known attributes of their images, (N, A), 0 or 1.
        which: columns of y to learn.
    """
    if method == "regression":
        return regression(z, y)[list(which)]
    one = {"mean": mean_difference, "logistic": logistic}[choose("method", method, ("mean", "logistic"))]
    return torch.stack([one(z, y[:, k]) for k in which])


def check_counts(name: str, positive: int, negative: int) -> None:
    """Refuse an attribute that nearly all or nearly no images have.

    Raises:
        GvaeError: fewer than `LEAST` of either.
    """
    if min(positive, negative) < LEAST:
        raise GvaeError(
            f"{positive} images with {name} and {negative} without were read; a direction needs at least {LEAST} "
            "of each: read more with --images, or choose another attribute"
        )


def judge(vector: Tensor, z: Tensor, y: Tensor, held: Tensor, held_y: Tensor) -> dict[str, float | None]:
    """How well a direction (Z,) tells held-out codes apart; None where one kind is missing among them.

    Args:
        z, y: codes (N, Z) it was learned from and their labels (N,); the midpoint of their means is the threshold.
        held, held_y: other codes (M, Z) and labels (M,).

    Returns:
        accuracy and auc, see `Direction`.
    """
    where = held @ vector
    up, down = where[held_y == 1], where[held_y == 0]
    if not len(up) or not len(down):
        return {"accuracy": None, "auc": None}
    middle = 0.5 * ((z[y == 1] @ vector).mean() + (z[y == 0] @ vector).mean())
    accuracy = 0.5 * ((up > middle).double().mean() + (down <= middle).double().mean())
    difference = (up[:, None] - down).sign().double()
    return {"accuracy": float(accuracy), "auc": float((difference.mean() + 1) / 2)}


def add(z: Tensor, vectors: Tensor, alphas: Tensor) -> Tensor:
    """Codes z (..., Z) with alphas (K,) of the directions (K, Z) added.

    >>> add(torch.ones(2), torch.eye(2), torch.tensor([1.5, -1.0])).tolist()
    [2.5, 0.0]
    """
    return z + alphas @ vectors
