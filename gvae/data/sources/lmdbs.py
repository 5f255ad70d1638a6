"""LMDB files as lists of encoded images; a damaged file is refused before it can end the process.

LMDB maps its file into memory and trusts it: of a cut file or a page of zeros it dies with a signal. So the length is
compared with what the header says, and the keys are listed by a process of its own.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

from gvae.data.arrays.items import Entries, Packed
from gvae.errors import GvaeError
from gvae.imports import optional

FILE = "data.mdb"
"""name of the file in an LMDB's folder"""
AGAIN = "copy or download it again"
KEYS = """
import os, sys, lmdb
with lmdb.open(sys.argv[1], readonly=True, lock=False) as base:
    needed = (base.info()["last_pgno"] + 1) * base.stat()["psize"]
    length = os.path.getsize(os.path.join(sys.argv[1], "data.mdb"))
    if length < needed:
        sys.exit(f"it is cut: {length} of {needed} bytes")
    with base.begin() as part, part.cursor() as cursor:
        for key in cursor.iternext(keys=True, values=False):
            print(key.hex())
"""
"""compares the length and prints the keys in hexadecimal"""
OPEN: dict[Path, Any] = {}
"""the LMDBs that this process has open; they are read-only and without lock, so a fork may go on with them"""
OPENING = threading.Lock()
"""LMDB refuses to open a file twice in one process"""


def lmdb_items(folder: Path, prefix: str = "") -> Entries:
    """The entries of an LMDB, sorted by key; nothing is written, not even a lock.

    Args:
        prefix: what stands before each key in messages.

    Raises:
        GvaeError: the package lmdb is missing; a file that is empty, cut, corrupt or not an LMDB; no entries.
    """
    _lmdb()
    OPEN.pop(folder, None)  # the file may be another since it was opened
    keys = _keys(folder)
    if not keys:
        raise GvaeError(f"{folder / FILE} holds no images; {AGAIN}")
    return Entries(keys, functools.partial(read, folder), prefix)


def _keys(folder: Path) -> Packed:
    """The keys, as another process lists them, line by line: millions of them fit into memory only when packed."""
    keys = Packed()
    words = [sys.executable, "-c", KEYS, str(folder)]
    with (
        tempfile.TemporaryFile("w+") as told,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=told, text=True) as lister,
    ):
        assert lister.stdout is not None
        for line in lister.stdout:
            keys.append(bytes.fromhex(line))
        if lister.wait():
            told.seek(0)
            last = (told.read().strip().splitlines() or [f"ended by signal {-lister.returncode}"])[-1]
            raise GvaeError(f"{folder / FILE} is damaged ({last}); {AGAIN}")
    return keys


def read(folder: Path, key: bytes) -> BytesIO:
    """The value of a key.

    Raises:
        KeyError: no such key, or damage.
    """
    with _base(folder).begin(buffers=True) as part:
        value = part.get(key)
        if value is None:
            raise KeyError(f"{folder / FILE} has no longer the key {key!r}")
        return BytesIO(value)


def _base(folder: Path) -> Any:
    """The open LMDB."""
    if folder not in OPEN:  # without the lock, which a fork might take along
        with OPENING:
            if folder not in OPEN:
                OPEN[folder] = _open(folder)
    return OPEN[folder]


def _open(folder: Path) -> Any:
    """Open an LMDB for reading."""
    lmdb = _lmdb()
    try:
        return lmdb.open(str(folder), readonly=True, lock=False, readahead=False)
    except (lmdb.Error, OSError) as error:
        raise GvaeError(f"{folder / FILE} cannot be opened ({error}); {AGAIN}") from error


def _lmdb() -> Any:
    """The package, which is optional."""
    return optional("lmdb", "LSUN's files need the package", "lsun")
