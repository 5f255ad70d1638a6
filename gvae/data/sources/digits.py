"""The 1,797 handwritten digits of 8x8 pixels that ship inside scikit-learn: real data without a download."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gvae.data.dataset import Dataset
from gvae.data.files.checksums import of_arrays
from gvae.data.splits import by_class
from gvae.types import DataSpec


def open_digits(root: Path | None = None) -> Dataset:
    """The digits with their stored values 0..16; split 80/10/10 within every class, seed 0.

    Args:
        root: ignored; the data lies in the installed scikit-learn.
    """
    from sklearn.datasets import load_digits

    pixels, target = load_digits(return_X_y=True)
    images, labels = np.asarray(pixels, np.uint8).reshape(-1, 8, 8, 1), np.asarray(target, np.int64)
    spec = DataSpec("digits", 1, (8, 8), classes=tuple("0123456789"), high=16.0, unit="ink pixels of 4x4")
    facts = {"checksum": of_arrays(images, labels), "notes": ["split 80/10/10 within every class, seed 0"]}
    return Dataset(spec, images, labels, by_class(labels), facts)
