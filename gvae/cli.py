"""The table of commands. A verb's module is imported when it is typed, so that --help needs no torch."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NamedTuple

from gvae.errors import GvaeError, choose
from gvae.imports import current_folder
from gvae.version import __version__


class Command(NamedTuple):
    """One verb: how it is typed, what it does, and the function that takes the words after it."""

    usage: str
    about: str
    target: str


COMMANDS: dict[str, Command] = {
    "quickstart": Command("[--out DIR]", "train, sample and measure on built-in digits: two minutes", "quickstart:run"),
    "train": Command("MODEL --data NAME|PATH", "train a model; one training is one run folder", "train:run"),
    "resume": Command("RUN", "go on where a run stopped, or beyond its budget", "resume:run"),
    "sample": Command("RUN -n 64", "draw new images from a run; needs no data", "sample:run"),
    "reconstruct": Command("RUN --data NAME|PATH", "originals above reconstructions", "reconstruct:run"),
    "attributes": Command("RUN --data NAME|PATH", "learn what adds an attribute to an image's code", "attributes:run"),
    "edit": Command("RUN PICTURE --add NAME=1.5", "add an attribute to a picture", "edit:run"),
    "morph": Command("RUN PICTURE PICTURE", "change one picture into another", "morph:run"),
    "walk": Command("RUN", "a smooth walk through what a run can draw; needs no data", "walk:run"),
    "explore": Command("RUN [RUN ...]", "move through the codes of runs, live in the browser", "explore:run"),
    "evaluate": Command("RUN", "measure a run; writes metrics.json into it", "evaluate:run"),
    "compare": Command("RUN RUN ...", "runs side by side: one table, one page", "compare:run"),
    "reproduce": Command("toy|likelihood|table3|...", "one of the papers' tables, ours beside theirs", "reproduce:run"),
    "show": Command("MODEL|RUN", "what a model is, or how far a run has come", "show:run"),
    "data": Command("list|inspect|prepare|fetch", "look at data sets and prepare them", "data:run"),
}


def usage() -> str:
    """The text of `gvae --help`."""
    rows = [(f"gvae {name} {command.usage}", command.about) for name, command in COMMANDS.items()]
    wide = max(len(left) for left, _ in rows)
    return "\n".join(
        [
            "Train, measure, compare and explore generative image models of the VAE and GAN family.",
            "",
            *(f"  {left:<{wide}}  {right}" for left, right in rows),
            "",
            "gvae VERB --help lists a verb's options; gvae train MODEL --help a model's. gvae --version.",
            "Data sets are looked for in --data-root, else in the folder that GVAE_DATA names.",
        ]
    )


def dispatch(words: list[str]) -> None:
    """Run the verb that `words` start with on the words after it."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
    elif words[0] == "--version":
        print(f"gvae {__version__}")
    else:
        module, function = COMMANDS[choose("command", words[0], COMMANDS)].target.split(":")
        getattr(importlib.import_module(f"gvae.commands.{module}"), function)(words[1:])
        sys.stdout.flush()


def main(words: list[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 done, 2 a mistake the user can mend, 130 interrupted."""
    try:
        with current_folder():
            dispatch(sys.argv[1:] if words is None else words)
    except GvaeError as error:
        print(f"gvae: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("gvae: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except SystemExit as stop:  # the parser leaves this way after --help
        return stop.code if isinstance(stop.code, int) else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
