"""Imports point one way, from the ground up and without circles, and what only answers --help loads no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gvae"
LAYERS = """
errors types imports ranges fields config presets version seeding atomic plots runs conditions losses metrics
data.files data.arrays data.options data.dataset data.splits data.prepared data.images data.ct data.sources
data.registry data.open data.fetch data
nets distributions priors models training loaded latent evaluation report reproduce explorer commands cli __main__ api gvae
"""
ORDER = LAYERS.split()
"""parts of the package; each imports from those before it and from itself only"""


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    named = {".".join(("gvae", *p.relative_to(PACKAGE).with_suffix("").parts)): p for p in PACKAGE.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in sorted(named.items())}


MODULES = modules()


def imported(path: Path) -> set[str]:
    """The modules of gvae that a file imports, inside functions and for types too."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports in full"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {longest(name) for name in names if name.split(".")[0] == "gvae"}


def longest(name: str) -> str:
    """The module that holds a dotted name."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def part(module: str) -> str:
    """The entry of `ORDER` that a module belongs to: the longest that begins its name."""
    name = module.removeprefix("gvae.")
    return max((p for p in ORDER if name == p or name.startswith(f"{p}.")), key=len)


GRAPH = {name: imported(path) for name, path in MODULES.items()}


def test_imports_point_one_way():
    level = {name: k for k, name in enumerate(ORDER)}
    upwards = {
        f"{name} <- {other}"
        for name, found in GRAPH.items()
        for other in found
        if level[part(other)] > level[part(name)]
    }
    assert not upwards


def test_there_are_no_import_circles():
    TopologicalSorter(GRAPH).prepare()  # raises CycleError, which names the circle


def test_every_part_of_the_order_exists():
    assert {part(name) for name in MODULES} == set(ORDER)


@pytest.mark.parametrize("folder", ["data"])
def test_files_stay_short(folder):
    long = {str(p): n for p in (PACKAGE / folder).rglob("*.py") if (n := p.read_text().count("\n")) > 250}
    assert not long


def test_what_answers_help_loads_no_torch():
    modules = "gvae.cli, gvae.data, gvae.models, gvae.metrics, gvae.presets, gvae.reproduce.quickstart"
    heavy = "{'torch', 'sklearn', 'matplotlib', 'torchmetrics', 'accelerate'}"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
