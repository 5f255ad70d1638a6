"""The plain data in a pickle, read without running it: numbers, text, lists, dicts, tuples, arrays of bytes.

A pickle is a program, and Python's own reader calls whatever the program names. Here `pickletools` only cuts the
file into opcodes, and a small stack machine follows those that build data. A name stays a piece of text and a call
stays a record of what was asked for: nothing is imported, called or allocated on the word of the file. Of names,
only those with which numpy writes an array are let through.

Pickle protocol version 4 (Pitrou, 2013) https://peps.python.org/pep-3154/
"""

from __future__ import annotations

import math
import pickletools
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from gvae.errors import GvaeError

ARRAY, BUFFER, DTYPE, ENCODE = (
    "numpy.core.multiarray _reconstruct",
    "numpy.core.numeric _frombuffer",
    "numpy dtype",
    "_codecs encode",
)
NAMES = (ARRAY, BUFFER, DTYPE, ENCODE, "numpy ndarray")
"""what may be named, as "module name": how numpy writes an array, and Python 3 the bytes of a Python 2 string"""

VALUES = (
    *(
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "BINFLOAT",
        "SHORT_BINSTRING",
        "BINSTRING",
        "SHORT_BINUNICODE",
    ),
    *("BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
)
"""opcodes whose argument is the value"""
EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
IGNORED = ("PROTO", "FRAME", "STOP")


@dataclass
class Call:
    """A call that a pickle asks for; nobody makes it."""

    name: str
    """module and name of what it would call"""
    args: tuple
    """what it would hand over"""
    state: Any = None
    """what the result would be filled with"""


class Name(str):
    """A module and a name in it, one of `NAMES`; text that merely reads like one is no `Name`."""


def loads(data: bytes, where: Path | str) -> Any:
    """The value that a pickle of protocol 2 or later describes, with `Call` records in place of objects.

    Args:
        data: the whole file.
        where: the file, for messages.

    Raises:
        GvaeError: a name that data has no use for, an opcode that builds no data, a cut or damaged file.

    >>> import pickle
    >>> loads(pickle.dumps({"labels": [3, 1], "names": ("a", b"b")}), "file")
    {'labels': [3, 1], 'names': ('a', b'b')}
    """
    machine, stream = _Machine(where), BytesIO(data)
    try:
        for opcode, value, _ in pickletools.genops(stream):
            machine.step(opcode.name, value)
        (result,) = machine.stack
        if machine.below or stream.read(1):
            raise ValueError("something follows the end of its data")
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise GvaeError(
            f"{where} is no pickle of plain data, or is cut or corrupt ({str(error)[:120]}); nothing in it was "
            "executed. Delete it and fetch it again"
        ) from error
    return result


def byte_array(value: Any) -> np.ndarray | None:
    """The uint8 array that a pickle describes, of any shape, read-only; None if it describes anything else.

    >>> import pickle
    >>> byte_array(loads(pickle.dumps(np.arange(6, dtype=np.uint8).reshape(2, 3)), "file")).tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    match value:
        case Call(name=n, state=(_, tuple(shape), Call(name=d, args=("u1", *_)), False, raw)) if n == ARRAY:
            pass
        case Call(name=n, args=(raw, Call(name=d, args=("u1", *_)), tuple(shape), "C")) if n == BUFFER:
            pass
        case _:
            return None
    raw = _bytes(raw)
    if d != DTYPE or raw is None or not all(type(side) is int and side >= 0 for side in shape):
        return None
    return np.frombuffer(raw, np.uint8).reshape(shape) if math.prod(shape) == len(raw) else None


def text(value: Any) -> Any:
    """Text of Python 2 and 3 alike: bytes become a string, anything else stays as it is."""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(raw: Any) -> bytes | None:
    """The content of an array in each of the three ways of writing it."""
    match raw:
        case Call(name=n, args=(str(letters), "latin1")) if n == ENCODE:
            raw = letters
    if isinstance(raw, str):
        try:
            return raw.encode("latin-1")
        except UnicodeEncodeError:
            return None
    return bytes(raw) if isinstance(raw, bytes | bytearray) else None


class _Machine:
    """Stack, marked stacks below it, and memo of a pickle."""

    def __init__(self, where: Path | str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.others = {
            "MARK": self._mark,
            "TUPLE": self._tuple,
            "APPEND": lambda: self._extend([self.stack.pop()]),
            "APPENDS": lambda: self._extend(self._marked()),
            "SETITEM": lambda: self._update(self._last(2)),
            "SETITEMS": lambda: self._update(self._marked()),
            "STACK_GLOBAL": lambda: self._name(" ".join(self._last(2))),
            "REDUCE": self._reduce,
            "BUILD": self._build,
        }

    def step(self, opcode: str, value: Any) -> None:
        """Follow one opcode with its argument."""
        if opcode in VALUES:
            self.stack.append(value)
        elif opcode in EMPTY:
            self.stack.append(EMPTY[opcode]())
        elif opcode in CONSTANTS:
            self.stack.append(CONSTANTS[opcode])
        elif opcode in TUPLES:
            self.stack.append(tuple(self._last(TUPLES[opcode])))
        elif opcode in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if value is None else value] = self.stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[value])
        elif opcode == "GLOBAL":
            self._name(value)
        elif opcode in self.others:
            self.others[opcode]()
        elif opcode not in IGNORED:
            raise ValueError(f"opcode {opcode} is none of those that write data since protocol 2")

    def _mark(self) -> None:
        """Begin a new stack."""
        self.below.append(self.stack)
        self.stack = []

    def _marked(self) -> list[Any]:
        """End the stack since the last mark."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def _tuple(self) -> None:
        """A tuple of what was stacked since the last mark."""
        items = self._marked()  # first: it changes which stack is the current one
        self.stack.append(tuple(items))

    def _last(self, count: int) -> list[Any]:
        """Take some values off the stack."""
        if len(self.stack) < count:
            raise IndexError("a value is missing")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def _extend(self, items: list[Any]) -> None:
        """Append to the list on top."""
        if type(self.stack[-1]) is not list:
            raise TypeError("it appends to what is no list")
        self.stack[-1].extend(items)

    def _update(self, items: list[Any]) -> None:
        """Set items of the dict on top; only text can be a key."""
        if type(self.stack[-1]) is not dict or not all(type(key) in (str, bytes) for key in items[::2]):
            raise TypeError("it sets items of what is no dict, or under what is no text")
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _name(self, name: str) -> None:
        """A name, if it is one that data needs."""
        name = name.replace("numpy._core.", "numpy.core.", 1)  # the module was renamed in numpy 2
        if name not in NAMES:
            raise GvaeError(
                f"{self.where} asks for {name[:60].replace(' ', '.')!r}, for which data has no use: it may be an "
                "attack. Nothing in it was executed; do not open it with Python's pickle. Delete it and fetch it again"
            )
        self.stack.append(Name(name))

    def _reduce(self) -> None:
        """Record a call."""
        name, args = self._last(2)
        if not isinstance(name, Name) or not isinstance(args, tuple):
            raise TypeError("it calls what has no name")
        self.stack.append(Call(str(name), args))

    def _build(self) -> None:
        """Record what an object would be filled with."""
        call, state = self._last(2)
        if not isinstance(call, Call):
            raise TypeError("it fills what was never called for")
        call.state = state
        self.stack.append(call)
