"""Pictures that the command line names, their condition and their codes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gvae.conditions import attribute_row, label_index
from gvae.errors import GvaeError
from gvae.ranges import Seed
from gvae.runs import Run
from gvae.types import Batch

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from gvae.latent.space import Space
    from gvae.loaded import Loaded

STILL = (".png", ".jpg", ".jpeg", ".tiff")
"""endings of a picture"""
AT_ONCE = 32
"""frames that are decoded together"""


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are read, and what is known about them."""

    label: str | None = None
    """class of the pictures, by name or number; conditional models only"""
    attributes: str | None = None
    """attributes of the pictures, between commas; models conditional on attributes only"""
    fit: Literal["crop", "pad", "stretch"] | None = None
    """how a picture that is not square is brought to size; as the run's data was if not given"""
    seed: Seed = 0
    """of the search for codes, where the model has no encoder"""
    data_root: Path | None = None
    """folder with data sets, for test:7; without it the environment variable GVAE_DATA"""


def read(opened: Run, word: str, given: PictureOptions) -> Batch:
    """The image (1, C, *S) that a word names: `test:7` is the eighth test image of the run's data, else it is a file.

    Its class (1,) or attributes (1, A) come with it where the data knows them.

    Raises:
        GvaeError: no such file or image, one that cannot be read, or a file for a run whose images are not square.
    """
    from gvae.evaluation.evaluate import open_reference
    from gvae.latent import pictures

    if match := re.fullmatch(r"(train|val|test):(\d+)", word):
        data = open_reference(opened, None, given.data_root, changed=True)  # a picture, no number
        return pictures.from_data(data, match[1], int(match[2]))
    path = Path(word).expanduser()
    if not path.is_file():
        raise GvaeError(f"there is no picture {path}; give a file, or an image of the run's data as test:0")
    pixels = pictures.read_pixels(path, opened, given.fit, str(path))
    return Batch(pictures.as_image(pixels, opened.spec), None)


def condition(loaded: Loaded, label: str | None, attributes: str | None, pictures: list[Batch]) -> Tensor | None:
    """Class (1,) or attributes (1, A) for a conditional model: from the command line, else from the data.

    Raises:
        GvaeError: nothing says it, the pictures are of several classes, or the model is not conditional.
    """
    import torch

    number, row = label_index(loaded.run, label), attribute_row(loaded.run, attributes)
    if not loaded.model.condition:
        return None
    if number is not None:
        return torch.tensor([number])
    if row is not None:
        return torch.tensor([row])
    known = [picture.y for picture in pictures if picture.y is not None]
    if known and all(torch.equal(y, known[0]) for y in known):
        return known[0]
    names = ", ".join(loaded.spec.conditions)[:80]
    option = "--label" if loaded.model.classes else "--attributes"
    why = "the pictures are of several kinds" if known else "no condition is given"
    raise GvaeError(f"{loaded.run.path} is conditional, and {why}; give {option}, of {names}")


def open_space(opened: Run) -> Space:
    """The codes of a run, ready to use."""
    from gvae.latent.space import Space
    from gvae.loaded import load

    return Space(load(opened.path))


def codes(space: Space, x: Tensor, y: Tensor | None, seed: int) -> Tensor:
    """Codes (B, Z) of pictures; where they have to be searched for, that is said, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from gvae.latent import inversion

    y = None if y is None else y.expand(len(x), *y.shape[1:])
    if space.loaded.can("encode"):
        return space.encode(x, y, seed)
    name = space.loaded.run.model
    print(f"{name} has no encoder: looking for codes by gradient descent, seed {seed}", file=sys.stderr)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("codes")

        def show(step: int, steps: int) -> None:
            progress.update(task, completed=step, total=steps)

        return space.encode(x, y, seed, inversion.SEARCH, show)


def check_out(out: Path, *endings: str) -> None:
    """Refuse a file that cannot be written as a picture or an animation, before anything is computed.

    Raises:
        GvaeError: another ending, or .mp4 without ffmpeg.
    """
    from gvae.plots.animation import ENDINGS, encoder

    if out.suffix.lower() not in endings:
        raise GvaeError(f"--out is {out}; its name must end in one of {', '.join(endings)}")
    if out.suffix.lower() in ENDINGS:
        encoder(out)


def frames(space: Space, z: Tensor, y: Tensor | None) -> Iterator[Image]:
    """The frames of an animation of codes (N, Z), some decoded at a time: a long walk would not fit into memory."""
    from gvae.plots import animation

    for part in z.split(AT_ONCE):
        yield from animation.frames(space.decode(part, y))
