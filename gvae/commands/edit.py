"""gvae edit RUN PICTURE --add NAME=ALPHA: a picture with an attribute added to its code, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from annotated_types import Interval

from gvae.commands import pictures
from gvae.commands.parsing import FLAT, REQUIRED, WORD, parse
from gvae.errors import GvaeError
from gvae.runs import Run


@dataclass(frozen=True)
class Edit:
    """Add attributes to a picture: the original as the network sees it, its reconstruction, then step by step.

    Directions are learned by `gvae attributes`; z0, z1, ... are the single components of the code.
    """

    run: Annotated[Path, WORD] = REQUIRED
    """run folder"""
    picture: Annotated[str, WORD] = REQUIRED
    """picture file, or an image of the run's data, as test:7"""
    add: str = REQUIRED
    """NAME=ALPHA, several between commas or by another --add; alpha 1 is the whole step, below 0 takes away"""
    steps: Annotated[int, Interval(ge=1, le=1_000)] = 5
    """pictures on the way to alpha"""
    out: Path | None = None
    """picture file; RUN-edit.png if not given"""
    given: Annotated[pictures.PictureOptions, FLAT] = field(default_factory=pictures.PictureOptions)


def run(words: list[str]) -> None:
    """Edit as the command line says."""
    args = parse(Edit(), joined(words, "--add"), "gvae edit")
    wanted = parse_edits(args.add)
    opened = Run.open(args.run)
    out = args.out or Path(f"{opened.path.resolve().name}-edit.png")
    pictures.check_out(out, *pictures.STILL)
    print(draw(opened, args, wanted, out))


def draw(opened: Run, args: Edit, wanted: list[tuple[str, float]], out: Path) -> str:
    """Write the strip and say what is on it."""
    import torch

    from gvae.latent.directions import add
    from gvae.latent.store import find
    from gvae.losses.reconstruction import mse
    from gvae.plots.grids import grid, save

    space = pictures.open_space(opened)
    vectors = torch.stack([find(opened, name, space.size) for name, _ in wanted])
    picture = pictures.read(opened, args.picture, args.given)
    y = pictures.condition(space.loaded, args.given.label, args.given.attributes, [picture])
    z = pictures.codes(space, picture.x, y, args.given.seed)
    shares = torch.linspace(0, 1, args.steps + 1)[:, None]
    x = space.decode(add(z, vectors, shares * torch.tensor([alpha for _, alpha in wanted])), y)
    save(grid(torch.cat([picture.x, x]), columns=len(x) + 1), out)
    error = float(mse(picture.x, x[:1]))
    names = ", ".join(f"{name} {alpha:+g}" for name, alpha in wanted)
    return (
        f"{args.picture}, its reconstruction (mean squared error per value on [0, 1]: {error:.2e}) and "
        f"{args.steps} steps to {names} in {out}"
    )


def parse_edits(text: str) -> list[tuple[str, float]]:
    """Names and alphas.

    Raises:
        GvaeError: not NAME=ALPHA, or an alpha that is no finite number.

    >>> parse_edits("Smiling=1.5, Male=-1")
    [('Smiling', 1.5), ('Male', -1.0)]
    """
    return [parse_edit(part.strip()) for part in text.split(",") if part.strip()] or [parse_edit(text)]


def parse_edit(text: str) -> tuple[str, float]:
    """Name and alpha of one NAME=ALPHA."""
    name, _, alpha = text.rpartition("=")
    try:
        value = float(alpha)
    except ValueError:
        value = math.nan
    if not name or not math.isfinite(value):
        raise GvaeError(f"--add is '{text}'; write NAME=ALPHA with a finite number, as in --add Smiling=1.5")
    return name.strip(), value


def joined(words: list[str], option: str) -> list[str]:
    """Words with all values of an option that is given several times put together, between commas.

    >>> joined(["--add", "a=1", "x", "--add=b=2"], "--add")
    ['x', '--add', 'a=1,b=2']
    """
    values, rest, following = [], [], iter(words)
    for word in following:
        if word.startswith(f"{option}="):
            values.append(word.removeprefix(f"{option}="))
        elif word == option and (value := next(following, None)) is not None:
            values.append(value)
        else:
            rest.append(word)
    return [*rest, option, ",".join(values)] if values else rest
