"""gvae walk RUN: a smooth walk through what the model can draw, as an animation without beginning or end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Interval

from gvae.commands import pictures
from gvae.commands.parsing import REQUIRED, WORD, parse
from gvae.errors import GvaeError
from gvae.plots import animation
from gvae.ranges import Seed
from gvae.runs import Run

LONGEST = 600
"""seconds that a walk may take"""


@dataclass(frozen=True)
class Walk:
    """Wander through the prior of a run: a closed, smooth walk through codes drawn from it. Inputs no data."""

    run: Annotated[Path, WORD] = REQUIRED
    """run folder"""
    seconds: Annotated[float, Interval(gt=0, le=LONGEST)] = 8.0
    """length, at 25 frames per second"""
    anchors: Annotated[int, Interval(ge=2, le=LONGEST * animation.FPS)] = 8
    """codes drawn from the prior, through which the walk leads"""
    label: str | None = None
    """class of what is drawn, by name or number; conditional models only"""
    attributes: str | None = None
    """attributes of what is drawn, between commas; models conditional on attributes only"""
    seed: Seed = 0
    """same seed, same walk"""
    out: Path | None = None
    """.gif, .webp or .mp4 file; RUN-walk.gif if not given"""


def run(words: list[str]) -> None:
    """Walk as the command line says."""
    args = parse(Walk(), words, "gvae walk")
    shortest = args.anchors / animation.FPS
    if args.seconds < shortest:
        raise GvaeError(f"--seconds is {args.seconds:g}; {args.anchors} anchors take at least {shortest:g} seconds")
    opened = Run.open(args.run)
    out = args.out or Path(f"{opened.path.resolve().name}-walk.gif")
    pictures.check_out(out, *animation.ENDINGS)
    from gvae.latent.walks import loop

    space = pictures.open_space(opened)
    y = pictures.condition(space.loaded, args.label, args.attributes, [])
    z = loop(space.draw(args.anchors, y, args.seed), round(args.seconds * animation.FPS))
    animation.save(pictures.frames(space, z, y), out)
    print(f"{len(z)} frames, {len(z) / animation.FPS:g} seconds, in {out}")
