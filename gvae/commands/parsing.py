"""From words to a dataclass: tyro builds the parser, and every mistake becomes one `GvaeError`.

The dataclass is laid out flat first, each option with its reader and the string under its field: tyro then
has nothing to look up, and --help takes half the time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import typing
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from gvae.commands.docs import field_docs
from gvae.commands.values import reader
from gvae.errors import GvaeError, choose
from gvae.fields import FLAT, WORD, Option, check, leaves, rebuild
from gvae.ranges import in_words

__all__ = ["FLAT", "REQUIRED", "WORD", "about_option", "leaves", "parse", "rebuild"]

T = TypeVar("T")

REQUIRED: Any = tyro.MISSING
"""default of what must be given"""


def parse(start: T, words: Sequence[str], prog: str, about: str | None = None) -> T:
    """Read `words` into a dataclass.

    Args:
        start: an instance, whose values are the defaults; `REQUIRED` marks what must be given.
        words: the command line after the verb.
        prog: what was typed up to there, for the usage line.
        about: text at the top of --help; the dataclass's docstring if not given.

    Raises:
        GvaeError: an unknown option (with the nearest name), a missing one, or a value that cannot be read or is
            out of range.
        SystemExit: code 0, after --help.
    """
    options = {f"option_{index}": option for index, option in enumerate(leaves(start))}
    fields = [(key, *_field(option)) for key, option in options.items()]
    flat = dataclasses.make_dataclass("Options", fields, kw_only=True)
    shown = io.StringIO()
    try:
        with contextlib.redirect_stderr(shown):
            found, rest = tyro.cli(
                flat, prog=prog, description=about or type(start).__doc__, args=list(words), return_unknown_args=True
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        _refuse_unknown(options.values(), words, prog)
        raise GvaeError(f"{_sentence(shown.getvalue())}; see `{prog} --help`") from None
    if rest:
        _refuse_unknown(options.values(), rest, prog)
        raise GvaeError(f"`{prog}` does not understand '{rest[0]}'; see `{prog} --help`")
    return check(rebuild(start, {option.path: getattr(found, key) for key, option in options.items()}))


def about_option(option: Option) -> str:
    """The string under an option's field, and its range.

    >>> from gvae.config import TrainConfig
    >>> [about_option(option) for option in leaves(TrainConfig()) if option.name == "batch"]
    ['images per step, over all processes (1 to 1M)']
    """
    text = field_docs(option.owner).get(option.path[-1], "")
    words = in_words(option.hint)
    return f"{text} ({words})" if words else text


def _field(option: Option) -> tuple[Any, Any]:
    """Annotation and default of an option for tyro."""
    several = Ellipsis in typing.get_args(option.kind)  # tuple[X, ...]: any number of words
    mark = tyro.conf.arg(
        name=option.name,
        help=about_option(option),
        aliases=[option.typed] if option.typed.startswith("-") and option.typed[1] != "-" else None,
        help_behavior_hint="" if option.value is None or several else None,
        metavar=option.name.upper() if WORD in option.marks else None,
    )
    kind = bool if option.kind is bool else Annotated[object, _spec(option.kind, several)]
    kind = Annotated[kind, mark]  # pyright: ignore[reportInvalidTypeForm]
    if option.value is False:  # `--flag` alone; what is on by default shows `--flag` and `--no-flag`
        kind = tyro.conf.FlagCreatePairsOff[kind]
    kind = tyro.conf.Positional[kind] if WORD in option.marks else kind
    return kind, dataclasses.field() if option.value is REQUIRED else dataclasses.field(default=option.value)


def _spec(kind: Any, several: bool) -> PrimitiveConstructorSpec[Any]:
    """How tyro reads and prints a value of that type."""
    metavar, read = reader(typing.get_args(kind)[0] if several else kind)

    def build(words: list[str]) -> Any:
        return tuple(map(read, words)) if several else read(words[0])

    return PrimitiveConstructorSpec(
        nargs="*" if several else 1,
        metavar=metavar,
        instance_from_str=(lambda words: tuple(map(read, words))) if several else lambda words: read(words[0]),
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(value)],
    )


def _refuse_unknown(options: Any, words: Sequence[str], prog: str) -> None:
    """Raise for the first word that looks like an option and is none."""
    known = {f"--{option.name}" for option in options if WORD not in option.marks} | {"--help"}
    for word in words:
        name = word.split("=")[0].replace("_", "-")
        if name.startswith("--") and name.replace("--no-", "--", 1) not in known:
            choose(f"option of `{prog}` called", name, known)


def _sentence(frame: str) -> str:
    """The statement inside the frame that tyro draws around an error.

    >>> _sentence("╭─ Value error ─╮\\n│ Error parsing │\\n│ --lr: bad │\\n│ ───── │\\n│ more │\\n╰───╯")
    'Error parsing --lr: bad'
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", frame)
    lines = [line.strip("│ ").strip() for line in text.splitlines() if not line.startswith(("╭", "╰"))]
    rule = next((i for i, line in enumerate(lines) if line and set(line) == {"─"}), len(lines))
    return re.sub(r"\s+", " ", " ".join(lines[:rule])).strip().rstrip(".")
