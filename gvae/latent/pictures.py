"""Pictures brought to a run: a picture file, or one image of the run's own data, as the images that its networks see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from torch import Tensor

from gvae.data.arrays.pixels import decode
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.runs import Run
from gvae.seeding import seeded
from gvae.types import Batch, DataSpec


def folder_options(run: Run) -> dict[str, Any]:
    """Options that read a folder of images as the run's data was read: size, channels, and fit where it is known."""
    fit = run.about.get("data", {}).get("options", {}).get("fit")
    return {"size": run.spec.size, "channels": run.spec.channels, **({"fit": fit} if fit else {})}


def read_pixels(file: Path | BinaryIO, run: Run, fit: str | None = None, name: str = "the file") -> np.ndarray:
    """The pixels of a picture, brought to the size and channels of a run's images, (S, S, C) uint8.

    Args:
        file: its path, or an open binary stream.
        fit: crop, pad or stretch, see `gvae.data.arrays.pixels.bring`; None: as the run's data was.
        name: what an error calls the picture.

    Raises:
        GvaeError: a file that cannot be read, or a run whose images are volumes or not square.
    """
    spec = run.spec
    if not takes_pictures(spec):
        raise GvaeError(
            f"{run.path} makes images of {' x '.join(map(str, spec.shape))}, to which a picture cannot be brought; "
            "name one of its data, as test:0"
        )
    with readable(name):
        return decode(file, spec.size, fit or folder_options(run).get("fit", "crop"), spec.channels)


def takes_pictures(spec: DataSpec) -> bool:
    """Whether pictures can be brought to such images: they are flat and square."""
    return spec.spatial == 2 and len(set(spec.shape)) == 1


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn what Pillow raises on a damaged file, an error of any kind, into a `GvaeError`."""
    try:
        yield
    except GvaeError:
        raise
    except Exception as error:
        what = str(error).split("<")[0].strip() or type(error).__name__
        raise GvaeError(f"{name} cannot be read as a picture ({what}); give a PNG, JPEG, WebP or BMP file") from error


def as_image(pixels: np.ndarray, spec: DataSpec) -> Tensor:
    """Pixels (S, S, C) uint8 as an image (1, C, S, S) in [-1, 1]; black and white where the run's data was."""
    plain = replace(spec, classes=(), attributes=(), low=0.0, high=255.0, binary="")
    x = Dataset(plain, pixels[None]).batch([0]).x
    return x.sign() if spec.binary else x  # no gray level is 0


def from_data(dataset: Dataset, split: str, number: int) -> Batch:
    """One image of a data set (1, C, *S) with its class (1,) or attributes (1, A); binarised data: the same every time.

    Raises:
        GvaeError: the split has no such image.
    """
    indices = dataset.split(split)
    if not 0 <= number < len(indices):
        raise GvaeError(
            f"{dataset.spec.name} has no image {split}:{number}; give {split}:0 to {split}:{len(indices) - 1}"
        )
    with seeded(number):
        return dataset.batch(indices[number : number + 1])
