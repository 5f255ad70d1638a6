"""The options of a model, read without importing it, and the options that several verbs share.

A model's `Config` sits beside the model, in a file that imports torch. Importing torch takes seconds, and
--help has half of one; so the class `Config` alone is taken out of the file's source and executed with the
light imports that it needs. One that lies in a file of its own (`gvae_options`), which imports no torch, is imported.
"""

from __future__ import annotations

import ast
import itertools
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gvae.commands import docs
from gvae.config import ModelConfig, TrainConfig, with_changes
from gvae.data import ReadOptions, options_of
from gvae.imports import load_object
from gvae.models import where
from gvae.runs import Run

LIGHT = (
    "dataclasses",
    "typing",
    "collections",
    "collections.abc",
    "annotated_types",
    "gvae.config",
    "gvae.ranges",
    "gvae.types",
)
"""modules that a Config may need and that import in no time"""


@dataclass(frozen=True)
class DataOptions(ReadOptions):
    """Where data is found and how it is read."""

    data_root: Path | None = None
    """folder with data sets; without it the environment variable GVAE_DATA"""

    def for_run(self, run: Run, data: str) -> dict[str, Any]:
        """Options for `open_data`: data is read as the run's was, unless something else is asked for."""
        return {**options_of(run, data), **self.given()}


def config_class(model: str) -> type[ModelConfig]:
    """The `Config` of a model, without importing torch where the source allows it.

    Raises:
        GvaeError: no such model, or outside code that cannot be imported.
    """
    module = where(model).partition(":")[0]
    if ":" in model:  # outside code may define its Config anywhere
        return load_object(model, "model").Config
    return light_config(module) or load_object(where(model)).Config


def light_config(module: str) -> type[ModelConfig] | None:
    """Execute light imports, constants and the class `Config` of a module; None if that is not enough."""
    body = [node for node in docs.tree(module).body if _needed(node)]
    # dataclasses look their module up by name, but the real one may be imported later: ours does not stay
    shadow = types.ModuleType(module)
    before = sys.modules.get(module)
    sys.modules[module] = shadow
    try:
        exec(compile(ast.Module(body, []), module, "exec", dont_inherit=True), shadow.__dict__)
    except (NameError, AttributeError):  # built on something heavier than we know of
        return None
    finally:
        del sys.modules[module]
        if before is not None:
            sys.modules[module] = before
    return shadow.__dict__.get("Config")


def _needed(node: ast.stmt) -> bool:
    """Whether a statement at the top of a model's file is part of what its Config needs."""
    if isinstance(node, ast.ImportFrom):
        return node.module in LIGHT or str(node.module).endswith("_options")
    if isinstance(node, ast.Import):
        return all(alias.name in LIGHT for alias in node.names)
    if isinstance(node, ast.Assign):  # constants used as defaults
        return isinstance(node.value, ast.Constant | ast.Tuple)
    return isinstance(node, ast.ClassDef) and node.name == "Config"


def about(model: str) -> str:
    """First paragraph of the docstring of a model's file."""
    return docs.head(where(model).partition(":")[0]).split("\n\n")[0].replace("\n", " ")


def defaults(model: str, changes: dict[str, Any]) -> tuple[ModelConfig, TrainConfig]:
    """The model's and the training's options with `changes` (flat names, as `net.family`) in place.

    Raises:
        GvaeError: neither has an option of such a name, or a value is out of range.
    """
    return with_changes(config_class(model), changes)


def peek(words: list[str], option: str) -> str | None:
    """The value of an option before any parser exists, as `--preset paper` or `--preset=paper`.

    >>> peek(["--lr", "1", "--preset", "paper"], "--preset")
    'paper'
    """
    for word, following in itertools.pairwise([*words, ""]):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None
