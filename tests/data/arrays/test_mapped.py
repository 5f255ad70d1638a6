"""Random batches of a mapped file read the rows they need and little else."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvae.data.arrays.mapped import at_random, take
from gvae.data.dataset import Dataset
from gvae.data.prepared.store import read_prepared, write_prepared
from gvae.types import DataSpec

PAGE = 4096


def resident(images: np.ndarray) -> int:
    """Pages of a mapped file that lie in memory."""
    mapping = images._mmap  # pyright: ignore
    pages = (ctypes.c_ubyte * -(-len(mapping) // PAGE))()
    address = ctypes.c_void_p(np.frombuffer(mapping, np.uint8).ctypes.data)
    assert ctypes.CDLL(None).mincore(address, ctypes.c_size_t(len(mapping)), pages) == 0
    return sum(page & 1 for page in pages)


def forget(file: Path) -> None:
    """Ask the system to drop a file from memory."""
    handle = os.open(file, os.O_RDONLY)
    os.fsync(handle)
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(handle)


def test_a_batch_reads_its_own_rows_from_disk(tmp_path: Path):
    if not hasattr(os, "posix_fadvise") or os.sysconf("SC_PAGE_SIZE") != PAGE:
        pytest.skip("needs Linux, where a file can be dropped from memory")
    images = np.random.default_rng(0).integers(0, 256, (2000, 64, 64, 3), dtype=np.uint8)
    prepared = write_prepared(Dataset(DataSpec("noise", 3, (64, 64)), images), tmp_path / "set")
    forget(prepared / "images.npy")
    data = read_prepared(prepared)
    if resident(data.images) > 100:
        pytest.skip("this file system keeps files in memory")
    chosen = np.random.default_rng(1).choice(2000, 64, replace=False)
    x = data.batch(chosen).x
    assert resident(data.images) <= 64 * 4 + 10  # a row is three pages long and touches four
    assert np.allclose(x.permute(0, 2, 3, 1).numpy(), images[chosen] / 127.5 - 1, atol=1e-6)


@settings(deadline=None)
@given(indices=st.lists(st.integers(-7, 6), max_size=20), skip=st.integers(0, 3))
def test_taken_rows_are_the_rows(tmp_path_factory: pytest.TempPathFactory, indices: list[int], skip: int):
    file = tmp_path_factory.mktemp("rows") / "a.npy"
    array = np.arange(10 * 5, dtype=np.int16).reshape(10, 5)
    np.save(file, array)
    images = at_random(np.load(file, mmap_mode="r"))[skip : skip + 7]
    chosen = np.array(indices, np.int64)
    for view in (images, images[::-1], array[skip : skip + 7]):
        assert np.array_equal(take(view, chosen), view[chosen])
