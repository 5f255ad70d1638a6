"""Code outside gvae: named as package.module:Name, or of a package that only an extra brings."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gvae.errors import GvaeError, choose


def load_object(where: str, what: str = "name") -> Any:
    """Import "package.module:name".

    Args:
        where: module and name.
        what: what it is the name of, for errors, such as "model".

    Raises:
        GvaeError: a path in place of a module, no such module, or no such name in it.
    """
    module, _, name = where.partition(":")
    refuse_path(module, name)
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise GvaeError(
            f"cannot import {module} of {what} '{where}' ({error}); give package.module:name, of a module that is "
            "installed or lies in the current folder"
        ) from error
    return getattr(found, choose(f"name in {module}", name, [n for n in vars(found) if not n.startswith("_")]))


def refuse_path(module: str, name: str) -> None:
    """Refuse a file's path where a module's name is wanted.

    Raises:
        GvaeError: what to type.

    >>> refuse_path("./lsgan.py", "LSGAN")
    Traceback (most recent call last):
    gvae.errors.GvaeError: './lsgan.py' is a file's path, not a module's name; type lsgan:LSGAN in its folder
    """
    path = Path(module)
    if path.suffix == ".py" or len(path.parts) > 1:
        raise GvaeError(f"'{module}' is a file's path, not a module's name; type {path.stem}:{name} in its folder")


def optional(module: str, what: str, extra: str) -> Any:
    """Import a module of a package that an extra of gvae brings.

    Args:
        what: what needs it, for the error: "reading scans needs".

    Raises:
        GvaeError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise GvaeError(f'{what} {package}, which is not installed; type: pip install "gvae[{extra}]"') from error


@contextlib.contextmanager
def current_folder() -> Iterator[None]:
    """Find modules in the current folder as well, after those that are installed, which they cannot hide."""
    here = os.getcwd()
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)
