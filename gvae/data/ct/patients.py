"""Splits of scans by patient, and what is done where there are too few of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from gvae.data.splits import PARTS, by_group

FEWEST = 3
"""patients that a split by patient needs"""
LAYERS = 5
"""places that a split by slab needs, so that at least three fifths are left for training"""


class Seen:
    """The slices met so far, by content: two scans that share some are of one patient, whatever their names say.

    >>> seen, scan = Seen(), digests(np.arange(8, dtype=np.int16).reshape(2, 2, 2))
    >>> seen.meet(scan, "a")
    >>> seen.meet(scan[:1], "b")
    >>> seen.knows(scan), seen.owner("b")
    (True, 'a')
    """

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._same: dict[str, str] = {}

    def knows(self, slices: Sequence[str]) -> bool:
        """Whether every slice of a scan was met before."""
        return bool(slices) and all(digest in self._first for digest in slices)

    def meet(self, slices: Sequence[str], patient: str) -> None:
        """Note the slices of a scan, given by `digests`."""
        for other in {self._first[digest] for digest in slices if digest in self._first}:
            one, two = sorted((self.owner(patient), self.owner(other)))
            if one != two:
                self._same[two] = one
        self._first |= {digest: patient for digest in slices if digest not in self._first}

    def owner(self, patient: str) -> str:
        """One name for all names of a patient."""
        while patient in self._same:
            patient = self._same[patient]
        return patient


def digests(values: np.ndarray) -> list[str]:
    """SHA-256 of the slices (D, H, W) of a scan; slices of one value say nothing and are left out."""
    return [hashlib.sha256(image).hexdigest() for image in values if image.min() < image.max()]


def divide(patients: Sequence[str], places: np.ndarray) -> tuple[dict[str, np.ndarray], list[str]]:
    """About 80/10/10 by a hash of the patient, or, of one or two patients, by slab.

    Args:
        patients: (N,) patient of each image.
        places: (N, 3) mm.

    Returns:
        splits, and a note that says which of the two it is.

    >>> splits, notes = divide(["a"] * 20, np.arange(20.0)[:, None] * [[0, 0, 1]])
    >>> {name: part.tolist() for name, part in splits.items() if name != "train"}, len(splits["train"])
    ({'val': [15, 16], 'test': [18, 19]}, 14)
    """
    keys = np.array(patients)
    count = len(np.unique(keys))
    if count >= FEWEST:
        splits, note = by_patient(keys)
        return splits, [note]
    splits = by_slab(keys, places)
    who, verb = ("one patient", "is") if count == 1 else (f"{count} patients", "are")
    if not len(splits["val"]):
        return splits, [f"all images are training images: {who} of too few places to hold any out"]
    return splits, [
        f"warning: this is no split by patient: there {verb} {who}, so val and test are the slabs of the body farthest "
        "along (towards the head for slices), a gap of a twentieth apart; numbers on them say nothing about other patients"
    ]


def by_patient(keys: np.ndarray) -> tuple[dict[str, np.ndarray], str]:
    """About 80/10/10 by a hash of the patient (N,) of each image, and a note that counts them."""
    splits = by_group(keys)
    counts = [f"{len(np.unique(keys[part]))} {name}" for name, part in splits.items()]
    return splits, f"split by a hash of the patient: {len(np.unique(keys))} patients, {', '.join(counts)}"


def by_slab(patients: np.ndarray, places: np.ndarray) -> dict[str, np.ndarray]:
    """Within each patient, the first four fifths along the axis with most places, a gap, val, a gap, test.

    The gap is a twentieth of the places (none below 20 places): its images are in no split. Below five places all of
    them are for training.
    """
    parts: dict[str, list[np.ndarray]] = {"train": [], **{name: [] for name in PARTS}}
    for patient in np.unique(patients):
        members = np.flatnonzero(patients == patient)
        own = np.round(places[members], 1)
        axis = max((2, 1, 0), key=lambda a: len(np.unique(own[:, a])))
        levels, level = np.unique(own[:, axis], return_inverse=True)
        n, gap = len(levels), len(levels) // 20
        held = max(1, round(n * PARTS["test"])) if n >= LAYERS else 0
        inner, outer = n - held, n - 2 * held - gap
        parts["test"].append(members[level >= inner])
        parts["val"].append(members[(level >= outer) & (level < outer + held)])
        parts["train"].append(members[level < outer - gap * (held > 0)])
    return {name: np.sort(np.concatenate(pieces)) for name, pieces in parts.items()}
