"""Images as one array, labels beside it, splits as index arrays, and the order of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gvae.data.arrays.mapped import Pixels, take
from gvae.data.arrays.on_demand import OnDemand
from gvae.errors import GvaeError, choose
from gvae.types import Batch, DataSpec

if TYPE_CHECKING:
    import torch

SPLITS = ("train", "val", "test")
TOGETHER = 2
"""parts of a divided source whose images are mixed"""


@dataclass
class Dataset:
    """A data set: N images with what is known about them.

    Args:
        spec: channels, spatial shape S, classes, and the stored values that networks see as -1 and +1.
        images: (N, *S, C) uint8 or int16, in memory, memory-mapped or decoded on demand.
        labels: (N,) int64 class indices, or None.
        splits: disjoint index arrays under "train", "val", "test".
        facts: source, licence, citation, checksum, notes on what was done; everything fits in JSON.
        attributes: (N, A) uint8, 1 where an image has an attribute of the spec, or None.
        parts: (N,) the part of a divided source that each image lies in, if only a few can be at hand; or None.
        opened_as: what `open_data` was given, by which a run opens it again.

    Raises:
        GvaeError: shapes, types, labels or splits that contradict each other.

    >>> white = np.full((3, 2, 2, 1), 255, np.uint8)
    >>> data = Dataset(DataSpec("two", channels=1, shape=(2, 2)), white, splits={"train": np.arange(3)})
    >>> len(data), data.batch([0, 2]).x.max().item()
    (3, 1.0)
    """

    spec: DataSpec
    images: Pixels
    labels: np.ndarray | None = None
    splits: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    attributes: np.ndarray | None = None
    parts: np.ndarray | None = None
    opened_as: str = ""

    def __post_init__(self) -> None:
        """Refuse what could only fail later, far from its cause."""
        expected = (*self.spec.shape, self.spec.channels)
        if self.images.shape[1:] != expected or self.images.dtype not in (np.uint8, np.int16):
            raise GvaeError(
                f"data set {self.spec.name}: images are {self.images.dtype} {self.images.shape}; "
                f"they must be uint8 or int16 of shape (N, {', '.join(map(str, expected))})"
            )
        self._check_labels()
        self._check_attributes()
        self._check_splits()

    def _check_labels(self) -> None:
        """Labels: one per image, each with a name."""
        if self.labels is None:
            return
        if self.labels.shape != (len(self),) or self.labels.dtype != np.int64:
            raise GvaeError(
                f"data set {self.spec.name}: labels are {self.labels.dtype} {self.labels.shape}; "
                f"they must be int64 of shape ({len(self)},)"
            )
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.spec.classes):
            raise GvaeError(
                f"data set {self.spec.name}: labels lie in {self.labels.min()}..{self.labels.max()}, "
                f"but its spec names {len(self.spec.classes)} classes"
            )

    def _check_attributes(self) -> None:
        """Attributes: for every image a 0 or 1 for each name."""
        expected = (len(self), len(self.spec.attributes))
        if self.attributes is None:
            if self.spec.attributes:
                raise GvaeError(f"data set {self.spec.name}: its spec names attributes, but there are none")
            return
        if self.attributes.shape != expected or self.attributes.dtype != np.uint8:
            raise GvaeError(
                f"data set {self.spec.name}: attributes are {self.attributes.dtype} {self.attributes.shape}; "
                f"they must be uint8 of shape {expected}"
            )
        if self.attributes.max(initial=0) > 1:
            raise GvaeError(f"data set {self.spec.name}: attributes must be 0 or 1")

    def _check_splits(self) -> None:
        """Splits: known names, existing images, none in two of them."""
        for name in self.splits:
            choose("split", name, SPLITS)
        used = np.concatenate([np.empty(0, np.int64), *self.splits.values()])
        if len(used) and not 0 <= used.min() <= used.max() < len(self):
            raise GvaeError(f"data set {self.spec.name}: a split names an image outside 0..{len(self) - 1}")
        if len(np.unique(used)) != len(used):
            raise GvaeError(f"data set {self.spec.name}: its splits overlap; every image belongs to one split")

    def __len__(self) -> int:
        """Number of images, over all splits."""
        return len(self.images)

    def split(self, name: str) -> np.ndarray:
        """Indices (n,) int64 of one split.

        Raises:
            GvaeError: no such split, or an empty one.
        """
        indices = self.splits.get(choose("split", name, SPLITS), ())
        if not len(indices):
            sizes = ", ".join(f"{key} {len(value)}" for key, value in self.splits.items()) or "none"
            raise GvaeError(f"data set {self.spec.name} has no {name} images (splits: {sizes}); choose another --split")
        return np.asarray(indices)

    def batch(self, indices: Sequence[int] | np.ndarray, device: str | torch.device = "cpu") -> Batch:
        """The images at `indices`, as networks see them.

        x = 2 (stored - low) / (high - low) - 1, clipped to [-1, 1] (CT values beyond the window exist);
        where the spec says dynamic, -1 or 1 with the stored value as probability, by torch's global random state.

        Args:
            indices: (B,) positions in `images`.
            device: where the floats are made; only the small stored integers travel there.

        Returns:
            x (B, C, *S) float32, channels-last in memory, and y: classes (B,) int64, for data without classes
            attributes (B, A) float32 of 0 and 1, else None.
        """
        import torch

        indices = np.asarray(indices, dtype=np.int64)
        stored = torch.from_numpy(take(self.images, indices)).to(device)
        low, high = self.spec.low, self.spec.high
        # multiply before dividing: 255 then becomes exactly 1, not 1.0000001
        x = stored.movedim(-1, 1).float().sub_(low).mul_(2).div_(high - low).sub_(1).clamp_(-1, 1)
        if self.spec.binary == "dynamic":
            x = torch.where(torch.rand_like(x) * 2 - 1 < x, 1.0, -1.0)
        y = self.conditions(indices)
        return Batch(x, None if y is None else torch.from_numpy(y).to(device))

    def order(self, indices: np.ndarray, batch: int, seed: int) -> Order:
        """A seeded order of the images at `indices`, as positions in `indices`."""
        return Order(len(indices), batch, seed, parts=None if self.parts is None else self.parts[indices])

    def ahead(self, indices: np.ndarray) -> None:
        """Say which images will be asked for next, so that decoding them begins."""
        if isinstance(self.images, OnDemand):
            self.images.ahead(indices)

    def conditions(self, indices: np.ndarray) -> np.ndarray | None:
        """What conditional models are told about images: classes (n,) int64, attributes (n, A) float32, or nothing."""
        if self.labels is not None:
            return np.asarray(self.labels)[indices]
        return None if self.attributes is None else self.attributes[indices].astype(np.float32)


def permutation(n: int, *key: int) -> np.ndarray:
    """A permutation of 0..n-1 that depends on the integers `key` only.

    >>> permutation(5, 0, 1).tolist() == permutation(5, 0, 1).tolist()
    True
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key))).permutation(n)


def part_by_part(parts: np.ndarray, *key: int) -> np.ndarray:
    """A permutation that needs few parts at a time: those of two, drawn at random, mixed; then those of the next two.

    Args:
        parts: (n,) which part each of 0..n-1 lies in.
        key: what it depends on besides.

    >>> parts = np.repeat(["a", "b", "c", "d"], 10)
    >>> order = part_by_part(parts, 0, 1)
    >>> len(set(order)), len(set(parts[order[:20]])), len(set(parts[order[20:]]))
    (40, 2, 2)
    """
    names, place = np.unique(parts, return_inverse=True)
    window = np.argsort(permutation(len(names), *key, 1))[place] // TOGETHER
    return np.lexsort((permutation(len(parts), *key), window))


class Order:
    """An endless stream of batches: one seeded permutation of the data after the other, cut into pieces.

    Every image comes exactly once per epoch; a batch that reaches the end of an epoch goes on into the next.
    Batch number k depends on (n, batch, seed, k) only, so a training resumes by setting `position`.

    Args:
        n: number of images to choose from; indices lie in 0..n-1.
        batch: images per batch; may exceed n.
        seed: seed of the permutations, at least 0.
        position: number of batches already drawn.
        parts: (n,) the part that each lies in, if they are to come part by part.

    Raises:
        GvaeError: nothing to draw from, an empty batch, or a negative seed.

    >>> order = Order(n=4, batch=3, seed=0)
    >>> first = np.concatenate([order.next() for _ in range(4)])
    >>> sorted(first[:4].tolist()), sorted(first[4:8].tolist()), order.position
    ([0, 1, 2, 3], [0, 1, 2, 3], 4)
    """

    def __init__(self, n: int, batch: int, seed: int = 0, position: int = 0, parts: np.ndarray | None = None) -> None:
        if n < 1 or batch < 1 or seed < 0:
            raise GvaeError(f"cannot draw batches of {batch} from {n} images with seed {seed}: all must be positive")
        self.n, self.batch, self.seed, self.position = n, batch, seed, position
        self.parts = parts
        self._epoch, self._permutation = -1, np.empty(0, np.int64)

    def next(self) -> np.ndarray:
        """Indices (batch,) of the next batch; moves `position` on by one."""
        indices = self.at(self.position)
        self.position += 1
        return indices

    def at(self, step: int) -> np.ndarray:
        """Indices (batch,) of batch number `step`, without moving."""
        parts, place, end = [], step * self.batch, (step + 1) * self.batch
        while place < end:
            epoch, offset = divmod(place, self.n)
            part = self._of_epoch(epoch)[offset : offset + end - place]
            parts.append(part)
            place += len(part)
        return np.concatenate(parts)

    def _of_epoch(self, epoch: int) -> np.ndarray:
        """The permutation of one epoch; the latest is kept."""
        if epoch != self._epoch:
            key = self.seed, epoch
            mixed = permutation(self.n, *key) if self.parts is None else part_by_part(self.parts, *key)
            self._epoch, self._permutation = epoch, mixed
        return self._permutation
