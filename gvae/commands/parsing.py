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
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from gvae.commands.docs import field_docs
from gvae.commands.values import inner, reader
from gvae.errors import GvaeError, choose

T = TypeVar("T")

FLAT = "flat"
"""mark of a nested dataclass whose options are typed without its name"""
WORD = "word"
"""mark of what is typed without dashes"""
REQUIRED: Any = tyro.MISSING
"""default of what must be given"""


class Option(NamedTuple):
    """One leaf of a dataclass: where it is, how it is typed, what it means."""

    path: tuple[str, ...]
    name: str
    kind: Any
    marks: tuple[str, ...]
    value: Any
    about: str


def leaves(start: Any, path: tuple[str, ...] = (), prefix: str = "") -> Iterator[Option]:
    """Every option of an instance of a dataclass, nested ones by their dotted name; `with_` is typed --with.

    >>> from gvae.config import ModelConfig
    >>> [option.name for option in leaves(ModelConfig())]
    ['latent', 'lr', 'conditional', 'net.family', 'net.width', 'net.depth', 'net.spectral', 'net.block', 'net.up']
    """
    kind = type(start)
    hints, docs = typing.get_type_hints(kind, include_extras=True), field_docs(kind)
    for field in dataclasses.fields(kind):
        hint, marks = hints[field.name], ()
        if typing.get_origin(hint) is Annotated:
            hint, *marks = typing.get_args(hint)
        value, name = getattr(start, field.name), f"{prefix}{field.name.rstrip('_').replace('_', '-')}"
        here = (*path, field.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, here, prefix if FLAT in marks else f"{name}.")
        else:
            yield Option(here, name, hint, tuple(marks), value, docs.get(field.name, ""))


def rebuild(start: T, values: dict[tuple[str, ...], Any], path: tuple[str, ...] = ()) -> T:
    """A copy of a dataclass with the leaves at these places."""
    changes = {}
    for field in dataclasses.fields(typing.cast(Any, start)):
        value, here = getattr(start, field.name), (*path, field.name)
        changes[field.name] = (
            rebuild(value, values, here) if dataclasses.is_dataclass(value) else values[here]
        )
    return dataclasses.replace(typing.cast(Any, start), **changes)


def parse(start: T, words: Sequence[str], prog: str, about: str | None = None) -> T:
    """Read `words` into a dataclass.

    Args:
        start: an instance, whose values are the defaults; `REQUIRED` marks what must be given.
        words: the command line after the verb.
        prog: what was typed up to there, for the usage line.
        about: text at the top of --help; the dataclass's docstring if not given.

    Raises:
        GvaeError: an unknown option (with the nearest name), a missing one, or a value that cannot be read.
        SystemExit: code 0, after --help.
    """
    options = {f"option_{index}": option for index, option in enumerate(leaves(start))}
    fields = [(key, *_field(option)) for key, option in options.items()]
    flat = dataclasses.make_dataclass("Options", fields, kw_only=True)
    shown = io.StringIO()
    try:
        with contextlib.redirect_stderr(shown):
            found, rest = tyro.cli(
                flat,
                prog=prog,
                description=about or type(start).__doc__,
                args=list(words),
                return_unknown_args=True,
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        _refuse_unknown(options.values(), words, prog)
        raise GvaeError(f"{_sentence(shown.getvalue())}; see `{prog} --help`") from None
    if rest:
        _refuse_unknown(options.values(), rest, prog)
        raise GvaeError(f"`{prog}` does not understand '{rest[0]}'; see `{prog} --help`")
    return rebuild(start, {option.path: getattr(found, key) for key, option in options.items()})


def _field(option: Option) -> tuple[Any, Any]:
    """Annotation and default of an option for tyro."""
    several = typing.get_origin(option.kind) is tuple
    mark = tyro.conf.arg(
        name=option.name,
        help=option.about,
        aliases=[mark for mark in option.marks if mark.startswith("-")] or None,
        help_behavior_hint="" if option.value is None or several else None,
        metavar=option.name.upper() if WORD in option.marks else None,
    )
    kind = bool if inner(option.kind) is bool else Annotated[object, _spec(option.kind, several)]
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
        instance_from_str=(lambda words: tuple(map(read, words)))
        if several
        else lambda words: read(words[0]),
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
