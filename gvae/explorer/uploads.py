"""Pictures that a page sends: decoded within limits, kept in memory for a while, never written anywhere."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections import OrderedDict

import numpy as np
from PIL import Image
from torch import Tensor

from gvae.errors import GvaeError
from gvae.latent.pictures import as_image, read_pixels, readable
from gvae.runs import Run

BYTES, PIXELS = 16 * 2**20, 40_000_000
"""a picture may have so many at most"""
KEPT = 32
"""pictures that are remembered, the latest ones"""
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


def read(content: bytes, run: Run) -> np.ndarray:
    """The pixels of an encoded picture, brought to the size and channels of a run's data, (S, S, C) uint8.

    Raises:
        GvaeError: too large, damaged, of another format, or a run whose images are volumes or not square.
    """
    if len(content) > BYTES:
        raise GvaeError(f"the picture has more than {BYTES // 2**20} MiB; make it smaller and send it again")
    with readable("the file"), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            check(*image.size)
    return read_pixels(io.BytesIO(content), run)


def check(width: int, height: int) -> None:
    """Refuse a picture by what its header says, before it is decoded.

    Raises:
        GvaeError: it has too many pixels.
    """
    if width * height > PIXELS:
        raise GvaeError(
            f"the picture has {width} x {height} pixels, more than {PIXELS:,}; make it smaller and send it again"
        )


class Uploads:
    """The latest pictures of a run, by a checksum of their pixels.

    Args:
        run: whose images they are brought to.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.kept: OrderedDict[str, np.ndarray] = OrderedDict()

    def add(self, content: bytes) -> str:
        """Take in the bytes of a file.

        Returns:
            the name it can be asked for by; the same picture has the same name.

        Raises:
            GvaeError: as `read`.
        """
        pixels = read(content, self.run)
        name = hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
        self.kept[name] = pixels
        self.kept.move_to_end(name)
        while len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        return name

    def find(self, name: str) -> Tensor:
        """A picture as an image (1, C, S, S) in [-1, 1].

        Raises:
            GvaeError: not there, or no longer.
        """
        if name not in self.kept:
            raise GvaeError("that picture is no longer in memory; choose the file again")
        return as_image(self.kept[name], self.run.spec)
