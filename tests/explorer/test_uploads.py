"""Pictures that are sent: read as the run's data was, limited in bytes and pixels, remembered for a while."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from gvae.config import TrainConfig
from gvae.errors import GvaeError
from gvae.explorer import uploads
from gvae.explorer.uploads import Uploads
from gvae.runs import Run
from gvae.types import DataSpec
from tests.explorer.conftest import png_of


def run(shape: tuple[int, ...] = (8, 8)) -> Run:
    """A run whose images have that shape; nothing is on disk."""
    return Run(Path("r"), "vae", {}, TrainConfig(), "any", DataSpec("any", channels=1, shape=shape), {})


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that says it has side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
def test_a_picture_of_the_right_size_comes_through_unchanged(kind):
    array = np.arange(64, dtype=np.uint8).reshape(8, 8)
    kept = Uploads(run())
    x = kept.find(kept.add(png_of(array, kind)))
    assert x.shape == (1, 1, 8, 8)
    assert np.allclose(x[0, 0], array / 127.5 - 1)


def test_the_same_picture_has_the_same_name_and_old_ones_are_forgotten(monkeypatch):
    monkeypatch.setattr(uploads, "KEPT", 2)
    kept = Uploads(run())
    names = [kept.add(png_of(np.full((8, 8), k, np.uint8))) for k in (0, 0, 1, 2)]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert kept.find(names[3])[0, 0, 0, 0] == pytest.approx(2 / 127.5 - 1)
    with pytest.raises(GvaeError, match="no longer in memory; choose the file again"):
        kept.find(names[0])


@pytest.mark.parametrize("side", [7_000, 20_000, 60_000])
def test_bombs_are_refused_before_they_are_decoded(side):
    content = bomb(side)
    assert len(content) < 200
    with pytest.raises(GvaeError, match="pixels"):
        uploads.read(content, run())


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4", b"P5 8 8 255 " + b"0" * 64])
def test_what_is_no_picture_gets_a_sentence(content):
    with pytest.raises(GvaeError, match=r"^the file cannot be read as a picture \(.*\); give a PNG, JPEG"):
        uploads.read(content, run())


def test_a_picture_that_was_cut_short_gets_a_sentence():
    content = png_of(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8))
    with pytest.raises(GvaeError, match="cannot be read as a picture"):
        uploads.read(content[: len(content) // 2], run())


def test_too_many_bytes_are_refused(monkeypatch):
    monkeypatch.setattr(uploads, "BYTES", 100)
    with pytest.raises(GvaeError, match="more than 0 MiB"):
        uploads.read(b"x" * 101, run())


def test_volumes_and_oblong_images_take_no_picture():
    for shape in ((4, 8, 8), (8, 6)):
        with pytest.raises(GvaeError, match="to which a picture cannot be brought; name one of its data, as test:0"):
            uploads.read(png_of(np.zeros((8, 8), np.uint8)), run(shape))
