"""One image file to one square array of 8-bit pixels: rotation, depth, transparency, colour, size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from gvae.data.arrays.jpeg import jpeg_size, read_jpeg

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
FITS = ("crop", "pad", "stretch")
GRAY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
"""Pillow's modes without colour"""
ORIENTATION, ON_ITS_SIDE = 274, (5, 6, 7, 8)
"""EXIF tag, and its values that exchange width and height"""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself before its pixels are decoded."""

    size: tuple[int, int]
    """width and height in pixels, as it is looked at"""
    colour: bool
    """has colours"""
    deep: bool
    """16 bits per channel"""
    alpha: bool
    """has transparent places"""
    frames: int
    """pictures in the file"""
    digest: str
    """SHA-256 of the file"""
    inks: bool = False
    """has the colours of a print (CMYK)"""


def read_header(file: Path | BinaryIO) -> Header:
    """Header and checksum of an image file.

    Args:
        file: its path, or an open binary stream.

    Raises:
        Exception: whatever Pillow raises on a file that is not an image; ValueError: 32-bit pixels.
    """
    data = file.read_bytes() if isinstance(file, Path) else file.read()
    digest = hashlib.sha256(data).hexdigest()
    if (size := jpeg_size(data)) is not None:
        return Header(size, True, False, False, 1, digest)
    with Image.open(BytesIO(data)) as image:
        deep = image.mode.startswith("I;16") or any(";16" in str(tile) for tile in image.tile)
        if image.mode == "F" or (image.mode == "I" and not deep):
            raise ValueError("32-bit pixels have no fixed range; convert them to 8 or 16 bits")
        width, height = image.size
        if image.format != "TIFF" and _orientation(image) in ON_ITS_SIDE:
            width, height = height, width
        return Header(
            (width, height),
            _has_colour(image),
            deep,
            image.has_transparency_data,
            getattr(image, "n_frames", 1),
            digest,
            image.mode == "CMYK",
        )


def decode(file: Path | BinaryIO, size: int, fit: str, channels: int, crop: int | None = None) -> np.ndarray:
    """The pixels of an image file, upright, on white, scaled with antialiasing (Lanczos).

    Args:
        file: its path, or an open binary stream.
        size: side of the result in pixels.
        fit: crop, pad or stretch; see `bring`.
        channels: 1 for gray, 3 for colour.
        crop: side in pixels of the square that is cut from the middle before anything is scaled.

    Returns:
        (size, size, channels) uint8.

    Raises:
        Exception: whatever Pillow raises on a damaged file; ValueError: an image smaller than the crop.
    """
    data = file.read_bytes() if isinstance(file, Path) else file.read()
    pixels = read_jpeg(data) if channels == 3 else None
    if pixels is None:
        plain = _plain(data, "L" if channels == 1 else "RGB")
    elif crop is None and fit == "crop" and min(pixels.shape[:2]) == size:
        left, top, right, bottom = middle((pixels.shape[1], pixels.shape[0]), size)
        return pixels[top:bottom, left:right]
    else:
        plain = Image.fromarray(pixels)
    if crop is not None:
        if min(plain.size) < crop:
            raise ValueError(f"its {plain.width}x{plain.height} pixels are less than the crop of {crop}")
        plain = plain.crop(middle(plain.size, crop))
    return np.asarray(bring(plain, size, fit)).reshape(size, size, channels)


def _plain(data: bytes, mode: str) -> Image.Image:
    """An image upright, of 8 bits, on white, gray (L) or RGB."""
    with Image.open(BytesIO(data)) as image:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        plain = _on_white(_eight_bit(image))
        return plain if plain.mode == mode else plain.convert(mode)


def middle(size: tuple[int, int], side: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the square in the middle of an image.

    >>> middle((178, 218), 108)
    (35, 55, 143, 163)
    """
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return left, top, left + side, top + side


def bring(image: Image.Image, size: int, fit: str) -> Image.Image:
    """Make a square image: crop to the middle, pad with black, or stretch.

    >>> bring(Image.new("L", (30, 20), 255), 10, "pad").getpixel((5, 0))
    0
    >>> bring(Image.new("L", (3, 2)), 8, "crop").size
    (8, 8)
    """
    width, height = image.size
    if fit == "stretch":
        return image.resize((size, size), Image.Resampling.LANCZOS)
    if fit == "crop":
        box = middle(image.size, side := min(width, height))
        if side == size:
            return image.crop(box)  # what scaling by 1 gives, in less time
        return image.resize((size, size), Image.Resampling.LANCZOS, box)
    scale = size / max(width, height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = Image.new(image.mode, (size, size))
    canvas.paste(image.resize(inner, Image.Resampling.LANCZOS), ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return canvas


def _orientation(image: Image.Image) -> int | None:
    """The EXIF orientation, from what was read so far: `getexif` would decode a whole PNG."""
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))
    return exif.get(ORIENTATION)


def _has_colour(image: Image.Image) -> bool:
    """Whether the image has colours; a palette of grays has none."""
    if image.mode in ("P", "PA"):
        entries = np.array(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
        return bool((entries != entries[:, :1]).any())
    return image.mode not in GRAY


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit gray as 8-bit gray: 65535 becomes 255 (Pillow's own conversion would clip at 255)."""
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    """Lay an image with transparent places on white."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
