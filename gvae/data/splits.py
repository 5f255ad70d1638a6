"""Rules that divide images into train, validation and test, the same everywhere.

Where no official split is known, the hash of a key (of a file's content, a person, a patient) decides, and nothing else:
what is added or removed moves no other image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from gvae.data.dataset import permutation

PARTS = {"val": 0.1, "test": 0.1}
"""fractions of the images that are held out; the rest is for training"""


def by_class(labels: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """80/10/10 within every class by seeded chance: for sets that never change, since it goes by position.

    Args:
        labels: (N,) class indices.

    >>> {name: len(part) for name, part in by_class(np.repeat([0, 1], 20)).items()}
    {'train': 32, 'val': 4, 'test': 4}
    """
    parts: dict[str, list[np.ndarray]] = {"train": [], "val": [], "test": []}
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        mixed, n = members[permutation(len(members), seed + int(label))], len(members)
        ends = np.cumsum([max(1, round(part * n)) if n > len(PARTS) else 0 for part in PARTS.values()])
        for name, chosen in zip((*PARTS, "train"), np.split(mixed, ends), strict=True):
            parts[name].append(chosen)
    return {name: np.sort(np.concatenate(pieces)) for name, pieces in parts.items()}


def by_group(keys: np.ndarray, parts: Mapping[str, float] = PARTS) -> dict[str, np.ndarray]:
    """Hold out fractions of the groups of images, on average; images with equal keys (duplicates) stay together.

    Each key has a place in [0, 1), from its SHA-256 alone: below the fraction of val it is held out for validation, within
    that of test from 1 down for testing. A part that would stay empty gets the nearest group, and train keeps one, where
    there are enough groups for all: small folders can be evaluated. Only such a group moves once others come.

    Args:
        keys: (N,) one key per image.
        parts: fraction of val, of test, or of both.

    >>> {name: part.tolist() for name, part in by_group(np.array(["a", "a", "b"])).items()}
    {'train': [0, 1, 2], 'val': [], 'test': []}
    >>> {name: len(part) for name, part in by_group(np.arange(1000)).items()}
    {'train': 799, 'val': 106, 'test': 95}
    """
    names, group = np.unique(keys, return_inverse=True)
    places = np.fromiter(map(place, names), float, len(names))
    order, count, tail = np.argsort(places, kind="stable"), len(names), "test" in parts
    val, test = np.searchsorted(places[order], [parts.get("val", 0.0), 1 - parts.get("test", 0.0)])
    if count > len(parts):
        val = min(max(val, "val" in parts), count - 1 - tail)
        test = min(max(test, val + 1), count - tail)
    else:
        val, test = 0, count
    ends = {"train": (val, test), "val": (0, val), "test": (test, count)}
    return {name: np.flatnonzero(np.isin(group, order[slice(*ends[name])])) for name in ("train", *parts)}


def place(key: object) -> float:
    """A number in [0, 1) that depends on the text of a key only, evenly spread over keys.

    >>> round(place("a"), 4)
    0.7914
    """
    digest = hashlib.sha256(str(key).encode("utf-8", "surrogateescape")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
