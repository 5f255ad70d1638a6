"""Pictures that the user names: a file, or one of the run's own data; and what is drawn from codes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gvae.conditions import attribute_row, label_index
from gvae.errors import GvaeError
from gvae.ranges import Seed
from gvae.runs import Run

if TYPE_CHECKING:
    from torch import Tensor

    from gvae.latent.space import Space
    from gvae.loaded import Loaded

STILL = (".png", ".jpg", ".jpeg", ".tiff")
"""endings of a picture"""
SIDE = 256
"""pixels to which the frames of an animation are enlarged, about"""
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


class Picture(NamedTuple):
    """One image (1, C, *S) in [-1, 1], and its class (1,) or attributes (1, A) where they are known."""

    x: Tensor
    y: Tensor | None


def read(opened: Run, word: str, given: PictureOptions) -> Picture:
    """The picture that a word means: `test:7` is the eighth test image of the run's data, anything else a file.

    Raises:
        GvaeError: no such file or image, one that cannot be read, or a file for a run whose images are not square.
    """
    match = re.fullmatch(r"(train|val|test):(\d+)", word)
    if match:
        return from_data(opened, match[1], int(match[2]), given.data_root)
    return from_file(opened, Path(word), given.fit)


def from_data(opened: Run, split: str, number: int, root: Path | None) -> Picture:
    """One image of the run's own data."""
    from gvae.evaluation.evaluate import open_reference

    dataset = open_reference(opened, None, root, changed=True)  # a picture, no number
    indices = dataset.split(split)
    if number >= len(indices):
        raise GvaeError(
            f"{opened.data} has no image {split}:{number}; give {split}:0 to {split}:{len(indices) - 1}"
        )
    batch = dataset.batch(indices[number : number + 1])
    return Picture(batch.x, batch.y)


def from_file(opened: Run, path: Path, fit: str | None) -> Picture:
    """A picture file, read as the run's data was: size, fit, channels; black and white where that was."""
    from dataclasses import replace

    from gvae.data.arrays.pixels import decode
    from gvae.data.dataset import Dataset

    spec, path = opened.spec, path.expanduser()
    if spec.spatial != 2 or len(set(spec.shape)) > 1:
        sides = " x ".join(map(str, spec.shape))
        raise GvaeError(
            f"{opened.path} makes images of {sides}, to which a picture file cannot be brought; name one of its data, "
            "as test:0"
        )
    if not path.is_file():
        raise GvaeError(f"there is no picture {path}; give a file, or an image of the run's data as test:0")
    try:
        pixels = decode(path, spec.size, fit or reading(opened).get("fit", "crop"), spec.channels)
    except Exception as error:  # Pillow raises errors of every kind on damaged files
        raise GvaeError(
            f"{path} cannot be read as a picture ({error}); give a PNG, JPEG, WebP, TIFF or BMP file"
        ) from error
    plain = replace(spec, classes=(), attributes=(), low=0.0, high=255.0, binary="")
    x = Dataset(plain, pixels[None]).batch([0]).x
    return Picture(x.sign() if spec.binary else x, None)  # no gray level is 0


def reading(opened: Run) -> dict[str, Any]:
    """How the run's data was read: the options for a folder of images."""
    fit = opened.about.get("data", {}).get("options", {}).get("fit")
    return {"size": opened.spec.size, "channels": opened.spec.channels, **({"fit": fit} if fit else {})}


def told(loaded: Loaded, label: str | None, attributes: str | None, pictures: list[Picture]) -> Tensor | None:
    """What a conditional model is told, (1,) or (1, A): what the command line says, else what the data says.

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
    why = "the pictures are of several kinds" if known else "nothing says what to tell it"
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

        def tell(step: int, steps: int) -> None:
            progress.update(task, completed=step, total=steps)

        return space.encode(x, y, seed, inversion.SEARCH, tell)


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


def frames(space: Space, z: Tensor, y: Tensor | None) -> Iterator[Any]:
    """One picture after the other of codes (N, Z), some decoded at a time."""
    from gvae.plots.grids import grid

    for part in z.split(AT_ONCE):
        for image in space.decode(part, y).split(1):
            yield grid(image, scale=max(1, SIDE // image.shape[-1]))
