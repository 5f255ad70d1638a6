"""gvae resume RUN: go on where a run stopped, or beyond its budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from gvae.commands.options import DataOptions
from gvae.commands.parsing import FLAT, REQUIRED, WORD, parse
from gvae.commands.train import finish, one_budget
from gvae.ranges import Images, Minutes
from gvae.runs import Run


@dataclass(frozen=True)
class Resume:
    """Go on with a training: to the end of its budget, or to a larger one.

    A run that was killed continues exactly as if it had not been.
    """

    run: Annotated[Path, WORD] = REQUIRED
    """run folder"""
    images: Images | None = None
    """new budget in training images, counted from the very start"""
    minutes: Minutes | None = None
    """new budget in minutes of training, counted from the very start"""
    data: str | None = None
    """where the data set is now, if it has moved"""
    folder: Annotated[DataOptions, FLAT] = field(default_factory=DataOptions)


def run(words: list[str]) -> None:
    """Resume as the command line says."""
    args = parse(Resume(), words, "gvae resume")
    one_budget(args.images, args.minutes)
    opened = Run.open(args.run)
    from gvae.data import open_data
    from gvae.training import resume

    data = args.data or opened.data
    dataset = open_data(data, args.folder.data_root, **args.folder.for_run(opened, data))
    finish(opened.path, lambda: resume(opened, dataset, args.images, args.minutes), f"Run: {opened.path}")
