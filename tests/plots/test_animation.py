"""Animations: every frame, the speed, the endless loop, and what is said where ffmpeg is missing."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from gvae.errors import GvaeError
from gvae.plots import animation


def frames(mode: str = "L"):
    """Five frames of different gray levels, 7 x 6 pixels."""
    return (Image.new("L", (7, 6), level).convert(mode) for level in (0, 60, 120, 180, 240))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_every_frame_is_kept_at_25_per_second(tmp_path, ending, mode):
    path = tmp_path / f"a{ending}"
    animation.save(frames(mode), path)
    with Image.open(path) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((7, 6), 5, 0)
        levels = []
        for k in range(5):
            image.seek(k)
            image.load()
            assert image.info["duration"] == 40
            levels.append(int(np.asarray(image.convert("L"))[3, 3]))
    assert levels == [0, 60, 120, 180, 240]


def test_what_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(animation.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    for name, message in (
        ("a.png", "a.png has no ending of an animation; use one of .gif, .webp, .mp4"),
        ("a.mp4", "a.mp4 needs ffmpeg, which is not there: install it, or `pip install imageio-ffmpeg`"),
    ):
        with pytest.raises(GvaeError, match=message):
            animation.save(frames(), tmp_path / name)
    with pytest.raises(GvaeError, match="no frames to write"):
        animation.save([], tmp_path / "a.gif")
    assert list(tmp_path.iterdir()) == []


def stand_in(folder, script: str) -> str:
    """A program in the place of ffmpeg."""
    program = folder / "ffmpeg"
    program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_ffmpeg_gets_the_size_and_every_frame_as_rgb(tmp_path, monkeypatch):
    script = "open(sys.argv[-1], 'wb').write(' '.join(sys.argv).encode() + b'|' + sys.stdin.buffer.read())"
    program = stand_in(tmp_path, script)
    monkeypatch.setattr(animation.shutil, "which", lambda name: program)
    animation.save(frames(), tmp_path / "a.mp4")
    words, _, pixels = (tmp_path / "a.mp4").read_bytes().partition(b"|")
    assert b"-s 7x6 -r 25" in words
    expected = b"".join(bytes([level]) * 7 * 6 * 3 for level in (0, 60, 120, 180, 240))
    assert pixels == expected


def test_ffmpegs_complaint_is_passed_on(tmp_path, monkeypatch):
    program = stand_in(tmp_path, "sys.stderr.write('first\\nno such codec'); sys.exit(1)")
    monkeypatch.setattr(animation.shutil, "which", lambda name: program)
    with pytest.raises(GvaeError, match="ffmpeg: no such codec"):
        animation.save(frames(), tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


def test_a_real_ffmpeg_writes_a_film_with_even_sides(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="needs the package imageio-ffmpeg")
    animation.save(frames(), tmp_path / "a.mp4")
    film = ffmpeg.read_frames(str(tmp_path / "a.mp4"))
    about = next(film)
    assert (about["size"], about["fps"], sum(1 for _ in film)) == ((8, 6), 25.0, 5)
