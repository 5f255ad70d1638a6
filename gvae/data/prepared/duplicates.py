"""Copies and near copies of images, found by a perceptual hash; training images among those held out spoil a measurement.

The hash is the 64 signs of the low frequencies of the gray image against their median:
Implementation and Benchmarking of Perceptual Image Hash Functions (Zauner, 2010) https://www.phash.org/docs/pubs/thesis_zauner.pdf,
Section 3.2.1. Images that share one of the four quarters of the hash are compared (if up to three bits differ, they must),
and those that differ in few bits, and little in the low frequencies themselves, are near copies: other files, sizes, or
qualities of the same picture.
Crops and mirror images are not found; simple strokes, as the ones of MNIST, may look alike without being copies.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from gvae.data.arrays.mapped import Pixels, take
from gvae.data.dataset import Dataset

SIDE, LOW = 32, 8
"""side in cells that images are brought to, and frequencies per axis that are kept"""
BITS = 8
"""bits of the hash in which near copies may differ"""
DIFFERENCE = 0.1
"""distance of the low frequencies of near copies, as a share of their own length"""
HELD = ("val", "test")
"""splits of which no image may be in train"""
RUN = 500
"""images with the same quarter of a hash that each is compared with, at most"""
CHUNK = 2**24
"""values that are hashed at a time"""


class Pair(NamedTuple):
    """Two images, by position, the first before the second."""

    first: int
    second: int
    exact: bool


def copies(dataset: Dataset) -> dict[str, Any]:
    """How many images are copies of others, and the first few of them.

    Returns:
        a dict that fits in JSON: exact (images that repeat an earlier one), near (pairs that look alike), seen (images of
        val or test that are also in train), alike (pairs of the near ones of which one is in train, the other in val or
        test), examples (some pairs, those of seen and alike first). Images in no split count as copies only.

    >>> from gvae.types import DataSpec
    >>> images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 1), dtype=np.uint8)
    >>> images[7] = images[2]
    >>> data = Dataset(DataSpec("noise", 1, (8, 8)), images, splits={"train": np.arange(5), "test": np.arange(5, 9)})
    >>> copies(data)
    {'exact': 1, 'near': 0, 'seen': 1, 'alike': 0, 'examples': ['train 2 = test 7']}
    """
    pairs = find(dataset.images)
    where = np.full(len(dataset), "no split", object)
    for name, part in dataset.splits.items():
        where[part] = name
    near = [pair for pair in pairs if not pair.exact]
    same: dict[int, list[int]] = {}
    for first, second, _ in pairs[: len(pairs) - len(near)]:
        same.setdefault(first, [first]).append(second)
    seen = [pair for group in same.values() for pair in _seen(group, where)]
    close = [p for p in near if _spoils(*(where[same.get(i, [i])] for i in (p.first, p.second)))]
    shown = dict.fromkeys([*seen, *close, *pairs])
    sign = {True: "=", False: "~"}
    return {
        "exact": len(pairs) - len(near),
        "near": len(near),
        "seen": len(seen),
        "alike": len(close),
        "examples": [f"{where[a]} {a} {sign[exact]} {where[b]} {b}" for a, b, exact in [*shown][:5]],
    }


def _seen(same: list[int], where: np.ndarray) -> list[Pair]:
    """Of images that are the same, those held out, each with the first that is in train."""
    trained = [i for i in same if where[i] == "train"]
    held = [i for i in same if where[i] in HELD]
    return [Pair(min(trained[0], i), max(trained[0], i), True) for i in held] if trained else []


def _spoils(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether one of two images is in train and the other held out, by the splits that copies of each lie in."""
    return any("train" in a and not set(b).isdisjoint(HELD) for a, b in ((first, second), (second, first)))


def find(images: Pixels) -> list[Pair]:
    """Pairs of copies.

    Args:
        images: (N, H, W, C) integers.

    Returns:
        every image that repeats another exactly, with the first of its kind; then pairs of near copies.
    """
    low, digests = fingerprints(images)
    _, first, kind = np.unique(digests, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[kind] != np.arange(len(images)))
    exact = [Pair(int(first[kind[i]]), int(i), True) for i in again]
    single = np.sort(first)
    return exact + [Pair(int(single[a]), int(single[b]), False) for a, b in alike(low[single])]


def fingerprints(images: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """Low frequencies (N, 64) float32 and checksums (N,) of images (N, H, W, C), read once and in order."""
    rows = max(1, CHUNK // max(1, images[:1].size))
    down, right = frequencies(images.shape[1]), frequencies(images.shape[2])
    low, digests = np.empty((len(images), LOW * LOW), np.float32), np.empty(len(images), "S16")
    for start in range(0, len(images), rows):
        values = take(images, np.arange(start, min(start + rows, len(images))))
        part = slice(start, start + len(values))
        digests[part] = [hashlib.blake2b(value, digest_size=16).digest() for value in values]
        low[part] = (down @ values.mean(-1, dtype=np.float32) @ right.T).reshape(len(values), -1)
    return low, digests


def frequencies(side: int) -> np.ndarray:
    """The matrix (8, side) that averages `side` pixels to 32 cells and takes their cosine transform's first frequencies.

    The constant is left out: how bright an image is does not matter.
    """
    edges = np.linspace(0, side, SIDE + 1)
    pixels = np.arange(side)
    inside = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    average = np.maximum(inside, 0) * SIDE / side
    waves = np.cos(np.pi * np.arange(1, LOW + 1)[:, None] * (np.arange(SIDE) + 0.5) / SIDE)
    return (waves @ average * np.sqrt(2 / SIDE)).astype(np.float32)


def alike(low: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of near copies by their low frequencies (N, 64), sorted."""
    bits = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)
    found = [np.empty((0, 2), np.int64)]
    for quarter in bits.view(np.uint16).T:
        order = np.lexsort((*bits.T, quarter))
        left = np.arange(len(order) - 1)
        for step in range(1, RUN + 1):
            left = left[left + step < len(order)]
            left = left[quarter[order[left]] == quarter[order[left + step]]]
            if not len(left):
                break
            pairs = np.stack([order[left], order[left + step]], 1)
            found.append(np.sort(pairs[_close(pairs, bits, low)], axis=1))
    return [(int(a), int(b)) for a, b in np.unique(np.concatenate(found), axis=0)]


def _close(pairs: np.ndarray, bits: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Which pairs (n, 2) are near copies, (n,) bool."""
    first, second = pairs.T
    close = np.unpackbits(np.bitwise_xor(bits[first], bits[second]), axis=1).sum(1) <= BITS
    a, b = low[first[close]], low[second[close]]
    length = np.maximum(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    close[close] = np.linalg.norm(a - b, axis=1) <= DIFFERENCE * length
    return close
