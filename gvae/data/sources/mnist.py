"""MNIST and Fashion-MNIST from their official IDX files, packed or unpacked, in any of the usual layouts.

Gradient-based learning applied to document recognition (LeCun, Bottou, Bengio, Haffner, 1998)
http://yann.lecun.com/exdb/mnist/ and Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017) https://arxiv.org/abs/1708.07747.
The test split is the official one; 5,000 of the 60,000 training images, drawn with seed 0, validate.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from gvae.data.dataset import Dataset, permutation
from gvae.data.files.checksums import of_files
from gvae.data.files.download import Files
from gvae.data.files.paths import default_root, existing
from gvae.data.sources import idx
from gvae.errors import GvaeError
from gvae.types import DataSpec

PARTS = {
    "train-images-idx3-ubyte": 3,
    "train-labels-idx1-ubyte": 1,
    "t10k-images-idx3-ubyte": 3,
    "t10k-labels-idx1-ubyte": 1,
}
"""the four files and their ranks"""


def _files(name: str, folders: tuple[str, ...], mirrors: tuple[str, ...], packed: str, content: str) -> Files:
    """`Files` from two rows of four checksums, in the order of `PARTS`."""
    names = [f"{part}.gz" for part in PARTS]
    sums = dict(zip(names, packed.split(), strict=True)), dict(zip(PARTS, content.split(), strict=True))
    return Files(name, folders, mirrors, *sums)


MNIST = _files(
    "mnist",
    ("mnist/MNIST/raw", "mnist/raw", "mnist", "MNIST/raw", "MNIST", "raw", "."),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    "f68b3c2dcbeaaa9fbdd348bbdeb94873 d53e105ee54ea40749a09fcbcd1e9432 "
    "9fb629c4189551a2d022fa330f9573f3 ec29112dd5afa0611ce80d1b7f02629c",
    "6bbc9ace898e44ae57da46a324031adb a25bea736e30d166cdddb491f175f624 "
    "2646ac647ad5339dbf082846283269ea 27ae3e4e09519cfbb04c329615203637",
)

FASHION_MNIST = _files(
    "fashion-mnist",
    (
        "fashion_mnist/FashionMNIST/raw",
        "fashion_mnist/raw",
        "fashion_mnist",
        "fashion-mnist",
        "FashionMNIST/raw",
        "FashionMNIST",
        "raw",
        ".",
    ),
    ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d 25c81989df183df01b3e8a0aad5dffbe "
    "bef4ecab320f06d8554ea6380940ec79 bb300cfdad3c16e7a12a480ee83cd310",
    "f4a8712d7a061bf5bd6d2ca38dc4d50a 9018921c3c673c538a1fc5bad174d6f9 "
    "8181f5470baa50b63fa0f6fddb340f0a 15d484375f8d13e6eb1aabb0c3f46965",
)

ARTICLES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def open_mnist(root: Path | None = None) -> Dataset:
    """MNIST: 70,000 digits of 28x28 pixels.

    Raises:
        GvaeError: files that are missing, cut, corrupt, not the official ones, or there twice and different.
    """
    return open_files(MNIST, tuple("0123456789"), root)


def open_fashion_mnist(root: Path | None = None) -> Dataset:
    """Fashion-MNIST: 70,000 articles of clothing of 28x28 pixels; errors as for `open_mnist`."""
    return open_files(FASHION_MNIST, ARTICLES, root)


def open_files(files: Files, classes: tuple[str, ...], root: Path | None = None) -> Dataset:
    """A data set from four IDX files.

    Args:
        classes: names of the labels 0, 1, ...
        root: the folder below which the files lie; default: GVAE_DATA, else the user's cache.

    Raises:
        GvaeError: as in `open_mnist`.
    """
    root = default_root() if root is None else existing(root)
    arrays = [_read(files, part, root) for part in PARTS]
    train, test = len(arrays[0]), len(arrays[2])
    if (len(arrays[1]), len(arrays[3])) != (train, test):
        raise GvaeError(
            f"{files.name} has {train} + {test} images but {len(arrays[1])} + {len(arrays[3])} labels "
            f"below {root}; "
            f"delete the files and run `gvae data fetch {files.name}`"
        )
    images = np.concatenate([arrays[0], arrays[2]])[..., None]
    labels = np.concatenate([arrays[1], arrays[3]]).astype(np.int64)
    held = min(5_000, train // 12)
    order = permutation(train, 0)
    splits = {"train": np.sort(order[held:]), "val": np.sort(order[:held]), "test": np.arange(train, train + test)}
    facts = {
        "checksum": of_files(files.content, files.content.values(), {}),
        "notes": [f"test is the official one; val is {held} of the {train} training images, drawn with seed 0"],
    }
    return Dataset(DataSpec(files.name, 1, images.shape[1:3], classes), images, labels, splits, facts)


def _read(files: Files, part: str, root: Path) -> np.ndarray:
    """One of the four files, from wherever it lies, checked against its official content."""
    others = {
        digest for known in (MNIST, FASHION_MNIST) if known.name != files.name for digest in known.content.values()
    }
    found = {path: idx.read_bytes(path) for path in _candidates(files, part, root)}
    sums = {path: hashlib.md5(data, usedforsecurity=False).hexdigest() for path, data in found.items()}
    own = {path: digest for path, digest in sums.items() if digest not in others}
    if not own:
        raise GvaeError(_how_to_get(files, part, root, foreign=list(sums)))
    if len(set(own.values())) > 1:
        raise GvaeError(f"these files of {files.name} differ, keep only the right one: {', '.join(map(str, own))}")
    path = next(iter(own))
    array = idx.parse(found[path], PARTS[part], path)
    if own[path] != files.content[part]:
        raise GvaeError(
            f"{path} is not the official {part} of {files.name}: its MD5 is {own[path]}, "
            f"not {files.content[part]}; "
            f"delete it and run `gvae data fetch {files.name}`"
        )
    return array


def _candidates(files: Files, part: str, root: Path) -> list[Path]:
    """Every existing file that goes by the name of `part`: dash or dot before idx, packed or not."""
    names = [f"{stem}{end}" for stem in (part, part.replace("-idx", ".idx")) for end in (".gz", "")]
    return [path for folder in files.folders for name in names if (path := root / folder / name).is_file()]


def _how_to_get(files: Files, part: str, root: Path, foreign: list[Path]) -> str:
    """What to do about a missing file."""
    misled = f" ({foreign[0]} belongs to another data set)" if foreign else ""
    return (
        f"{files.name} is not complete: {part}.gz is missing below {root}{misled}. "
        f"Run `gvae data fetch {files.name}`, "
        f"or put {', '.join(files.packed)} (or the unpacked files) into {root / files.folders[0]}; "
        f"they are at {files.mirrors[0]}. Another place: --data-root FOLDER or the variable GVAE_DATA"
    )
