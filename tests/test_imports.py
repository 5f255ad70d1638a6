"""Imports point one way, and what only answers --help loads no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "gvae"
LAYERS = (
    ("gvae.__version__", "errors", "types", "config", "presets", "seeding"),
    ("runs", "data", "nets", "losses", "priors"),
    ("models",),
    ("training",),
    ("api",),
    ("latent",),
    ("metrics",),
    ("evaluation",),
    ("report",),
    ("explorer",),
    ("commands", "quickstart", "cli", "gvae", "__main__"),
)
"""from the ground up; `gvae` is the package itself, which offers `load`"""
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
EXCEPTIONS = {
    ("training/pictures.py", "report"): "draws grids with report.figures, which knows arrays only",
    (
        "training/score.py",
        "metrics",
    ): "compares with metrics.features and metrics.frechet, which know arrays only",
    ("data/inspect.py", "report"): "draws the contact sheet with report.figures, inside a function",
    ("report/page.py", "gvae"): "prints the version",
    ("evaluation/compare.py", "report"): "writes the page that shows its table, inside a function",
    ("evaluation/reproduce.py", "report"): "writes the page of its runs, inside a function",
}


def imports(path: Path) -> Iterator[str]:
    """The part of gvae that each import of a file names; a version is not the package."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == "gvae":
                yield name if name == "gvae.__version__" else [*name.split("."), "gvae"][1]


def test_imports_point_one_way():
    against = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE)
        part = where.parts[0].removesuffix(".py")
        own = LEVEL["gvae" if part == "__init__" else part]
        against |= {(where.as_posix(), name) for name in imports(path) if LEVEL[name] > own}
    assert against == set(EXCEPTIONS)  # a new one needs its reason here; one that is gone leaves the list


def test_what_answers_help_loads_no_torch():
    modules = "gvae.cli, gvae.data, gvae.models, gvae.metrics, gvae.presets, gvae.quickstart"
    heavy = "{'torch', 'sklearn', 'matplotlib', 'torchmetrics', 'accelerate'}"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
