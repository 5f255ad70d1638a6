"""Tiny data that the tests make for themselves, and the real data if it is at hand."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from gvae.data.files.download import Files
from gvae.data.sources import idx
from gvae.data.sources.mnist import PARTS


@pytest.fixture
def real_root() -> Path:
    """The folder with real data sets."""
    if not os.environ.get("GVAE_DATA"):
        pytest.skip("needs real data: set GVAE_DATA to the folder that holds it")
    return Path(os.environ["GVAE_DATA"])


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Files, Path, dict[str, np.ndarray]]:
    """A data set of 24 + 6 images in four gzipped IDX files: its `Files`, root and arrays."""
    random = np.random.default_rng(0)
    shapes = [(24, 5, 5), (24,), (6, 5, 5), (6,)]
    tops = [256, 10, 256, 10]
    arrays = {
        part: random.integers(0, top, shape, dtype=np.uint8)
        for part, top, shape in zip(PARTS, tops, shapes, strict=True)
    }
    folder = tmp_path / "root" / "tiny" / "raw"
    folder.mkdir(parents=True)
    for part, array in arrays.items():
        idx.write(folder / f"{part}.gz", array)
    packed = {f"{part}.gz": md5((folder / f"{part}.gz").read_bytes()) for part in PARTS}
    content = {part: md5(idx.read_bytes(folder / f"{part}.gz")) for part in PARTS}
    return (Files("tiny", ("tiny/raw", "."), ("http://127.0.0.1:9/",), packed, content), tmp_path / "root", arrays)


def md5(data: bytes) -> str:
    """Checksum as hex digits."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
