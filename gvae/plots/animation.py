"""Moving pictures: GIF and WebP with Pillow alone, MP4 where ffmpeg is at hand."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from gvae.atomic import write_atomic
from gvae.errors import GvaeError

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

ENDINGS = (".gif", ".webp", ".mp4")
FPS = 25
"""frames per second; a GIF counts in hundredths of a second, so that this is exact"""
SIDE = 256
"""pixels to which frames are enlarged, about"""


def save(frames: Iterable[Image.Image], path: Path | str) -> None:
    """Write frames of equal size atomically as an animation that starts again at its end; the ending says the format.

    Raises:
        GvaeError: another ending, no frames, .mp4 without ffmpeg, ffmpeg's own complaint, or the disk is full.
    """
    path = Path(path)
    kind = path.suffix.lower()
    program = encoder(path)
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise GvaeError(f"there are no frames to write to {path.name}; ask for at least one")
    if kind == ".mp4":
        write_atomic(path, lambda name: write_mp4(program, first, rest, name))
    else:
        write_atomic(path, lambda name: encode(first, rest, name, kind[1:]))


def encode(first: Image.Image, rest: Iterable[Image.Image], file: str | BinaryIO, kind: str) -> None:
    """Write frames of equal size to a file or stream as an animation that starts again at its end.

    Args:
        kind: gif or webp.
    """
    options: dict[str, Any] = {"lossless": True} if kind == "webp" else {}
    duration = 1000 // FPS
    first.save(file, kind.upper(), save_all=True, append_images=rest, duration=duration, loop=0, **options)


def frames(x: Tensor) -> Iterator[Image.Image]:
    """One picture after the other of images (N, C, *S) in [-1, 1], enlarged to about `SIDE` pixels."""
    from gvae.plots.grids import grid

    for image in x.split(1):
        yield grid(image, scale=max(1, SIDE // max(image.shape[-2:])))


def encoder(path: Path) -> str:
    """The program that writes such a file; "" where Pillow does. To be asked before frames are drawn.

    Raises:
        GvaeError: not an animation's ending, or .mp4 without ffmpeg.
    """
    if path.suffix.lower() not in ENDINGS:
        raise GvaeError(f"{path.name} has no ending of an animation; use one of {', '.join(ENDINGS)}")
    if path.suffix.lower() != ".mp4":
        return ""
    found = shutil.which("ffmpeg") or packed()
    if not found:
        raise GvaeError(
            f"{path.name} needs ffmpeg, which is not there: install it, or `pip install imageio-ffmpeg`, "
            "or choose a name that ends in .gif or .webp"
        )
    return found


def packed() -> str:
    """The ffmpeg that the package imageio-ffmpeg brings along; "" without it."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe  # pyright: ignore[reportMissingImports]
    except ImportError:
        return ""
    return get_ffmpeg_exe()


def write_mp4(program: str, first: Image.Image, rest: Iterator[Image.Image], name: str) -> None:
    """Feed frames to ffmpeg; H.264 wants even sides, so an odd one gets a row more.

    Raises:
        RuntimeError: what ffmpeg complains of.
    """
    size = f"{first.width}x{first.height}"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FPS), "-i", "-"]
    even = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", "-f", "mp4"]
    command = [program, "-y", "-loglevel", "error", *raw, *even, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stderr
        try:
            for frame in itertools.chain([first], rest):
                process.stdin.write(frame.convert("RGB").tobytes())
            process.stdin.close()
        except BrokenPipeError:  # it has given up, and says why below
            pass
        complaint = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise RuntimeError(f"ffmpeg: {complaint.splitlines()[-1] if complaint else process.returncode}")
