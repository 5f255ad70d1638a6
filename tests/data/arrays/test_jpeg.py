"""JPEGs past Pillow: the same bytes, and Pillow wherever there is a doubt."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gvae.data.arrays import jpeg, pixels

pytest.importorskip("simplejpeg")


def encoded(width: int, height: int, mode: str = "RGB", seed: int = 0, **options) -> bytes:
    """A JPEG of smooth random colours."""
    few = np.random.default_rng(seed).integers(0, 256, (5, 4, len(mode)), dtype=np.uint8)
    image = Image.fromarray(few.squeeze(), mode).resize((width, height), Image.Resampling.BICUBIC)
    out = BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def by_pillow(data: bytes) -> np.ndarray:
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([20, 75, 95]),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
    st.integers(0, 9),
)
def test_equals_pillow(width, height, quality, subsampling, progressive, seed):
    data = encoded(width, height, seed=seed, quality=quality, subsampling=subsampling, progressive=progressive)
    read = jpeg.read_jpeg(data)
    assert read is not None
    assert (read == by_pillow(data)).all()
    assert jpeg.jpeg_size(data) == (width, height)
    header = pixels.read_header(BytesIO(data))
    with pytest.MonkeyPatch.context() as without:
        without.setattr(jpeg, "HAS_SIMPLEJPEG", False)
        assert header == pixels.read_header(BytesIO(data))


@pytest.mark.parametrize(
    ("size", "fit", "crop"), [(40, "crop", None), (24, "crop", None), (24, "pad", None), (20, "crop", 30)]
)
def test_decoding_gives_the_same_with_and_without(size, fit, crop, monkeypatch):
    data = encoded(60, 40)
    fast = pixels.decode(BytesIO(data), size, fit, 3, crop)
    monkeypatch.setattr(pixels, "read_jpeg", lambda data: None)
    assert (fast == pixels.decode(BytesIO(data), size, fit, 3, crop)).all()
    assert fast.shape == (size, size, 3)


def test_a_blemish_is_left_to_pillow():
    data = encoded(40, 40)
    assert jpeg.jpeg_size(data) == (40, 40)
    assert jpeg.jpeg_size(data[:100]) is None
    blemished = data[:-2] + b"\x00\x00\x00\xff\xd9"
    truncated = data[: len(data) // 2]
    assert jpeg.read_jpeg(truncated) is None
    with pytest.raises(OSError, match=r"(?i)truncated"):
        pixels.decode(BytesIO(truncated), 40, "crop", 3)
    assert (pixels.decode(BytesIO(blemished), 40, "crop", 3) == by_pillow(blemished)).all()


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colours_are_left_to_pillow(mode):
    data = encoded(40, 40, mode)
    assert jpeg.jpeg_size(data) is jpeg.read_jpeg(data) is None
    assert pixels.decode(BytesIO(data), 40, "crop", 3).shape == (40, 40, 3)
    assert pixels.read_header(BytesIO(data)).inks == (mode == "CMYK")


def test_a_bomb_is_left_to_pillow(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    data = encoded(40, 40)
    assert jpeg.jpeg_size(data) is None
    with pytest.raises(Image.DecompressionBombError):
        pixels.read_header(BytesIO(data))


def test_a_turned_photo_is_upright():
    turn = Image.Exif()
    turn[pixels.ORIENTATION] = 6
    assert jpeg.jpeg_size(encoded(60, 40, exif=turn)) is None
    assert pixels.read_header(BytesIO(encoded(60, 40, exif=turn))).size == (40, 60)
    upright = by_pillow(encoded(60, 40)).transpose(1, 0, 2)[:, ::-1]
    assert (pixels.decode(BytesIO(encoded(60, 40, exif=turn)), 40, "crop", 3) == upright[10:50]).all()


def test_a_photo_that_xmp_turns_is_upright():
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    data = encoded(60, 40, xmp=packet)
    assert jpeg.jpeg_size(data) is None
    upright = by_pillow(encoded(60, 40)).transpose(1, 0, 2)[:, ::-1]
    assert (pixels.decode(BytesIO(data), 40, "crop", 3) == upright[10:50]).all()


def test_only_the_segments_before_the_pixels_count():
    data = encoded(60, 40, comment=b"Exif\0\0 tiff:Orientation MPF\0")
    assert jpeg.jpeg_size(data) == (60, 40)
    assert jpeg.jpeg_size(data + b"\xff\xe1\x00\x08Exif\0\0") == (60, 40)


@pytest.mark.parametrize("segment", [b"\xff\xe2\x00\x06MPF\0", b"\xff\xff\xe0\x00\x02", b"\x00"])
def test_several_pictures_and_rare_structures_are_left_to_pillow(segment):
    data = encoded(60, 40)
    assert jpeg.jpeg_size(data[:2] + segment + data[2:]) is None


def test_without_simplejpeg_there_is_nothing(monkeypatch):
    monkeypatch.setattr(jpeg, "HAS_SIMPLEJPEG", False)
    assert jpeg.jpeg_size(encoded(8, 8)) is jpeg.read_jpeg(encoded(8, 8)) is None
