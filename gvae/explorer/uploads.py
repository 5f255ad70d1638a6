"""Pictures that a page sends: decoded within limits, kept in memory for a while, never written anywhere."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections import OrderedDict
from dataclasses import replace

import numpy as np
from PIL import Image

from gvae.data.arrays.pixels import decode
from gvae.errors import GvaeError
from gvae.types import DataSpec

BYTES, PIXELS = 16 * 2**20, 40_000_000
"""a picture may have so many at most"""
KEPT = 32
"""pictures that are remembered, the latest ones"""
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")


def read(content: bytes, spec: DataSpec, fit: str) -> np.ndarray:
    """The pixels of an encoded picture, brought to the size and channels of a run's data, (S, S, C) uint8.

    Args:
        content: the bytes of the file.
        spec: of the run.
        fit: how a picture that is not square becomes so; see `gvae.data.arrays.pixels.bring`.

    Raises:
        GvaeError: too large, damaged, of another format, or a run whose images are volumes or not square.
    """
    if spec.spatial != 2 or len(set(spec.shape)) > 1:
        sides = " x ".join(map(str, spec.shape))
        raise GvaeError(
            f"this run makes images of {sides}, to which a picture cannot be brought; name test:0"
        )
    if len(content) > BYTES:
        raise GvaeError(f"the picture has more than {BYTES // 2**20} MiB; make it smaller and send it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
            check(width, height)
            return decode(io.BytesIO(content), spec.size, fit, spec.channels)
    except GvaeError:
        raise
    except Exception as error:  # Pillow raises errors of every kind on damaged files
        what = str(error).split("<")[0].strip() or type(error).__name__
        raise GvaeError(
            f"this is no picture that can be read ({what}); send a {', '.join(FORMATS)}"
        ) from None


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
        spec: of the run.
        fit: see `read`.
    """

    def __init__(self, spec: DataSpec, fit: str) -> None:
        self.spec, self.fit = replace(spec, classes=(), attributes=(), low=0.0, high=255.0, binary=""), fit
        self.kept: OrderedDict[str, np.ndarray] = OrderedDict()

    def add(self, content: bytes) -> str:
        """Take in the bytes of a file.

        Returns:
            the name it can be asked for by; the same picture has the same name.

        Raises:
            GvaeError: as `read`.
        """
        pixels = read(content, self.spec, self.fit)
        name = hashlib.sha256(pixels.tobytes()).hexdigest()[:16]
        self.kept[name] = pixels
        self.kept.move_to_end(name)
        while len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        return name

    def find(self, name: str) -> np.ndarray:
        """The pixels (S, S, C) uint8 of a picture.

        Raises:
            GvaeError: not there, or no longer.
        """
        if name not in self.kept:
            raise GvaeError("that picture is no longer in memory; choose the file again")
        return self.kept[name]
