"""The words that every part of gvae shares: what data looks like, what a batch is, what a loss is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

VALUES = 2**22
"""pixel values that go through a network at a time where nothing depends on it: memory is for training"""

Terms = dict[str, "Tensor"]
"""named, already weighted scalars; their sum is a loss"""


class Batch(NamedTuple):
    """Images `x` (B, C, *S) in [-1, 1] and `y`: classes (B,) int64, else attributes (B, A) float, else None."""

    x: Tensor
    y: Tensor | None = None


@dataclass(frozen=True)
class DataSpec:
    """Everything a network needs to know about its data.

    >>> spec = DataSpec("mnist", channels=1, shape=(28, 28), classes=tuple("0123456789"))
    >>> spec.spatial, spec.size, spec.dim
    (2, 28, 784)
    """

    name: str
    """name of the data set"""
    channels: int
    """colour channels, C"""
    shape: tuple[int, ...]
    """spatial extent S in pixels or voxels: (height, width) or (depth, height, width)"""
    classes: tuple[str, ...] = ()
    """names of the classes; empty for unlabelled data"""
    attributes: tuple[str, ...] = ()
    """names of binary attributes; empty where there are none"""
    low: float = 0.0
    """stored value that networks see as -1"""
    high: float = 255.0
    """stored value that networks see as +1"""
    unit: str = "gray level"
    """unit of the stored values"""
    binary: str = ""
    """"": gray values; dynamic: black and white, drawn with the gray value as probability at every read;
    static: black and white once for all"""

    @property
    def spatial(self) -> int:
        """2 for images, 3 for volumes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Longest side in pixels."""
        return max(self.shape)

    @property
    def conditions(self) -> tuple[str, ...]:
        """What a conditional network can be told: classes, or attributes where there are no classes."""
        return self.classes or self.attributes

    @property
    def dim(self) -> int:
        """Number of values in one image, D."""
        return self.channels * math.prod(self.shape)

    def together(self, most: int) -> int:
        """How many images go through a network at a time where nothing depends on it: `most`, fewer of large ones.

        >>> [DataSpec("any", 3, (n, n)).together(250) for n in (64, 256, 1024)]
        [250, 21, 1]
        """
        return min(most, max(1, VALUES // self.dim))

    def to_json(self) -> dict[str, Any]:
        """Plain dict for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in self.__dict__.items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DataSpec:
        """Inverse of `to_json`."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**values)
