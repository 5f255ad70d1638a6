"""gvae show MODEL|RUN: what a model is, or how far a run has come."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from gvae.commands import docs, options
from gvae.commands.options import DataOptions
from gvae.commands.parsing import FLAT, REQUIRED, WORD, about_option, leaves, parse
from gvae.commands.text import directions_table, table
from gvae.errors import GvaeError, choose
from gvae.fields import flat
from gvae.models import MODELS, where
from gvae.presets import PRESETS, preset
from gvae.runs import Run


@dataclass(frozen=True)
class Show:
    """Tell what a model is (paper, options, presets, players), or how far a run has come."""

    what: Annotated[str, WORD] = REQUIRED
    """a model's name, or a run folder"""
    data: str = "digits"
    """models: the data whose images the players are built for"""
    preset: str | None = None
    """models: the preset whose values are shown"""
    folder: Annotated[DataOptions, FLAT] = field(default_factory=DataOptions)


def run(words: list[str]) -> None:
    """Show as the command line says."""
    args = parse(Show(), words, "gvae show")
    path = Path(args.what)
    if (path / "run.json").exists():
        show_run(Run.open(path))
    elif args.what in MODELS or (":" in args.what and not path.exists()):
        show_model(args)
    elif path.exists():
        Run.open(path)  # says what is wrong with it
    elif "/" in args.what:
        raise GvaeError(f"there is no run folder {path}; `gvae train` makes one")
    else:
        choose("model or run folder", args.what, MODELS)


def show_model(args: Show) -> None:
    """A model: the head of its file, its options, its presets, its players on some data."""
    from gvae.commands.summary import player_lines
    from gvae.data import open_data
    from gvae.models import resolve

    changes = preset(args.what, args.preset)
    config, _ = options.defaults(args.what, changes)
    print(f"{docs.head(where(args.what).partition(':')[0])}\n")
    print("Options" + (f" with --preset {args.preset}" if args.preset else ""))
    print(table([(f"--{option.name}", str(option.value), about_option(option)) for option in leaves(config)]))
    for name, known in PRESETS.get(args.what, {}).items():
        print(f"\nPreset {name}: {known.about}")
        print(table([(f"--{option.replace('_', '-')}", str(value)) for option, value in known.changes.items()]))
    spec = open_data(args.data, args.folder.data_root, **args.folder.given()).spec
    print(f"\nPlayers on {spec.name}, {spec.channels} x {' x '.join(map(str, spec.shape))}")
    print("\n".join(player_lines(resolve(args.what), config, spec)))


def show_run(opened: Run) -> None:
    """A run: what, how far, the latest terms, the numbers."""
    rows = [
        ("run", str(opened.path)),
        ("model", opened.model),
        ("data", f"{opened.data}: {opened.spec.channels} x {' x '.join(map(str, opened.spec.shape))}"),
        ("budget", budget(opened)),
        ("seed", str(opened.train.seed)),
        ("options", json.dumps(opened.model_config)),
        *((name, text(value)) for name, value in flat(opened.about).items() if not name.startswith("data.")),
    ]
    print(table(rows))
    for title, lines in (("Latest terms", opened.log_rows()), ("Latest timing", opened.timing_rows())):
        if lines:
            print(f"\n{title}")
            print(table([(name, text(value)) for name, value in flat(lines[-1]).items()]))
    show_directions(opened)
    if opened.metrics.exists():
        from gvae.commands.evaluate import show_numbers

        show_numbers(opened)
    else:
        print(f"\nNot measured yet: gvae evaluate {opened.path}")


def show_directions(opened: Run) -> None:
    """The directions that a run keeps, learned ones and components, or why they are good for nothing."""
    if not opened.directions_about.exists():
        return
    from gvae.latent.store import kept

    print("\nDirections, for gvae edit")
    try:
        directions = list(kept(opened).values())
    except GvaeError as error:
        print(f"  {error}")
        return
    for components in (False, True):
        if some := [d for d in directions if (d.method == "component") == components]:
            print(directions_table(some))


def budget(opened: Run) -> str:
    """What the training was given."""
    train = opened.train
    if train.images is None and train.minutes is not None:
        return f"{train.minutes:g} minutes"
    return f"{train.images or 0:,} images"


def text(value: Any) -> str:
    """A number as people read it.

    >>> text(1234567), text(0.123456)
    ('1,234,567', '0.1235')
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
