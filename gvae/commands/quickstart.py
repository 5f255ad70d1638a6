"""gvae quickstart: the main job from end to end on built-in data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Interval

from gvae.commands.evaluate import show_numbers
from gvae.commands.parsing import parse
from gvae.commands.train import finish, one_budget
from gvae.config import TrainConfig
from gvae.ranges import Images, Minutes, Seed
from gvae.reproduce.quickstart import DATA, MINUTES, MODEL, SAMPLES, quickstart
from gvae.runs import numbered


@dataclass(frozen=True)
class Quickstart:
    """Train, sample, reconstruct and measure on built-in digits (1,797 scans of 8x8 pixels, no download).

    Takes less than two minutes on two cores and ends with a table of numbers.
    """

    out: Path = Path("gvae-quickstart")
    """folder for samples.png, reconstructions.png, report.html and the run"""
    minutes: Minutes | None = None
    """minutes of training; 1.1 if not given"""
    images: Images | None = None
    """training images, instead of minutes"""
    samples: Annotated[int, Interval(ge=2, le=10_000_000)] = SAMPLES
    """images drawn for the numbers"""
    seed: Seed = 0
    """same seed, same training"""


def run(words: list[str]) -> None:
    """Do everything, then say what to type next."""
    args = parse(Quickstart(), words, "gvae quickstart")
    one_budget(args.images, args.minutes)
    minutes = MINUTES if args.minutes is None and args.images is None else args.minutes
    train = TrainConfig(images=args.images, minutes=minutes, seed=args.seed)
    path = numbered(args.out / "run")
    print(f"Training {MODEL} on {DATA} into {path}", flush=True)
    finish(path, lambda: show_numbers(quickstart(args.out, train, args.samples)), next_steps(args.out, path))


def next_steps(out: Path, run: Path) -> str:
    """What there is to see, and what to type next."""
    return f"""
Look at  {out / "samples.png"}, {out / "reconstructions.png"} and, in a browser, {out / "report.html"}.
Next     gvae sample {run} -n 100 --out more.png
         gvae train gvae --data mnist --minutes 10    (first: gvae data fetch mnist)
         gvae train gvae --data PATH-OF-A-FOLDER-OF-IMAGES"""
