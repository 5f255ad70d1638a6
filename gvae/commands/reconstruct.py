"""gvae reconstruct RUN --data NAME|PATH: originals above what encoder and generator make of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from gvae.commands.options import DataOptions
from gvae.commands.parsing import FLAT, REQUIRED, WORD, parse
from gvae.errors import GvaeError
from gvae.ranges import Drawn
from gvae.runs import Run


@dataclass(frozen=True)
class Reconstruct:
    """Show images of a data set above their reconstructions, and measure the error."""

    run: Annotated[Path, WORD] = REQUIRED
    """run folder"""
    data: str | None = None
    """a data set's name or path; what the run was trained on if not given"""
    n: Annotated[Drawn, "-n"] = 32
    """number of images"""
    split: Literal["test", "val", "train"] = "test"
    """which part of the data"""
    weights: Literal["last", "best"] = "last"
    """last: those at the end of training; best: those with the best score on validation images while it lasted"""
    changed_data: bool = False
    """use the run's own data although they have changed since it was trained"""
    out: Path | None = None
    """picture file; RUN-reconstructions.png if not given"""
    folder: Annotated[DataOptions, FLAT] = field(default_factory=DataOptions)


def run(words: list[str]) -> None:
    """Reconstruct as the command line says."""
    args = parse(Reconstruct(), words, "gvae reconstruct")
    opened = Run.open(args.run).using(args.weights)
    from gvae.data import open_data
    from gvae.data.identity import refuse_changed
    from gvae.loaded import load

    data = args.data or opened.data
    dataset = open_data(data, args.folder.data_root, **args.folder.for_run(opened, data))
    same_shape(opened, dataset.spec)
    if data == opened.data and not args.changed_data:
        refuse_changed(opened, dataset, "restore the data, or add --changed-data to use them as they are")
    loaded = load(opened)
    if not loaded.can("encode"):
        raise GvaeError(f"{opened.model} has no encoder, so it cannot reconstruct; vae and gvae can")
    batch = dataset.batch(dataset.split(args.split)[: args.n])
    again = loaded.reconstruct(batch.x, batch.y)
    out = args.out or Path(f"{opened.path.resolve().name}-reconstructions.png")
    print(write(batch.x, again, out))


def write(x: Any, again: Any, out: Path) -> str:
    """Write the pairs to a picture file and return one line with the error."""
    from gvae.losses.reconstruction import mse
    from gvae.plots.grids import pairs, save

    save(pairs(x, again), out)
    error = float(mse(x, again))
    return f"{len(x)} images in {out}; mean squared error per value on [0, 1]: {error:.2e}"


def same_shape(opened: Run, spec: Any) -> None:
    """Refuse data whose images the run's networks cannot take.

    Raises:
        GvaeError: other channels or another size.
    """
    mine, theirs = (opened.spec.channels, *opened.spec.shape), (spec.channels, *spec.shape)
    if mine != theirs:
        given, wanted = "x".join(map(str, theirs)), "x".join(map(str, mine))
        raise GvaeError(
            f"{opened.path} was trained on {wanted} images (channels, then sides), {spec.name} has {given}; "
            f"for a folder of images add --size {opened.spec.size}"
        )
