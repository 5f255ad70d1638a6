"""Rules that divide images into train, validation and test: seeded, so that they are the same everywhere."""

from __future__ import annotations

import numpy as np

from gvae.data.dataset import permutation

PARTS = {"val": 0.1, "test": 0.1}
"""fractions of the images that are held out; the rest is for training"""


def by_class(labels: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """80/10/10 within every class.

    Args:
        labels: (N,) class indices.

    >>> {name: len(part) for name, part in by_class(np.repeat([0, 1], 20)).items()}
    {'train': 32, 'val': 4, 'test': 4}
    """
    parts: dict[str, list[np.ndarray]] = {"train": [], "val": [], "test": []}
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        for name, chosen in by_group(members, seed=seed + int(label)).items():
            parts[name].append(members[chosen])
    return {name: np.sort(np.concatenate(pieces)) for name, pieces in parts.items()}


def by_group(keys: np.ndarray, parts: dict[str, float] = PARTS, seed: int = 0) -> dict[str, np.ndarray]:
    """Hold out fractions of the images; images with equal keys (duplicates) stay together.

    Each held-out part gets at least one group where there are enough: small folders can be evaluated.

    Args:
        keys: (N,) one key per image.
        parts: fraction of each part beside "train".

    >>> {name: part.tolist() for name, part in by_group(np.array(["a", "a", "b"])).items()}
    {'train': [0, 1, 2], 'val': [], 'test': []}
    """
    _, group = np.unique(keys, return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    order = permutation(count, seed)
    place, held = 0, {}
    for name, fraction in parts.items():
        size = max(1, round(fraction * count)) if count > len(parts) else 0
        held[name] = np.flatnonzero(np.isin(group, order[place : place + size]))
        place += size
    return {"train": np.flatnonzero(np.isin(group, order[place:])), **held}
