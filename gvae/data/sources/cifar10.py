"""CIFAR-10 from its official files: the Python version, whose pickles are read but never run, or the binary version.

Learning Multiple Layers of Features from Tiny Images (Krizhevsky, 2009) https://www.cs.toronto.edu/~kriz/cifar.html
The test split is the official one; 5,000 of the 50,000 training images, drawn with seed 0, validate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gvae.data.dataset import Dataset, permutation
from gvae.data.files.archives import unpack
from gvae.data.files.checksums import of_arrays
from gvae.data.files.download import Files, download
from gvae.data.files.locate import find
from gvae.data.sources import pickles
from gvae.data.splits import by_group
from gvae.errors import GvaeError
from gvae.types import DataSpec

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-py"
"""the folder in the archive"""
BATCHES = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""MD5 of each official pickle"""
CIFAR10 = Files(
    "cifar10",
    ("cifar10",),
    ("https://www.cs.toronto.edu/~kriz/",),
    {"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"},
    {**BATCHES, "batches.meta": "5ff9c542aee3614f3951f8cda6e48888"},
)
FULL, HELD, VALUES = 10_000, 5_000, 3 * 32 * 32
"""images in an official batch, training images that validate, values in an image"""
LARGEST = 64 * 2**20
"""bytes of a batch at most; the official ones have half of it, and a file is read as a whole"""
AGAIN = "delete it and run `gvae data fetch cifar10`"
HOW = (
    "Run `gvae data fetch cifar10`; or get cifar-10-python.tar.gz or cifar-10-binary.tar.gz from "
    "https://www.cs.toronto.edu/~kriz/cifar.html, unpack it, and put its folder with data_batch_1 to data_batch_5 "
    "and test_batch into {root}/cifar10. Another place: --data-root FOLDER or the variable GVAE_DATA"
)


class Part(NamedTuple):
    """One batch."""

    images: np.ndarray
    """(n, 32, 32, 3) uint8"""
    labels: np.ndarray
    """(n,) int64"""
    digest: str
    """MD5 of its file"""


def open_cifar10(root: Path | None = None) -> Dataset:
    """CIFAR-10: 60,000 photographs of 32x32 pixels in ten classes; fewer images are taken for a subset.

    Args:
        root: a folder with the batches in it or some levels below; default: GVAE_DATA, else the user's cache.

    Raises:
        GvaeError: no batches, batches in several places, no training or no test batch, files that are cut,
            corrupt, foreign, swapped or altered, a pickle that asks for more than data.
    """
    folder = find("cifar10", root, lambda _, __, files: bool(_endings(files)), lambda _: False, HOW)
    parts = _read(folder)
    images, labels = (np.concatenate([part[i] for part in parts.values()]) for i in (0, 1))
    test = len(parts["test_batch"].labels)
    train = len(labels) - test
    held, how = _held_out(images[:train])
    splits = {"train": np.setdiff1d(np.arange(train), held), "val": held, "test": np.arange(test) + train}
    whole, note = _completeness(parts, train, test)
    told = f"test is the official one; val is {len(held)} of the {train} training images, {how}"
    facts = {"checksum": of_arrays(images, labels), "notes": [note, told]}
    spec = DataSpec("cifar10" if whole else "cifar10-subset", 3, (32, 32), CLASSES)
    return Dataset(spec, images, labels, splits, facts)


def _held_out(images: np.ndarray) -> tuple[np.ndarray, str]:
    """Which training images validate, sorted, and how they were found: only of a subset may images come and go."""
    if len(images) == 5 * FULL:
        return np.sort(permutation(len(images), 0)[:HELD]), "drawn with seed 0"
    keys = np.array([hashlib.sha256(image).hexdigest() for image in images])
    return by_group(keys, {"val": HELD / (5 * FULL)})["val"], "by a hash of each image"


def read_batch(path: Path) -> Part:
    """One batch, from a pickle or, where its name ends in .bin, from plain records.

    Raises:
        GvaeError: as for `open_cifar10`.
    """
    data = _content(path)
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    planes, labels = _binary(data, path) if path.suffix else _pickled(data, path)
    if len(labels) >= FULL and not path.suffix and digest != BATCHES[path.name]:
        raise GvaeError(
            f"{path} holds {len(labels)} images but is not the official {path.name}: its MD5 is {digest}, not "
            f"{BATCHES[path.name]}; {AGAIN}"
        )
    # contiguous: concatenation would keep the three planes apart in memory
    images = np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return Part(images, np.asarray(labels, np.int64), digest)


def fetch_cifar10(root: Path, mirrors: Sequence[str] | None = None) -> list[Path]:
    """Download the Python version and unpack it below the root; what is there already and right is kept.

    Args:
        mirrors: addresses to try in place of the official one.

    Raises:
        GvaeError: no mirror answers, a wrong checksum, other files in the place of the official ones, a full disk.
    """
    folder = Path(root) / CIFAR10.folders[0] / FOLDER
    files = {folder / name: digest for name, digest in CIFAR10.content.items()}
    if folder.exists():
        wrong = [path for path, digest in files.items() if not path.is_file() or _md5(path) != digest]
        if wrong:
            raise GvaeError(f"{wrong[0]} is not the official file or missing; remove {folder} and fetch again")
    else:
        unpack(download(CIFAR10, Path(root), mirrors)[0], folder)
    return list(files)


def _endings(names: Sequence[str]) -> list[str]:
    """The versions of which there are batches: "" for pickles, ".bin" for the binary version."""
    return [ending for ending in ("", ".bin") if any(f"{name}{ending}" in names for name in BATCHES)]


def _read(folder: Path) -> dict[str, Part]:
    """Every batch of a folder, if they can belong together."""
    endings = _endings([path.name for path in folder.iterdir()])
    if len(endings) > 1:
        raise GvaeError(f"{folder} holds both the Python and the binary version; remove data_batch_* of one")
    paths = {name: path for name in BATCHES if (path := folder / f"{name}{endings[0]}").is_file()}
    for needed in (("test_batch",), tuple(BATCHES)[:-1]):
        if not paths.keys() & set(needed):
            raise GvaeError(
                f"{folder} has no {needed[0]}{endings[0]}; put it there, or move {folder} away and run "
                "`gvae data fetch cifar10`"
            )
    _check_classes(folder)
    parts = {name: read_batch(path) for name, path in paths.items()}
    first: dict[str, str] = {}
    for name, part in parts.items():
        if (other := first.setdefault(part.digest, name)) != name:
            raise GvaeError(f"{paths[name]} is a copy of {other}; put the right file there")
    return parts


def _check_classes(folder: Path) -> None:
    """Refuse batches that come with other names of classes; CIFAR-10's are always these."""
    meta, lines = folder / "batches.meta", folder / "batches.meta.txt"
    names: Any = list(CLASSES)
    path = meta if meta.is_file() else lines
    if meta.is_file():
        content = _dict(_content(meta), meta)
        names = content.get("label_names")
    elif lines.is_file():
        names = _content(lines).decode("latin-1").split()
    if not isinstance(names, list) or [pickles.text(name) for name in names] != list(CLASSES):
        raise GvaeError(
            f"{path} does not name the ten classes of CIFAR-10; {AGAIN}, or read images of your own with "
            "--data folder:PATH"
        )


def _completeness(parts: dict[str, Part], train: int, test: int) -> tuple[bool, str]:
    """Whether all images are there, and a note on it."""
    if all(name in parts and parts[name].digest == digest for name, digest in BATCHES.items()):
        return True, "the official files, by the MD5 of every batch"
    if (train, test) == (5 * FULL, FULL):
        return True, "the binary version, whole by its count; its files have no official checksums"
    return False, (
        f"subset: {train} of 50000 training images and {test} of 10000 test images, not the official "
        "files; numbers do not compare with those on all of CIFAR-10"
    )


def _content(path: Path) -> bytes:
    """A whole file, unless it is too large to be one of ours."""
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise GvaeError(f"{path} has {size / 2**20:.0f} MiB, a batch of CIFAR-10 has 30; {AGAIN}")
        return path.read_bytes()
    except OSError as error:
        raise GvaeError(f"{path} cannot be read ({error}); {AGAIN}") from error


def _dict(data: bytes, path: Path) -> dict[str, Any]:
    """The dict in a pickle, under text keys whichever Python wrote it."""
    content = pickles.loads(data, path)
    if not isinstance(content, dict):
        raise GvaeError(f"{path} is a pickle, but not of a dict as in CIFAR-10; {AGAIN}")
    return {pickles.text(key): value for key, value in content.items()}


def _pickled(data: bytes, path: Path) -> tuple[np.ndarray, list[int]]:
    """Values (n, 3072) and labels of a pickle."""
    content = _dict(data, path)
    planes, labels = pickles.byte_array(content.get("data")), content.get("labels")
    if planes is None or planes.shape[1:] != (VALUES,) or not len(planes):
        raise GvaeError(f"{path} holds no array 'data' of bytes of shape (n, {VALUES}); {AGAIN}")
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < 10 for label in labels):
        raise GvaeError(f"{path} holds no list 'labels' of whole numbers from 0 to 9; {AGAIN}")
    if len(labels) != len(planes):
        raise GvaeError(f"{path} holds {len(planes)} images but {len(labels)} labels; {AGAIN}")
    label, wrong = (pickles.text(content.get("batch_label")), "training" if path.name == "test_batch" else "testing")
    if isinstance(label, str) and label.startswith(wrong):
        raise GvaeError(f"{path} calls itself {label[:40]!r}: training and test batches were swapped; {AGAIN}")
    return planes, labels


def _binary(data: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Values (n, 3072) and labels of a .bin file: a byte of label, then the bytes of the image, and so on."""
    if not data or len(data) % (1 + VALUES):
        raise GvaeError(f"{path} has {len(data)} bytes, no multiple of {1 + VALUES}: it is cut or foreign; {AGAIN}")
    records = np.frombuffer(data, np.uint8).reshape(-1, 1 + VALUES)
    if (highest := records[:, 0].max()) > 9:
        raise GvaeError(f"{path} has a label {highest}, beyond 9: it is corrupt or foreign; {AGAIN}")
    return records[:, 1:], records[:, 0]


def _md5(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
