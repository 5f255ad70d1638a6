"""Colour JPEGs straight into an array, in half of Pillow's time and with its bytes, where simplejpeg is installed.

Both are libjpeg-turbo with the exact inverse cosine transform and smooth upsampling of the colours. Pillow decides what
a file is, and reads whatever is not a plain colour JPEG without a blemish.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

HAS_SIMPLEJPEG = find_spec("simplejpeg") is not None


def read_jpeg(data: bytes) -> np.ndarray | None:
    """Pixels of a colour JPEG.

    Args:
        data: the content of the file.

    Returns:
        (H, W, 3) uint8, or None where simplejpeg is missing or has anything to say against the file.
    """
    if not HAS_SIMPLEJPEG:
        return None
    from simplejpeg import decode_jpeg

    try:
        return decode_jpeg(data, "RGB", fastdct=False, fastupsample=False, strict=True)
    except ValueError:
        return None
