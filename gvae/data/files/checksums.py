"""Checksums, .npy headers and the notes that a preparation leaves for the call that goes on."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from gvae.errors import GvaeError


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
