"""gvae attributes RUN: learn directions in the space of codes, and keep them in the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from gvae.commands import pictures
from gvae.commands.options import DataOptions
from gvae.commands.parsing import FLAT, REQUIRED, WORD, parse
from gvae.commands.reconstruct import same_shape
from gvae.commands.text import directions_table
from gvae.errors import GvaeError
from gvae.ranges import Images, Seed, Units
from gvae.runs import Run

if TYPE_CHECKING:
    from gvae.data.dataset import Dataset
    from gvae.latent.directions import Direction
    from gvae.latent.space import Space


@dataclass(frozen=True)
class Attributes:
    """Learn directions that add an attribute to an image's code, and keep them in the run for `gvae edit`.

    From labelled data, from two folders of images (--with, --without), or without labels (--components).
    """

    run: Annotated[Path, WORD] = REQUIRED
    """run folder"""
    data: str | None = None
    """a data set's name or path; what the run was trained on if not given"""
    names: str | None = None
    """attributes or classes of the data, between commas; all that enough images have if not given"""
    method: Literal["mean", "logistic", "regression"] = "mean"
    """difference of mean codes; normal of a separating plane; or what each attribute adds with all others held equal"""
    with_: Path | None = None
    """folder of images with an attribute"""
    without: Path | None = None
    """folder of images without it"""
    name: str | None = None
    """what to call it; the name of the folder --with if not given"""
    components: Units | None = None
    """so many principal components of the codes that change the picture most, as pc1, pc2, ..."""
    images: Images = 10_000
    """training images to read, at most; mean stops when its differences have settled"""
    seed: Seed = 0
    """which images, in which order"""
    folder: Annotated[DataOptions, FLAT] = field(default_factory=DataOptions)


def run(words: list[str]) -> None:
    """Learn as the command line says."""
    args = parse(Attributes(), words, "gvae attributes")
    check(args)
    opened = Run.open(args.run)
    from gvae.latent.store import keep

    directions = found(pictures.open_space(opened), args)
    gone = keep(opened, directions)
    print(directions_table(directions))
    if gone:
        print(f"Dropped, since the run was trained on after they were learned: {', '.join(gone)}")
    print(f"Kept in {opened.directions}. Next: gvae edit {opened.path} PICTURE --add {directions[0].name}=1")


def check(args: Attributes) -> None:
    """Refuse options that do not go together.

    Raises:
        GvaeError: which, and what to type.
    """
    if (args.with_ is None) != (args.without is None):
        raise GvaeError("--with and --without go together: a folder of images with the attribute and one without")
    if args.with_ and (args.names or args.data or args.components):
        raise GvaeError("--with and --without are in place of --data, --names and --components; leave those out")
    if args.name and not args.with_:
        raise GvaeError("--name is for --with and --without; attributes of a data set keep their names")
    if args.name and set(args.name) & set("=,"):
        raise GvaeError(f"--name is '{args.name}'; it must not contain = or a comma")


def found(space: Space, args: Attributes) -> list[Direction]:
    """Directions from where the command line says."""
    from gvae.latent import learning
    from gvae.latent.directions import LEAST

    config = learning.DirectionConfig(args.method, args.images, args.seed, progress)
    if args.with_ and args.without:
        with_, without = (opened_data(space, args, f"folder:{folder}") for folder in (args.with_, args.without))
        name, data = args.name or args.with_.name, f"{args.with_}, {args.without}"
        return learning.from_sets(space, name, data, with_, without, config)
    dataset = opened_data(space, args, args.data or space.loaded.run.data)
    if args.components is not None:
        return learning.from_components(space, dataset, args.components, config)
    names = [name.strip() for name in (args.names or "").split(",") if name.strip()]
    directions, left = learning.from_labels(space, dataset, names, config)
    if left:
        print(f"Left out, with fewer than {LEAST} images with or without: {', '.join(left)}")
    return directions


def opened_data(space: Space, args: Attributes, data: str) -> Dataset:
    """A data set, brought to the run's size; folders of pictures to the run's shape, as single pictures are."""
    from gvae.data import open_data
    from gvae.latent.pictures import folder_options

    run = space.loaded.run
    options = folder_options(run) if data.startswith("folder:") else {}
    dataset = open_data(data, args.folder.data_root, **{**options, **args.folder.for_run(run, data)})
    same_shape(run, dataset.spec)
    return dataset


def progress(blocks: range) -> Iterator[int]:
    """Blocks with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return iter(track(blocks, "codes", console=console, transient=True, disable=not console.is_terminal))
