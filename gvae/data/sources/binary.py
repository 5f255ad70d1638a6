"""Black-and-white images: MNIST binarised at every read or once for all, and the four points of a toy problem.

mnist-dynamic  a pixel is white with its gray value as probability, drawn anew at every read, for testing as well
mnist-static   the published fixed draw (Larochelle & Murray, 2011, http://proceedings.mlr.press/v15/larochelle11a.html)
               where its three .amat files are; else a draw of our own under seed 0, which is named mnist-static-seed0
toy4           the four one-hot points of a 2x2 image, equally probable: log p(x) is at most -log 4 = -1.3863 nats.
               Adversarial Variational Bayes (Mescheder et al., 2017) https://arxiv.org/abs/1701.04722, Section 5.1

Numbers of the two binarisations do not compare.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gvae.data.dataset import Dataset
from gvae.data.files.checksums import of_arrays
from gvae.data.files.paths import default_root, existing
from gvae.data.sources.mnist import open_mnist
from gvae.errors import GvaeError
from gvae.types import DataSpec

AMAT = {"train": 50_000, "valid": 10_000, "test": 10_000}
"""images in binarized_mnist_{train,valid,test}.amat"""
FOLDERS = ("binarized_mnist", "mnist_static", "mnist-static", "mnist", ".")
"""where they may lie below the root"""
SEED = 0
"""seed of our own fixed draw"""


def open_dynamic(root: Path | None = None) -> Dataset:
    """MNIST, binarised at every read.

    Raises:
        GvaeError: as for `open_mnist`.
    """
    gray = open_mnist(root)
    spec = replace(gray.spec, name="mnist-dynamic", binary="dynamic")
    return replace(gray, spec=spec, facts=noted(gray, "binarised at every read, at test as well"))


def open_static(root: Path | None = None) -> Dataset:
    """MNIST, binarised once: the published files, or a draw under seed 0 whose name says so.

    Raises:
        GvaeError: published files that are incomplete or damaged; else as for `open_mnist`.
    """
    place = default_root() if root is None else existing(root)
    if found := published(place):
        return found
    gray = open_mnist(root)
    random = np.random.Generator(np.random.Philox(SEED))
    images = np.empty_like(gray.images)
    for start in range(0, len(images), 1000):  # one call for all would need the memory of eight data sets
        part = gray.images[start : start + 1000]
        images[start : start + 1000] = np.where(random.random(part.shape) * 255 < part, 255, 0)
    spec = replace(gray.spec, name=f"mnist-static-seed{SEED}", binary="static")
    note = f"binarised once, our own draw under seed {SEED}: close to, but not, the published fixed files"
    facts = noted(gray, note) | {"checksum": of_arrays(images, gray.labels)}
    return replace(gray, spec=spec, images=images, facts=facts)


def published(root: Path) -> Dataset | None:
    """The published fixed draw, 50,000 / 10,000 / 10,000 images without labels, if its files are there.

    Raises:
        GvaeError: only some of the files, or a wrong number of images in one.
    """
    for folder in FOLDERS:
        paths = {part: root / folder / f"binarized_mnist_{part}.amat" for part in AMAT}
        there = [path for path in paths.values() if path.is_file()]
        if there and len(there) < len(paths):
            missing = next(path for path in paths.values() if path not in there)
            raise GvaeError(f"{missing} is missing beside {there[0].name}; put all three .amat files there")
        if there:
            parts = {part: read_amat(path, AMAT[part]) for part, path in paths.items()}
            break
    else:
        return None
    ends = np.cumsum([0, *(len(images) for images in parts.values())])
    splits = {name: np.arange(a, b) for name, a, b in zip(("train", "val", "test"), ends, ends[1:], strict=False)}
    spec = DataSpec("mnist-static", 1, (28, 28), binary="static")
    images = np.concatenate(list(parts.values()))
    return Dataset(spec, images, splits=splits, facts={"checksum": of_arrays(images)})


def read_amat(path: Path, count: int) -> np.ndarray:
    """Images (count, 28, 28, 1) of 0 and 255 from a text file with 784 digits 0 or 1 in each line.

    Raises:
        GvaeError: not such a file.
    """
    pixels = np.frombuffer(path.read_bytes(), np.uint8)
    pixels = pixels[(pixels == ord("0")) | (pixels == ord("1"))] - ord("0")
    if len(pixels) != count * 784:
        raise GvaeError(
            f"{path} holds {len(pixels)} pixels in place of {count} x 784; fetch it again, or remove the three "
            "files for a draw of our own"
        )
    return (pixels * 255).astype(np.uint8).reshape(count, 28, 28, 1)


def open_toy4(root: Path | None = None) -> Dataset:
    """The four one-hot points, 1,000 copies of each in every split.

    Args:
        root: ignored; there is nothing to read.
    """
    points = (255 * np.eye(4, dtype=np.uint8)).reshape(4, 2, 2, 1)
    labels = np.tile(np.arange(4), 3000)
    splits = {name: np.arange(4000) + 4000 * i for i, name in enumerate(("train", "val", "test"))}
    spec = DataSpec("toy4", 1, (2, 2), tuple("1234"), binary="static")
    images, notes = points[labels], ["each split holds 1,000 copies of each point"]
    return Dataset(spec, images, labels, splits, {"checksum": of_arrays(images, labels), "notes": notes})


def noted(dataset: Dataset, text: str) -> dict:
    """The facts of a data set with one more note."""
    return {**dataset.facts, "notes": [*dataset.facts.get("notes", []), text]}
