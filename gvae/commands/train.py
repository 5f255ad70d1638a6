"""gvae train MODEL --data NAME|PATH: one training, one run folder."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from gvae.commands import options
from gvae.commands.options import DataOptions, config_class
from gvae.commands.parsing import FLAT, REQUIRED, leaves, parse
from gvae.config import ModelConfig, TrainConfig, from_json, to_json
from gvae.errors import GvaeError
from gvae.models import MODELS
from gvae.presets import PRESETS, preset
from gvae.runs import free_folder

PROG = "gvae train"


@dataclass(frozen=True)
class What:
    """What is trained on, and where the run goes."""

    data: str = REQUIRED
    """a data set's name, or the path of a prepared data set or a folder of images"""
    out: Path | None = None
    """run folder; runs/DATA-MODEL-SEED if not given"""
    preset: str | None = None
    """named experiment whose options become the defaults"""
    dry_run: bool = False
    """print options, players and networks; train nothing"""


@dataclass(frozen=True)
class Train:
    """Everything that `gvae train` understands; `model` is of the class that the chosen model has."""

    what: Annotated[What, FLAT] = field(default_factory=What)
    train: Annotated[TrainConfig, FLAT] = field(default_factory=TrainConfig)
    model: Annotated[ModelConfig, FLAT] = field(default_factory=ModelConfig)
    folder: Annotated[DataOptions, FLAT] = field(default_factory=DataOptions)


def run(words: list[str]) -> None:
    """Train as the command line says."""
    if not words or words[0].startswith("-"):
        return without_model(words)
    model, rest = words[0], words[1:]
    changes = preset(model, options.peek(rest, "--preset"))
    config, train = options.defaults(model, changes)
    try:
        args = parse(Train(train=train, model=config), rest, f"{PROG} {model}", describe(model))
    except GvaeError as error:
        raise GvaeError(f"{error}{of_others(model, rest)}") from error
    return begin(model, args)


def of_others(model: str, words: list[str]) -> str:
    """Which models have an option that this one lacks: the end of a sentence, or nothing.

    >>> of_others("wgan", ["--data", "digits", "--clip-weigths", "1", "--penalty", "10"])
    '. --penalty is an option of ac-gan, ac-wgan, cgan, gan, gvae, wgan-gp'
    """
    known = {name: {option.name for option in leaves(config_class(name)())} for name in MODELS}
    typed = [word.split("=")[0] for word in words if word.startswith("--")]
    for word in typed if model in MODELS else ():
        others = sorted(name for name in MODELS if word[2:].replace("_", "-") in known[name])
        if others and model not in others:
            return f". {word} is an option of {', '.join(others)}"
    return ""


def describe(model: str) -> str:
    """Head of `gvae train MODEL --help`."""
    presets = [f"--preset {name}: {preset.about}." for name, preset in PRESETS.get(model, {}).items()]
    parts = [options.about(model), *presets, "The budget is --images or --minutes; 10 minutes if neither is given."]
    return "\n\n".join(textwrap.fill(part, 98) for part in parts)


def without_model(words: list[str]) -> None:
    """Answer `gvae train --help`, or say that the model is missing."""
    listing = "\n".join(f"  {name:<10}{options.about(name)}" for name in MODELS)
    if any(word in ("-h", "--help") for word in words):
        about = f"MODEL is one of\n\n{listing}\n\nor package.module:Class. Every model has:"
        parse(Train(), ["--help"], f"{PROG} MODEL", about)
    raise GvaeError(f"name the model first: `{PROG} MODEL --data NAME`. Models: {', '.join(sorted(MODELS))}")


def begin(model: str, args: Train) -> None:
    """Open the data, then train, or with --dry-run only look."""
    from gvae.data import open_data
    from gvae.models import resolve

    what, train = args.what, args.train
    one_budget(train.images, train.minutes)
    out = what.out or free_folder(what.data, model, train.seed)
    dataset = open_data(what.data, args.folder.data_root, **args.folder.given())
    # what was parsed is of a light twin of the model's own class
    config = from_json(resolve(model).Config, to_json(args.model))
    from gvae.training.checks import check

    check(config, train, dataset)
    if what.dry_run:
        from gvae.commands.summary import print_plan

        return print_plan(model, config, train, dataset.spec, out)
    from gvae.training import train as train_model

    for note in dataset.facts.get("notes", ()):
        print(f"note: {note}", file=sys.stderr)
    data = str(Path(what.data).resolve()) if Path(what.data).is_dir() else what.data
    steps = f"Run: {out}\nNext: gvae sample {out} -n 64    gvae evaluate {out}"
    finish(out, lambda: train_model(model, config, train, dataset, data, out), steps)
    return None


def one_budget(images: int | None, minutes: float | None) -> None:
    """Refuse two budgets.

    Raises:
        GvaeError: both are given.
    """
    if images is not None and minutes is not None:
        raise GvaeError("give --images or --minutes, not both: a training has one budget")


def finish(path: Path, action: Callable[[], object], steps: str, again: str = "") -> None:
    """Train, then say what to do next; after a signal leave with its exit code (130 for Ctrl-C).

    Args:
        path: run folder.
        action: the training.
        steps: what to say after it.
        again: the command that goes on after a signal; `gvae resume PATH` if not given.
    """
    from gvae.training.signals import Interrupted

    first = int(os.environ.get("RANK", "0")) == 0
    try:
        action()
    except Interrupted as stop:
        if first:
            print(
                f"gvae: stopped by {stop}, nothing is lost; go on with `{again or f'gvae resume {path}'}`",
                file=sys.stderr,
            )
        sys.exit(128 + stop.number)
    if first:
        print(steps)
