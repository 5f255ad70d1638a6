"""IDX files: what is written is read, what is wrong is named; the layouts in which people keep MNIST."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gvae.data import open_data
from gvae.data.sources import idx
from gvae.data.sources.mnist import PARTS, open_files
from gvae.errors import GvaeError

DIGITS = tuple("0123456789")


@pytest.mark.parametrize("name", ["a-ubyte", "a-ubyte.gz"])
@pytest.mark.parametrize("shape", [(7,), (3, 4, 5)])
def test_idx_round_trip(tmp_path: Path, name: str, shape: tuple[int, ...]):
    array = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    idx.write(tmp_path / name, array)
    assert np.array_equal(idx.parse(idx.read_bytes(tmp_path / name), len(shape), name), array)


def test_idx_errors_name_the_file():
    good = bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3])
    with pytest.raises(GvaeError, match=r"labels is not an IDX file of rank 3.*00000801"):
        idx.parse(good, 3, "labels")
    with pytest.raises(GvaeError, match="begins with nothing"):
        idx.parse(b"", 1, "labels")
    with pytest.raises(GvaeError, match="announces 3 bytes, 2 follow"):
        idx.parse(good[:-1], 1, "labels")
    with pytest.raises(GvaeError, match="announces 3 bytes, 4 follow"):
        idx.parse(good + b"x", 1, "labels")


def test_files_become_a_dataset(tiny):
    files, root, arrays = tiny
    data = open_files(files, DIGITS, root)
    assert data.images.shape == (30, 5, 5, 1)
    assert data.spec.classes == DIGITS
    assert np.array_equal(data.images[:24, ..., 0], arrays["train-images-idx3-ubyte"])
    assert data.labels is not None
    assert data.labels.tolist() == [*arrays["train-labels-idx1-ubyte"], *arrays["t10k-labels-idx1-ubyte"]]
    assert data.split("test").tolist() == list(range(24, 30))
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 22, "val": 2, "test": 6}


def test_unpacked_files_and_dotted_names_are_found_too(tiny):
    files, root, arrays = tiny
    for part in PARTS:
        packed = root / "tiny" / "raw" / f"{part}.gz"
        (root / part.replace("-idx", ".idx")).write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    data = open_files(files, DIGITS, root)
    assert np.array_equal(data.images[24:, ..., 0], arrays["t10k-images-idx3-ubyte"])


def test_equal_copies_are_fine_and_different_ones_are_listed(tiny):
    files, root, arrays = tiny
    part = "train-labels-idx1-ubyte"
    idx.write(root / part, arrays[part])
    assert len(open_files(files, DIGITS, root)) == 30
    idx.write(root / part, arrays[part][::-1])
    with pytest.raises(GvaeError, match=rf"differ.*tiny/raw/{part}.gz, .*root/{part}"):
        open_files(files, DIGITS, root)


def test_missing_file_says_what_to_put_where(tiny):
    files, root, _ = tiny
    (root / "tiny" / "raw" / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(GvaeError) as caught:
        open_files(files, DIGITS, root)
    text = str(caught.value)
    assert "t10k-images-idx3-ubyte.gz is missing" in text
    assert "gvae data fetch tiny" in text
    assert str(root / "tiny" / "raw") in text
    assert files.mirrors[0] in text


def test_damaged_files_are_named(tiny):
    files, root, arrays = tiny
    file = root / "tiny" / "raw" / "train-images-idx3-ubyte.gz"
    whole = file.read_bytes()
    for damaged in (whole[:-20], whole[:100] + bytes([whole[100] ^ 255]) + whole[101:]):
        file.write_bytes(damaged)
        with pytest.raises(GvaeError, match=r"train-images-idx3-ubyte\.gz is cut or corrupt.*fetch"):
            open_files(files, DIGITS, root)
    idx.write(file, arrays["train-images-idx3-ubyte"] ^ 1)
    with pytest.raises(GvaeError, match="is not the official train-images-idx3-ubyte of tiny: its MD5 is"):
        open_files(files, DIGITS, root)


def test_counts_must_agree(tiny):
    files, root, arrays = tiny
    part = "train-labels-idx1-ubyte"
    idx.write(root / "tiny" / "raw" / f"{part}.gz", arrays[part][:-1])
    digest = hashlib.md5(idx.read_bytes(root / "tiny" / "raw" / f"{part}.gz")).hexdigest()
    with pytest.raises(GvaeError, match=r"24 \+ 6 images but 23 \+ 6 labels"):
        open_files(replace(files, content={**files.content, part: digest}), DIGITS, root)


def test_wrong_root_gives_the_nearest(tiny):
    _, root, _ = tiny
    with pytest.raises(GvaeError, match=f"there is no folder .*rooot; did you mean {root}"):
        open_data("mnist", root.parent / "rooot")
    with pytest.raises(GvaeError, match=r"train-images-idx3-ubyte\.gz is missing below .*gvae data fetch mnist"):
        open_data("mnist", root)


def test_mnist_is_mnist(real_root: Path):
    data = open_data("mnist", real_root)
    assert data.labels is not None
    train = np.concatenate([data.split("train"), data.split("val")])
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.labels[train]).tolist() == counts
    assert np.bincount(data.labels[data.split("test")])[:3].tolist() == [980, 1135, 1032]
    assert train.max() == 59_999
    levels, share = (np.arange(256) / 255, np.bincount(data.images[:60_000].ravel(), minlength=256) / 60_000 / 784)
    mean = (levels * share).sum()
    assert mean == pytest.approx(0.1307, abs=1e-4)
    assert np.sqrt((levels**2 * share).sum() - mean**2) == pytest.approx(0.3081, abs=1e-4)
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 55_000, "val": 5_000, "test": 10_000}
    assert open_data(f"mnist:{real_root}/mnist/MNIST/raw").facts["checksum"] == data.facts["checksum"]


def test_fashion_mnist_is_itself_and_no_other(real_root: Path):
    data = open_data("fashion-mnist", real_root)
    assert data.labels is not None
    assert np.bincount(data.labels[data.split("test")]).tolist() == [1000] * 10
    assert data.facts["licence"].startswith("MIT")
    with pytest.raises(GvaeError, match=r"train-images-idx3-ubyte\.gz belongs to another data set"):
        open_data("fashion-mnist", real_root / "mnist" / "MNIST" / "raw")
