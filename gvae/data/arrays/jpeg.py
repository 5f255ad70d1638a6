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
FILL, APP1, APP2, SCAN = 0xFF, 0xE1, 0xE2, 0xDA
"""markers: a filling byte; EXIF or XMP; several pictures (MPF), among others; the pixels"""


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of a plain colour JPEG; None for everything else, and where simplejpeg is missing.

    Args:
        data: the content of a file.
    """
    if not HAS_SIMPLEJPEG or not data.startswith(BEGINNING) or _more(data):
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


def _more(data: bytes) -> bool:
    """Whether a JPEG may be turned (EXIF, XMP), may have several pictures, or is put together in a rare way.

    Only the segments before the pixels count, as in Pillow; a search in all the bytes takes longer than the header.
    """
    place = len(BEGINNING) - 1
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in (FILL, APP1) or (marker == APP2 and data.startswith(b"MPF\0", place + 4)):
            return True
        if marker == SCAN:
            return False
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return True
