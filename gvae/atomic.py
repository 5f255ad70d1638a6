"""Files that survive a kill: whole ones, of which a reader sees old or new, never half, and JSON lines without a torn one.

Whole files are written beside their place, flushed to disk, then renamed.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gvae.errors import GvaeError


def write_atomic(path: Path, write: Callable[[str], Any]) -> None:
    """Let `write` fill a temporary file, flush it to disk, then rename it to `path`: readers see old or new, never half.

    Args:
        write: called with the temporary file's name.

    Raises:
        GvaeError: the disk is full or the folder cannot be written; an existing file at `path` stays intact.
    """
    handle, name = "", ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        write(name)
        with open(name, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except (OSError, RuntimeError) as error:  # torch and safetensors report a full disk as RuntimeError
        raise GvaeError(
            f"could not write {path}: {error}. Nothing was overwritten; free some space or choose another --out"
        ) from error
    finally:
        if name and os.path.exists(name):
            os.unlink(name)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_atomic(path, lambda name: Path(name).write_text(text, encoding="utf-8"))


def json_lines(path: Path) -> list[Any]:
    """Values of a file of JSON lines, without a line that is being written or that a kill cut short; [] without a file."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found
