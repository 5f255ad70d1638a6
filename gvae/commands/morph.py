"""gvae morph RUN A B: from one picture to another, through codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Interval

from gvae.commands import pictures
from gvae.commands.parsing import FLAT, REQUIRED, WORD, parse
from gvae.plots import animation
from gvae.runs import Run

FRAMES = 50
"""steps of an animation, if not given; it goes there and back"""


@dataclass(frozen=True)
class Morph:
    """Change one picture into another, step by step on a path between their codes."""

    run: Annotated[Path, WORD] = REQUIRED
    """run folder"""
    a: Annotated[str, WORD] = REQUIRED
    """picture file, or an image of the run's data, as test:7"""
    b: Annotated[str, WORD] = REQUIRED
    """the other picture"""
    steps: Annotated[int, Interval(ge=2, le=10_000)] | None = None
    """pictures from one to the other, both included; 9 on a strip and 50 in an animation if not given"""
    path: Literal["auto", "linear", "spherical", "density"] = "auto"
    """way between the codes: straight, an arc around 0, or where the learned prior is dense, which is auto's if it can"""
    out: Path | None = None
    """.png for a strip with the originals at its ends; .gif, .webp or .mp4 for an animation; RUN-morph.png if not given"""
    given: Annotated[pictures.PictureOptions, FLAT] = field(default_factory=pictures.PictureOptions)


def run(words: list[str]) -> None:
    """Morph as the command line says."""
    args = parse(Morph(), words, "gvae morph")
    opened = Run.open(args.run)
    out = args.out or Path(f"{opened.path.resolve().name}-morph.png")
    pictures.check_out(out, *pictures.STILL, *animation.ENDINGS)
    print(draw(opened, args, out))


def draw(opened: Run, args: Morph, out: Path) -> str:
    """Write the strip or the animation and say what it is."""
    import torch

    from gvae.latent.paths import between
    from gvae.plots.grids import grid, save

    space = pictures.open_space(opened)
    both = [pictures.read(opened, word, args.given) for word in (args.a, args.b)]
    y = pictures.condition(space.loaded, args.given.label, args.given.attributes, both)
    kind = space.best_path if args.path == "auto" else args.path
    log_prob = space.log_density(y) if kind == "density" else None
    first, last = pictures.codes(space, torch.cat([picture.x for picture in both]), y, args.given.seed)
    moving = out.suffix.lower() in animation.ENDINGS
    z = between(kind, first, last, args.steps or (FRAMES if moving else 9), log_prob)
    if moving:
        animation.save(pictures.frames(space, torch.cat([z, z[1:-1].flip(0)]), y), out)
        return f"{len(z)} steps there and back ({kind}) in {out}"
    x = torch.cat([both[0].x, space.decode(z, y), both[1].x])
    save(grid(x, columns=len(x)), out)
    return f"{args.a}, {len(z)} steps ({kind}) and {args.b} in {out}"
