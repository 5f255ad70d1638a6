"""What tells two data sets apart: their content, their splits, and which stored values networks see as -1 and +1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gvae.data.arrays.mapped import take
from gvae.data.registry import DATASETS
from gvae.errors import GvaeError

if TYPE_CHECKING:
    from gvae.data.dataset import Dataset
    from gvae.runs import Run

BLOCK = 1000
"""images that are read together"""
PROBE = 16
"""images whose stored values go into the identity beside the checksum of the files, to tell sizes, cuts and windows apart"""


def identity(dataset: Dataset) -> dict[str, Any]:
    """What a number measured on these data must carry, to be put beside others; everything fits in JSON.

    Returns:
        `data`, its name; `data_checksum` of the content, as read; `shape` (C, *S); `values`, the stored ones that
        networks see as -1 and +1; `binarisation`, where there is one.
    """
    spec = dataset.spec
    some = np.linspace(0, len(dataset) - 1, min(PROBE, len(dataset))).astype(np.int64)
    seen = hashlib.sha256(str(content(dataset)).encode())
    seen.update(np.ascontiguousarray(take(dataset.images, some)).tobytes())
    known = {"data": spec.name, "data_checksum": seen.hexdigest()[:16]}
    known |= {"shape": [spec.channels, *spec.shape], "values": [spec.low, spec.high]}
    return known | ({"binarisation": spec.binary} if spec.binary else {})


def content(dataset: Dataset) -> Any:
    """The checksum among the facts of the data; where there is none, that of images and labels, noted there.

    >>> from gvae.data.dataset import Dataset
    >>> from gvae.types import DataSpec
    >>> one = Dataset(DataSpec("one", 1, (2, 2)), np.zeros((1, 2, 2, 1), np.uint8))
    >>> content(one) == one.facts["checksum"]
    True
    """
    if not dataset.facts.get("checksum"):
        found = hashlib.sha256()
        for first in range(0, len(dataset), BLOCK):
            rows = np.arange(first, min(first + BLOCK, len(dataset)))
            found.update(np.ascontiguousarray(take(dataset.images, rows)).tobytes())
        for more in (dataset.labels, dataset.attributes):
            found.update(b"" if more is None else np.ascontiguousarray(more).tobytes())
        dataset.facts["checksum"] = f"sha256:{found.hexdigest()}"
    return json.loads(json.dumps(dataset.facts["checksum"], default=str))


def membership(indices: np.ndarray) -> str:
    """A short checksum of which images a split holds, in their order.

    >>> membership(np.arange(3)) == membership(np.arange(3)), membership(np.arange(3)) == membership(np.arange(4))
    (True, False)
    """
    return hashlib.sha256(np.asarray(indices, np.int64).tobytes()).hexdigest()[:16]


def memberships(dataset: Dataset) -> dict[str, str]:
    """`membership` of every split."""
    return {name: membership(indices) for name, indices in dataset.splits.items()}


def official(name: str, facts: Mapping[str, Any]) -> str:
    """The name of a data set if it is the one of `DATASETS`, "" for something else that is called so.

    Args:
        name: of the data.
        facts: what is known about them, as `Dataset.facts` or a run's `about["data"]`.

    >>> official("mnist", {"source": DATASETS["mnist"].about}), official("mnist", {"source": "a folder of images"})
    ('mnist', '')
    """
    known = DATASETS.get(name)
    return name if known and facts.get("source") == known.about else ""


def difference(run: Run, dataset: Dataset) -> str:
    """In what data differ from those that a run was trained on, in words; "" if they do not, as far as it is known."""
    about = run.about.get("data", {})
    if about.get("checksum") and about["checksum"] != content(dataset):
        return "their files have changed"
    sizes = {name: len(indices) for name, indices in dataset.splits.items()}
    old, now = run.about.get("memberships"), memberships(dataset)
    moved = (old and old != now) or (run.about.get("splits") or sizes) != sizes
    return "their images are split in another way" if moved else ""


def refuse_changed(run: Run, dataset: Dataset, way: str) -> None:
    """Refuse data that differ from those that a run was trained on.

    Args:
        run, dataset: which.
        way: what to type or do, as the end of a sentence.

    Raises:
        GvaeError: they differ, and in what.
    """
    if found := difference(run, dataset):
        raise GvaeError(
            f"the data {run.data} are not those that {run.path} was trained on: {found}, so that images of the training "
            f"may now be among those held out; {way}"
        )
