"""Checksums, .npy headers and the notes that a preparation leaves for the call that goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from gvae.errors import GvaeError

CHUNK = 64 * 2**20
"""bytes of an array that are taken at a time"""


def of_files(names: Iterable[str], digests: Iterable[str], form: Mapping[str, Any]) -> str:
    """One checksum over files and what is made of them.

    Args:
        names, digests: of each file.
        form: what else decides the stored values; fits in JSON.

    >>> of_files(["a.png"], ["00"], {"size": 8}) == of_files(["a.png"], ["00"], {"size": 9})
    False
    """
    content = hashlib.sha256(json.dumps(form, sort_keys=True).encode())
    for name, digest in zip(names, digests, strict=True):
        content.update(f"\n{digest} {name}".encode("utf-8", "surrogateescape"))
    return f"sha256:{content.hexdigest()}"


def of_arrays(*arrays: Any) -> str:
    """One checksum over arrays (N, ...): types, shapes and values, some rows at a time.

    >>> of_arrays(np.zeros((2, 3), np.uint8)) == of_arrays(np.zeros((3, 2), np.uint8))
    False
    """
    content = hashlib.sha256()
    for array in arrays:
        content.update(f"{array.dtype.str} {array.shape}\n".encode())
        rows = max(1, CHUNK // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            content.update(np.ascontiguousarray(array[start : start + rows]).data)
    return f"sha256:{content.hexdigest()}"


def checksum(file: Path) -> str:
    """SHA-256 of an .npy file that `FileRows` finished: what its journal says, else computed."""
    journal = file.with_suffix(".json")
    known = read_note(journal) if journal.exists() else {}
    return known.get("sha256") or sha256(file)


def read_note(file: Path) -> dict[str, Any]:
    """What a preparation noted for a call that goes on.

    Raises:
        GvaeError: the note is damaged.
    """
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, OSError) as error:
        raise GvaeError(f"{file} is damaged ({error}); remove {file.parent} to start over") from error


def sha256(file: Path) -> str:
    """SHA-256 of a file of any length."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def npy_header(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    """The first bytes of an .npy file; their number does not depend on the number of rows.

    >>> len(npy_header((7, 8, 8, 1), np.dtype(np.uint8))), len(npy_header((3_000_000, 8, 8, 1), np.dtype(np.uint8)))
    (128, 128)
    """
    header = BytesIO()
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, about)
    return header.getvalue()


def gib(count: int) -> str:
    """A number of bytes for people.

    >>> gib(3 * 2**29), gib(5 * 2**20)
    ('1.5 GiB', '5.0 MiB')
    """
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
