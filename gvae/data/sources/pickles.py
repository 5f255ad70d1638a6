"""The plain data in a pickle: numbers, text, lists, dicts, tuples, arrays of bytes; nothing that it names is called.

A pickle is a program, and Python's reader calls whatever the program names. Here the reader finds only the names with
which numpy writes an array, and in their place records of what was asked for: nothing is imported, called or allocated on
the word of the file. The few things that the reader does without asking for a name are looked for before (`_check`).

Pickle protocol version 4 (Pitrou, 2013) https://peps.python.org/pep-3154/
"""

from __future__ import annotations

import math
import pickle
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
OPCODES = (
    "PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT SHORT_BINSTRING BINSTRING "
    "SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8 EMPTY_LIST APPEND APPENDS "
    "EMPTY_DICT SETITEM SETITEMS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET "
    "GLOBAL STACK_GLOBAL REDUCE BUILD"
)
"""what writes data since protocol 2; none that makes objects of classes or takes them from a registry"""
TUPLES = 1_000
"""tuples at most, of which an array takes five"""


@dataclass
class Call:
    """A call that a pickle asks for; nobody makes it."""

    name: str
    """module and name of what it would call"""
    args: tuple
    """what it would hand over"""
    state: Any = None
    """what the result would be filled with"""

    def __setstate__(self, state: Any) -> None:
        """Keep what the result would be filled with."""
        self.state = state


class Name:
    """One of `NAMES`: what the reader gets in place of a function."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any) -> Call:
        """A record of the call."""
        return Call(self.name, args)

    def __setstate__(self, state: Any) -> None:
        """Refuse to be filled."""
        raise TypeError("it fills what was never called for")


class Reader(pickle.Unpickler):
    """Python's reader without a way to anything outside the file."""

    def find_class(self, module: str, name: str) -> Name:
        """A name, if it is one that data needs.

        Raises:
            NameError: it is not.
        """
        # the module was renamed in numpy 2
        whole = f"{module} {name}".replace("numpy._core.", "numpy.core.", 1)
        if whole not in NAMES:
            raise NameError(f"{module}.{name}")
        return Name(whole)


def loads(data: bytes, where: Path | str) -> Any:
    """The value that a pickle of protocol 2 or later describes, with `Call` records in place of objects.

    Args:
        data: the whole file.
        where: the file, for messages.

    Raises:
        GvaeError: a name that data has no use for, a file that is cut or damaged or would take more memory than it is long.

    >>> import pickle
    >>> loads(pickle.dumps({"labels": [3, 1], "names": ("a", b"b")}), "file")
    {'labels': [3, 1], 'names': ('a', b'b')}
    """
    try:
        _check(data)
        # read as the items of a list, so that values left over, or a mark without its end, are noticed
        (value,) = Reader(BytesIO(b"](" + data[:-1] + b"e."), encoding="latin1").load()
    except NameError as error:
        raise GvaeError(
            f"{where} asks for {str(error)[:60]!r}, for which data has no use: it may be an attack. Nothing in it was "
            "executed; do not open it with Python's pickle. Delete it and fetch it again"
        ) from error
    except Exception as error:  # the reader raises errors of every kind on damaged files
        raise GvaeError(
            f"{where} is no pickle of plain data, or is cut or corrupt ({str(error)[:120]}); nothing in it was "
            "executed. Delete it and fetch it again"
        ) from error
    return value


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


def _check(data: bytes) -> None:
    """Refuse what the reader would do without asking, before it begins.

    Raises:
        ValueError: an opcode that writes no data; more bytes announced than there are; a value remembered at a place far
            behind the others, up to which the reader would take memory; tuples so many that one in another in another,
            hashed as a key, would use up the stack of the process; something behind the end.
    """
    stream, tuples, known = BytesIO(data), 0, OPCODES.split()
    for count, (opcode, value, _) in enumerate(pickletools.genops(stream)):
        if opcode.name not in known:
            raise ValueError(f"opcode {opcode.name} is none of those that write data since protocol 2")
        if opcode.name.endswith("BINPUT") and int(value or 0) > count:
            raise ValueError(f"it remembers a value at place {value}, of {count} that it may have")
        tuples += opcode.name.startswith("TUPLE")
        if tuples > TUPLES:
            raise ValueError(f"it has more than {TUPLES} tuples")
    if stream.read(1):
        raise ValueError("something follows the end of its data")
