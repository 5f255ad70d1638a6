"""Dataclasses of options: their fields one by one, to and from JSON, checked. Imports no torch."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from gvae.errors import GvaeError, choose
from gvae.ranges import check_number, kind_of

T = TypeVar("T")

FLAT = "flat"
"""mark of a nested dataclass whose options are typed without its name"""
WORD = "word"
"""mark of what is typed without dashes"""


class Option(NamedTuple):
    """One field of a dataclass or of one nested in it."""

    path: tuple[str, ...]
    """names of the fields that lead to it"""
    name: str
    """as it is typed, without dashes before it"""
    hint: Any
    """its type, with its range"""
    value: Any
    owner: type
    """the dataclass that has the field"""

    @property
    def kind(self) -> Any:
        """Its type without range and None."""
        return kind_of(self.hint).type

    @property
    def marks(self) -> tuple[Any, ...]:
        """What is noted beside its type."""
        return kind_of(self.hint).marks

    @property
    def typed(self) -> str:
        """How the command line has it: --net.width, -n, or the bare name of a word."""
        short = [mark for mark in self.marks if str(mark).startswith("-")]
        return self.name if WORD in self.marks else short[0] if short else f"--{self.name}"


def leaves(start: Any, path: tuple[str, ...] = (), prefix: str = "") -> Iterator[Option]:
    """Every option of an instance of a dataclass, nested ones by their dotted name; `with_` is typed --with.

    >>> from gvae.config import ModelConfig
    >>> [option.typed for option in leaves(ModelConfig())][:5]
    ['--latent', '--lr', '--conditional', '--net.family', '--net.width']
    """
    kind = type(start)
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        hint, value = hints[field.name], getattr(start, field.name)
        name, here = f"{prefix}{spelled(field.name)}", (*path, field.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, here, prefix if FLAT in kind_of(hint).marks else f"{name}.")
        else:
            yield Option(here, name, hint, value, kind)


def spelled(name: str) -> str:
    """A field's name as it is typed.

    >>> spelled("log_every"), spelled("with_")
    ('log-every', 'with')
    """
    return name.rstrip("_").replace("_", "-")


def rebuild(start: T, values: dict[tuple[str, ...], Any], path: tuple[str, ...] = ()) -> T:
    """A copy of a dataclass with the leaves at these places."""
    changes = {}
    for field in dataclasses.fields(typing.cast(Any, start)):
        value, here = getattr(start, field.name), (*path, field.name)
        changes[field.name] = rebuild(value, values, here) if dataclasses.is_dataclass(value) else values[here]
    return dataclasses.replace(typing.cast(Any, start), **changes)


def check(config: T) -> T:
    """A dataclass of options, as it is, if each has its type and is in its range.

    Raises:
        GvaeError: the first that is not: what was given, what is allowed.

    >>> from gvae.config import TrainConfig
    >>> check(TrainConfig(lr_decay=2.0))
    Traceback (most recent call last):
    gvae.errors.GvaeError: --lr-decay is 2.0; it must be a finite number from 0 to 1
    """
    for option in leaves(config):
        read(option.hint, option.value, option.typed)
    return config


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A tree of mappings as one dict with dotted names.

    >>> flat({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def nested(names: Mapping[str, Any]) -> dict[str, Any]:
    """Inverse of `flat`.

    >>> nested({"a.b": 1, "c": 2})
    {'a': {'b': 1}, 'c': 2}
    """
    tree: dict[str, Any] = {}
    for name, value in names.items():
        *groups, last = name.split(".")
        place = tree
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
    return tree


def to_json(config: Any) -> dict[str, Any]:
    """A dataclass as a plain dict."""
    return dataclasses.asdict(config)


def from_json(kind: type[T], data: Mapping[str, Any], prefix: str = "") -> T:
    """Build a dataclass from a plain dict, strictly.

    Args:
        kind: the dataclass.
        data: values by the names of its fields; those that are missing keep their defaults.
        prefix: of the options' names in errors, such as "net.".

    Raises:
        GvaeError: an unknown key, with the nearest known one; a value of another type or out of range.

    >>> from gvae.config import NetConfig
    >>> from_json(NetConfig, {"width": 32}).width
    32
    >>> from_json(NetConfig, {"wdith": 32})
    Traceback (most recent call last):
    gvae.errors.GvaeError: there is no option 'wdith'; did you mean 'width'? Known: block, depth, family, spectral, up, width
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}  # pyright: ignore[reportArgumentType]
    hints = typing.get_type_hints(kind, include_extras=True)
    values = {}
    for name, value in data.items():
        choose("option", name, fields)
        values[name] = read(hints[name], value, f"--{prefix}{spelled(name)}")
    return kind(**values)


def read(hint: Any, value: Any, typed: str) -> Any:
    """`value` as what the type hint says.

    Raises:
        GvaeError: another type, no value of the list, or out of range.
    """
    kind, _, optional = kind_of(hint)
    if value is None and optional:
        return None
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return from_json(typing.cast(type, kind), value, f"{typed.lstrip('-')}.")
    if typing.get_origin(kind) is Literal:
        return _one_of(typing.get_args(kind), value, typed)
    if typing.get_origin(kind) is tuple and isinstance(value, tuple | list):
        return _each(typing.get_args(kind), value, typed)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 10**300 else float("inf")
    of: Any = typing.get_origin(kind) or kind
    if not isinstance(value, of) or (kind is int and isinstance(value, bool)):
        raise GvaeError(f"{typed} is {value!r}; it must be of type {of.__name__}")
    if kind in (int, float):
        check_number(hint, typing.cast(float, value), typed)
    return value


def _one_of(values: tuple[Any, ...], value: Any, typed: str) -> Any:
    """A value of a list."""
    if value not in values:
        choose(f"value of {typed}", str(value), map(str, values))
    return value


def _each(kinds: tuple[Any, ...], values: tuple[Any, ...] | list[Any], typed: str) -> tuple[Any, ...]:
    """The values of a tuple, each as its own type hint says."""
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(values)
    if len(kinds) != len(values):
        raise GvaeError(f"{typed} has {len(values)} values; it must have {len(kinds)}")
    return tuple(
        read(kind, value, f"{typed} {','.join(map(str, values))}: value {i}")
        for i, (kind, value) in enumerate(zip(kinds, values, strict=True), 1)
    )
