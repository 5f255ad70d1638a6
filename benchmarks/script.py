"""What all scripts have in common: their options, and the command that their rows record."""

from __future__ import annotations

import argparse
import shlex


def parser(doc: str | None, *, dry: bool = False) -> argparse.ArgumentParser:
    """A parser that describes itself with the first line of `doc` and knows --note; with `dry`, --dry too."""
    made = argparse.ArgumentParser(description=doc.splitlines()[0] if doc else None)
    made.add_argument("--note", default="", help="anything that a reader of the rows must know")
    if dry:
        made.add_argument("--dry", action="store_true", help="print what was measured and keep no row")
    return made


def typed(module: str, *words: object, **options: object) -> str:
    """The command that runs a script of this package with these words and options.

    >>> typed("speed.engine", data="mnist", rounds=9, seconds=2.0, sizes=[28, 64])
    'python -m benchmarks.speed.engine --data mnist --rounds 9 --seconds 2 --sizes 28 64'
    >>> typed("studies.contrast", "runs/my run")
    "python -m benchmarks.studies.contrast 'runs/my run'"
    """
    said = [f"python -m benchmarks.{module}", *(shlex.quote(str(word)) for word in words)]
    for name, value in options.items():
        said += [f"--{name.replace('_', '-')}", *map(plain, value if isinstance(value, list) else [value])]
    return " ".join(said)


def plain(value: object) -> str:
    """An option's value as it is typed.

    >>> plain(2.0), plain("a b")
    ('2', "'a b'")
    """
    return f"{value:g}" if isinstance(value, float) else shlex.quote(str(value))


def folder(words: str) -> str:
    """The name of a row as that of a folder.

    >>> folder("mnist, start 0.5, 6min, 0")
    'mnist--start-0.5--6min--0'
    """
    return "".join(c if c.isalnum() or c == "." else "-" for c in words)
