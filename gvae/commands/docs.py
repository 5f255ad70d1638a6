"""What source files say about themselves, read without importing them: docstrings, strings under fields."""

from __future__ import annotations

import ast
import importlib.util
import itertools
from functools import cache
from pathlib import Path
from typing import Any


@cache
def tree(module: str) -> ast.Module:
    """The syntax tree of a module, found without importing it; empty if there is no source to be had."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.has_location or not str(spec.origin).endswith(".py"):
        return ast.Module([], [])
    return ast.parse(Path(str(spec.origin)).read_text(encoding="utf-8"))


def head(module: str) -> str:
    """The docstring of a module."""
    return ast.get_docstring(tree(module)) or ""


def field_docs(kind: type) -> dict[str, str]:
    """The strings under the fields of a dataclass and of what it is built on.

    >>> from gvae.config import ModelConfig
    >>> field_docs(ModelConfig)["lr"]
    'Adam step size'
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        for node in tree(base.__module__).body:
            if isinstance(node, ast.ClassDef) and node.name == base.__name__:
                found |= dict(_pairs(node.body))
    return found


def _pairs(body: list[ast.stmt]) -> Any:
    """Each annotated name that a string follows, with the string on one line."""
    for field, text in itertools.pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            yield field.target.id, " ".join(str(text.value.value).split())
