"""CIFAR-10: batches of both versions become a data set, or a message that names the file and the cure."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import pickle
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gvae.data.sources import cifar10
from gvae.data.sources.cifar10 import BATCHES, CLASSES, fetch_cifar10, open_cifar10
from gvae.errors import GvaeError

SIZES = {"data_batch_1": 24, "data_batch_2": 12, "test_batch": 6}
"""images in the batches that the tests make"""


def batch(path: Path, n: int, seed: int, *, protocol: int = 2, **changes) -> dict:
    """Write a batch as Python 3 would, with some of its content changed (None: left out), and return it."""
    random = np.random.default_rng(seed)
    test = path.name.startswith("test")
    content = {
        "batch_label": "testing batch 1 of 1" if test else f"training batch {path.name[-1]} of 5",
        "labels": random.integers(0, 10, n).tolist(),
        "data": random.integers(0, 256, (n, 3072), dtype=np.uint8),
        "filenames": [f"name_{i}.png" for i in range(n)],
    }
    content = {key: value for key, value in {**content, **changes}.items() if value is not None}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol))
    return content


def binary(path: Path, content: dict) -> None:
    """Write a batch in the binary version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.array(content["labels"], np.uint8)[:, None]
    path.write_bytes(np.concatenate([labels, content["data"]], 1).tobytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A subset: 24 + 12 training images in two batches, 6 test images, the names of the classes."""
    folder = tmp_path / "root" / "some" / "renamed"
    for i, (name, n) in enumerate(SIZES.items()):
        batch(folder / name, n, i)
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(CLASSES), "num_vis": 3072}, 2))
    return folder


def test_batches_become_a_dataset(folder: Path):
    first, second, test = (batch(folder / name, n, i) for i, (name, n) in enumerate(SIZES.items()))
    data = open_cifar10(folder.parents[1])
    assert data.spec.classes == CLASSES
    assert (data.spec.name, data.spec.channels, data.spec.shape) == ("cifar10-subset", 3, (32, 32))
    assert data.images.shape == (42, 32, 32, 3)
    assert data.images.flags.c_contiguous
    assert data.images[0, 0, 1].tolist() == first["data"][0, [1, 1025, 2049]].tolist()
    assert data.images[24, 31, 30].tolist() == second["data"][0, [1022, 2046, 3070]].tolist()
    assert data.images[36:].transpose(0, 3, 1, 2).reshape(6, -1).tolist() == test["data"].tolist()
    assert data.labels is not None
    assert data.labels.tolist() == first["labels"] + second["labels"] + test["labels"]
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 33, "val": 3, "test": 6}
    assert data.split("test").tolist() == [36, 37, 38, 39, 40, 41]
    assert data.facts["notes"] == [
        "subset: 36 of 50000 training images and 6 of 10000 test images, not the official files; numbers do not "
        "compare with those on all of CIFAR-10",
        "test is the official one; val is 3 of the 36 training images, by a hash of each image",
    ]
    json.dumps(data.facts)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_batches_of_any_python(folder: Path, protocol: int):
    expected = open_cifar10(folder)
    for i, (name, n) in enumerate(SIZES.items()):
        content = batch(folder / name, n, i)
        as_bytes = {key.encode(): value for key, value in content.items()}
        (folder / name).write_bytes(pickle.dumps(as_bytes if protocol == 4 else content, protocol))
    assert open_cifar10(folder).facts["checksum"] == expected.facts["checksum"]


def test_binary_version_is_the_same(folder: Path, tmp_path: Path):
    expected = open_cifar10(folder)
    for i, (name, n) in enumerate(SIZES.items()):
        binary(tmp_path / "bin" / f"{name}.bin", batch(tmp_path / "unused" / name, n, i))
    (tmp_path / "bin" / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n\n")
    data = open_cifar10(tmp_path / "bin")
    assert data.facts == expected.facts
    assert np.array_equal(data.images, expected.images)


def test_links_and_hidden_folders_do_not_confuse(folder: Path):
    root = folder.parents[1]
    (root / "loop").symlink_to(root)
    (root / "again").symlink_to(folder)
    (root / "dangling").symlink_to(root / "nowhere")
    batch(root / ".hidden" / "data_batch_1", 3, 9)
    assert len(open_cifar10(root)) == 42


def test_whole_sets_are_called_so(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cifar10, "FULL", 12)
    contents = {name: batch(folder / name, 12, i) for i, name in enumerate(BATCHES)}
    digests = {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in BATCHES}
    monkeypatch.setattr(cifar10, "BATCHES", digests)
    data = open_cifar10(folder)
    assert data.spec.name == "cifar10"
    assert data.facts["notes"][0] == "the official files, by the MD5 of every batch"
    for name, content in contents.items():
        (folder / name).unlink()
        binary(folder / f"{name}.bin", content)
    data = open_cifar10(folder)
    assert data.spec.name == "cifar10"
    assert "whole by its count" in data.facts["notes"][0]


def cut(folder: Path) -> None:
    """The first batch, cut."""
    file = folder / "data_batch_1"
    file.write_bytes(file.read_bytes()[:-4000])


def edit(name: str, **changes) -> Callable[[Path], None]:
    """A batch of other content."""
    return lambda folder: batch(folder / name, 24, 0, **changes) and None


def put(name: str, data: bytes) -> Callable[[Path], None]:
    """A file of other content."""
    return lambda folder: (folder / name).write_bytes(data) and None


def large(folder: Path) -> None:
    """A file of 80 MiB that takes no room."""
    with (folder / "data_batch_2").open("wb") as file:
        file.truncate(80 * 2**20)


def remove(*names: str) -> Callable[[Path], None]:
    """Files missing."""
    return lambda folder: [(folder / name).unlink() for name in names] and None


def only_binary(data: bytes) -> Callable[[Path], None]:
    """The binary version, with one file of this content."""

    def change(folder: Path) -> None:
        remove("data_batch_1", "data_batch_2", "test_batch")(folder)
        (folder / "data_batch_1.bin").write_bytes(data)
        (folder / "test_batch.bin").write_bytes(bytes(3073))

    return change


def full_of_zeros(folder: Path) -> None:
    """As many images as the official batch, but others."""
    batch(folder / "data_batch_1", 2, 0, labels=[0] * 10_000, data=np.zeros((10_000, 3072), np.uint8))


def copied(folder: Path) -> None:
    """One batch twice."""
    (folder / "data_batch_3").write_bytes((folder / "data_batch_1").read_bytes())


def swapped(folder: Path) -> None:
    """The test images in the place of training images."""
    (folder / "data_batch_4").write_bytes((folder / "test_batch").read_bytes())


META = pickle.dumps({"label_names": ["cat", "dog"]}, 2)
EVIL = b"\x80\x02cposix\nsystem\nX\x0c\0\0\0touch marker\x85R."
BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut": (cut, r"data_batch_1 is no pickle of plain data, or is cut.*remain.*nothing in it was executed"),
    "empty": (put("data_batch_1", b""), r"data_batch_1 is no pickle .*exhausted"),
    "text": (put("data_batch_1", b"<html>not found</html>"), r"data_batch_1 is no pickle of plain data"),
    "zip": (put("data_batch_1", b"PK\3\4" + bytes(100)), r"data_batch_1 is no pickle of plain data"),
    "malicious": (put("data_batch_2", EVIL), r"data_batch_2 asks for '\w+\.system'.*[Nn]othing in it was executed"),
    "malicious names": (put("batches.meta", EVIL), r"batches\.meta asks for '\w+\.system'"),
    "old protocol": (edit("data_batch_1", protocol=0), r"data_batch_1 .*opcode \w+ is none of those"),
    "trailing": (put("data_batch_1", b"\x80\x02}.rest"), r"data_batch_1 .*something follows"),
    "no dict": (put("data_batch_1", pickle.dumps([1])), r"data_batch_1 is a pickle, but not of a dict"),
    "no data": (edit("data_batch_1", data=None), r"data_batch_1 holds no array 'data' of bytes"),
    "floats": (edit("data_batch_1", data=np.zeros((24, 3072))), r"holds no array 'data' of bytes"),
    "narrow": (edit("data_batch_1", data=np.zeros((24, 784), np.uint8)), r"of shape \(n, 3072\); delete"),
    "flat": (edit("data_batch_1", data=np.zeros(3072, np.uint8)), r"of shape \(n, 3072\)"),
    "scalar": (edit("data_batch_1", data=np.zeros((), np.uint8)), r"of shape \(n, 3072\)"),
    "no images": (
        edit("data_batch_1", data=np.zeros((0, 3072), np.uint8), labels=[], protocol=4),
        r"of shape \(n, 3072\)",
    ),
    "no labels": (edit("data_batch_1", labels=None), r"holds no list 'labels'"),
    "fine labels": (edit("data_batch_1", labels=None, fine_labels=[1] * 24), r"holds no list 'labels'"),
    "label 10": (edit("data_batch_1", labels=[10] * 24), r"no list 'labels' of whole numbers from 0 to 9"),
    "label -1": (edit("data_batch_1", labels=[-1] * 24), r"whole numbers from 0 to 9"),
    "label text": (edit("data_batch_1", labels=["3"] * 24), r"whole numbers from 0 to 9"),
    "label float": (edit("data_batch_1", labels=[3.0] * 24), r"whole numbers from 0 to 9"),
    "too few labels": (edit("data_batch_1", labels=[3] * 23), r"holds 24 images but 23 labels"),
    "swapped": (swapped, r"data_batch_4 calls itself 'testing batch 1 of 1'.*swapped"),
    "swapped back": (edit("test_batch", batch_label=b"training batch 3 of 5", protocol=4), r"test_batch calls itself"),
    "copied": (copied, r"data_batch_3 is a copy of data_batch_1"),
    "altered": (full_of_zeros, r"holds 10000 images but is not the official data_batch_1: its MD5 is \w{32}, not c99c"),
    "large": (large, r"data_batch_2 has 80 MiB, a batch of CIFAR-10 has 30"),
    "other classes": (put("batches.meta", META), r"batches\.meta does not name the ten classes.*folder:PATH"),
    "classes missing": (put("batches.meta", pickle.dumps({})), r"batches\.meta does not name the ten classes"),
    "classes a number": (put("batches.meta", pickle.dumps({"label_names": 3})), r"does not name the ten classes"),
    "no test": (remove("test_batch"), r"renamed has no test_batch; put it there"),
    "no training": (remove("data_batch_1", "data_batch_2"), r"renamed has no data_batch_1; put it there"),
    "both versions": (put("test_batch.bin", bytes(3073)), r"holds both the Python and the binary version"),
    "binary cut": (only_binary(bytes(3073 * 2 - 1)), r"data_batch_1\.bin has 6145 bytes, no multiple of 3073"),
    "binary empty": (only_binary(b""), r"data_batch_1\.bin has 0 bytes"),
    "binary foreign": (only_binary(b"\xc8" * 3073), r"data_batch_1\.bin has a label 200, beyond 9"),
    "binary copied": (only_binary(bytes(3073)), r"test_batch\.bin is a copy of data_batch_1"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_batches_are_named(name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    change, message = BAD[name]
    change(folder)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(GvaeError, match=message):
        open_cifar10(tmp_path / "root")
    assert sorted(tmp_path.rglob("*")) == before  # no marker, nothing half-written


def test_binary_names_of_classes(folder: Path):
    only_binary(bytes([1]) + bytes(3072))(folder)
    (folder / "batches.meta").unlink()
    (folder / "batches.meta.txt").write_text("apple\nbear\n")
    with pytest.raises(GvaeError, match=r"batches\.meta\.txt does not name the ten classes"):
        open_cifar10(folder)
    (folder / "batches.meta.txt").unlink()
    assert open_cifar10(folder).splits["train"].tolist() == [0]


def test_several_places_are_listed(folder: Path, tmp_path: Path):
    batch(tmp_path / "root" / "other" / "data_batch_1", 5, 0)
    with pytest.raises(GvaeError, match=r"other.*renamed.*choose one, as in cifar10:"):
        open_cifar10(tmp_path / "root")
    assert len(open_cifar10(folder)) == 42


def test_nothing_there_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(GvaeError) as caught:
        open_cifar10(tmp_path)
    text = str(caught.value)
    assert "gvae data fetch cifar10" in text
    assert "https://www.cs.toronto.edu/~kriz/cifar.html" in text
    assert f"into {tmp_path}/cifar10" in text
    monkeypatch.setenv("GVAE_DATA", str(tmp_path / "not" / "there"))
    with pytest.raises(GvaeError, match="gvae data fetch cifar10"):
        open_cifar10()
    with pytest.raises(GvaeError, match=f"there is no folder {tmp_path}/rooot"):
        open_cifar10(tmp_path / "rooot")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not print."""

    def log_message(self, format: str, *args) -> None:
        """Print nothing."""


@pytest.fixture
def mirror(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a server of a tiny archive, which the checksums are made to fit."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = tmp_path / "served"
    served.mkdir()
    names = sorted(path.name for path in folder.iterdir())
    archive = served / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, cifar10.FOLDER)
    files = replace(
        cifar10.CIFAR10,
        packed={archive.name: hashlib.md5(archive.read_bytes()).hexdigest()},
        content={name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in names},
    )
    monkeypatch.setattr(cifar10, "CIFAR10", files)
    handler = functools.partial(Quiet, directory=str(served))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_fetched_archive_opens(folder: Path, mirror: str, tmp_path: Path):
    files = fetch_cifar10(tmp_path / "new", [mirror])
    assert files[0] == tmp_path / "new" / "cifar10" / "cifar-10-batches-py" / "batches.meta"
    assert open_cifar10(tmp_path / "new").facts["checksum"] == open_cifar10(folder).facts["checksum"]
    assert fetch_cifar10(tmp_path / "new", ["http://127.0.0.1:9/"]) == files  # not fetched again
    files[1].write_bytes(b"changed")
    with pytest.raises(GvaeError, match=r"data_batch_1 is not the official file or missing; remove "):
        fetch_cifar10(tmp_path / "new", [mirror])


def test_wrong_archive_is_not_unpacked(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (name,) = cifar10.CIFAR10.packed
    monkeypatch.setattr(cifar10, "CIFAR10", replace(cifar10.CIFAR10, packed={name: "0" * 32}))
    with pytest.raises(GvaeError, match="wrong checksum"):
        fetch_cifar10(tmp_path / "new", [mirror])
    assert list((tmp_path / "new" / "cifar10").iterdir()) == []


def test_official_checksum():
    assert cifar10.CIFAR10.packed == {"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"}


# the real files


def test_real_subset(data_root: Path):
    data = open_cifar10(data_root)
    place = data_root / "cifar10_subset" / "cifar-10-batches-py"
    assert data.images.shape == (9000, 32, 32, 3)
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 6763, "val": 737, "test": 1500}
    assert data.labels is not None
    assert data.labels[:10].tolist() == [5, 8, 5, 8, 4, 0, 0, 5, 7, 1]
    for start in range(0, 9000, 1500):
        assert np.bincount(data.labels[start : start + 1500]).tolist() == [150] * 10
    assert data.split("test").min() == 7500
    assert data.spec.name == "cifar10-subset"
    assert data.facts["notes"][0].startswith("subset: 7500 of 50000 training images and 1500 of 10000 test images")
    assert hashlib.md5((place / "batches.meta").read_bytes()).hexdigest() == cifar10.CIFAR10.content["batches.meta"]
    for i, name in enumerate(BATCHES):  # our own files, so Python may read them for comparison
        with (place / name).open("rb") as file:
            truth = pickle.load(file, encoding="latin1")
        part = slice(1500 * i, 1500 * (i + 1))
        assert data.labels[part].tolist() == truth["labels"]
        assert np.array_equal(data.images[part].transpose(0, 3, 1, 2).reshape(1500, 3072), truth["data"])
    assert open_cifar10(place).facts["checksum"] == data.facts["checksum"]
    x = data.batch([0]).x
    assert tuple(x.shape) == (1, 3, 32, 32)
    assert x[0, 2, 0, 5].item() == pytest.approx(data.images[0, 0, 5, 2] / 127.5 - 1)
