"""gvae data list | inspect | prepare | fetch: look at data sets and prepare them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from gvae.commands.options import DataOptions
from gvae.commands.parsing import FLAT, REQUIRED, WORD, parse
from gvae.data import DATASETS, default_root
from gvae.errors import GvaeError, choose
from gvae.ranges import Drawn


@dataclass(frozen=True)
class Inspect:
    """Print counts, sizes, value range and labels; write a picture of exactly what the network will see."""

    data: Annotated[str, WORD] = REQUIRED
    """a data set's name, or the path of a prepared data set or a folder of images"""
    n: Annotated[Drawn, "-n"] = 64
    """images on the contact sheet"""
    out: Path | None = None
    """contact sheet; DATA-contact-sheet.png if not given"""
    folder: Annotated[DataOptions, FLAT] = field(default_factory=DataOptions)


@dataclass(frozen=True)
class Prepare:
    """Write a data set as arrays that are mapped from disk, so that it may be larger than memory.

    Works on all cores. If it is stopped or killed, the same command goes on where it was.
    """

    data: Annotated[str, WORD] = REQUIRED
    """a data set's name, or the path of a folder of images"""
    out: Path = REQUIRED
    """new folder; give it to --data afterwards"""
    folder: Annotated[DataOptions, FLAT] = field(default_factory=DataOptions)


@dataclass(frozen=True)
class Fetch:
    """Download the official files of a data set and check them."""

    data: Annotated[str, WORD] = REQUIRED
    """a data set's name"""
    data_root: Path | None = None
    """folder they go to; without it the environment variable GVAE_DATA, else a folder in your cache"""


def run(words: list[str]) -> None:
    """Do what the word after `data` says."""
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
    else:
        ACTIONS[choose("command after `gvae data` called", words[0], ACTIONS)](words[1:])


def listing(words: list[str]) -> None:
    """Print the named data sets."""
    if any(word in ("-h", "--help") for word in words):
        return print("usage: gvae data list\n\nPrint the data sets that gvae knows by name, with their licences.")
    if words:
        raise GvaeError(f"`gvae data list` takes nothing more, got '{words[0]}'")
    for name, source in DATASETS.items():
        print(f"{name:<15}{source.about}\n{'':<15}licence: {source.licence}")
    print(f"\nFiles are looked for in {default_root()} (--data-root or GVAE_DATA choose another folder).")
    return None


def inspecting(words: list[str]) -> None:
    """Describe a data set and draw it."""
    args = parse(Inspect(), words, "gvae data inspect")
    from gvae.data import open_data
    from gvae.data.prepared.inspect import contact_sheet, describe, inspect

    dataset = open_data(args.data, args.folder.data_root, **args.folder.given())
    print(describe(inspect(dataset)))
    out = args.out or Path(f"{dataset.spec.name}-contact-sheet.png")
    print(f"Contact sheet: {contact_sheet(dataset, out, args.n)}")


def preparing(words: list[str]) -> None:
    """Write the prepared form."""
    args = parse(Prepare(), words, "gvae data prepare")
    from gvae.data import prepare

    try:
        dataset = prepare(args.data, args.out, args.folder.data_root, **args.folder.given())
    except KeyboardInterrupt:
        print("gvae: stopped; the same command goes on from there", file=sys.stderr)
        sys.exit(130)
    print(f"{len(dataset)} images in {args.out}")
    print(f"Next: gvae train gvae --data {args.out}")


def fetching(words: list[str]) -> None:
    """Download a data set."""
    args = parse(Fetch(), words, "gvae data fetch")
    from gvae.data.fetch import fetch

    source = DATASETS[choose("data set", args.data, DATASETS)]
    if source.files:
        print(f"{source.name}: {source.about}. Licence: {source.licence}. Cite: {source.citation}")
    for path in fetch(args.data, args.data_root):
        print(path)


ACTIONS: dict[str, Callable[[list[str]], None]] = {
    "list": listing,
    "inspect": inspecting,
    "prepare": preparing,
    "fetch": fetching,
}

USAGE = """usage: gvae data list
       gvae data inspect NAME|PATH [--out FILE.png]
       gvae data prepare NAME|PATH --out FOLDER
       gvae data fetch NAME [--data-root FOLDER]

list: the data sets known by name; inspect: what one holds, and what the network will see of it;
prepare: write it as memory-mapped arrays; fetch: download the official files and check them.
Each answers --help."""
