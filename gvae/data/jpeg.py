"""Plain colour JPEGs straight into an array, in half of Pillow's time and with its bytes, where simplejpeg is installed.

Both are libjpeg-turbo with the exact inverse cosine transform and smooth upsampling of the colours. Whatever needs more than
decoding (a turn, other colours, a second picture, mercy for a damaged file) is left to Pillow.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from PIL import Image

HAS_SIMPLEJPEG = find_spec("simplejpeg") is not None
BEGINNING = b"\xff\xd8\xff"
MORE = (b"Exif\0\0", b"tiff:Orientation", b"MPF\0")
"""what a file holds that may be turned (EXIF, XMP), or has several pictures"""


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of a plain colour JPEG; None for everything else, and where simplejpeg is missing.

    Args:
        data: the content of a file.
    """
    if not HAS_SIMPLEJPEG or not data.startswith(BEGINNING) or any(mark in data for mark in MORE):
        return None
    from simplejpeg import decode_jpeg_header

    try:
        rows, columns, colours, _ = decode_jpeg_header(data, strict=True)
    except ValueError:
        return None
    width, height, largest = int(columns), int(rows), Image.MAX_IMAGE_PIXELS
    return (width, height) if colours == "YCbCr" and (largest is None or width * height <= largest) else None


def read_jpeg(data: bytes) -> np.ndarray | None:
    """Pixels (H, W, 3) uint8 of a plain colour JPEG; None if it is none, or has a blemish.

    Args:
        data: the content of a file.
    """
    if jpeg_size(data) is None:
        return None
    from simplejpeg import decode_jpeg

    try:
        return decode_jpeg(data, "RGB", fastdct=False, fastupsample=False, strict=True)
    except ValueError:
        return None
