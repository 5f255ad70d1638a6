"""--help: complete, readable, and without the seconds that torch takes to import."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from gvae.cli import COMMANDS
from gvae.commands.options import config_class
from gvae.commands.parsing import about_option, leaves
from gvae.config import TrainConfig
from gvae.models import MODELS

HEAVY = ("torch", "numpy", "accelerate", "sklearn", "matplotlib", "torchmetrics", "PIL")

LINES = ["--help", "train --help", *(f"{verb} --help" for verb in COMMANDS), *(f"train {m} --help" for m in MODELS)]


def test_no_help_imports_anything_heavy():
    code = (
        "import sys, contextlib, io\n"
        "from gvae.cli import main\n"
        f"for line in {LINES!r}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as shown:\n"
        "        code = main(line.split())\n"
        f"    heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "    assert (code, heavy) == (0, []), (line, code, heavy)\n"
        "    assert len(shown.getvalue()) > 100, line\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr


def test_the_top_names_every_verb(gvae):
    answer = gvae("--help")
    assert answer.code == 0
    assert all(f"  gvae {verb} " in answer.out for verb in COMMANDS)
    assert gvae().out == answer.out


@pytest.mark.parametrize("model", MODELS)
def test_a_models_help_explains_every_option(gvae, model, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    answer = gvae("train", model, "--help")
    for option in [*leaves(config_class(model)()), *leaves(TrainConfig())]:
        assert re.search(rf"--{re.escape(option.name)}[ ,|]", answer.out), option.name
        about = about_option(option)
        assert about[:1] not in ("", "("), option.name
        assert about in " ".join(answer.out.replace("│", " ").split())


def test_help_tells_the_range_of_numbers(gvae, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    lines = gvae("train", "gan", "--help").out.splitlines()
    for option, told in [
        ("--lr ", "(above 0)"),
        ("--lr-decay ", "(0 to 1)"),
        ("--log-every ", "(at least 1)"),
        ("--smooth ", "(at least 0 and below 1)"),
        ("--seed ", "(0 to 4,294,967,295)"),
        ("--spacing ", "(above 0 and at most 1,000)"),
    ]:
        assert any(option in line and told in line for line in lines), option


def test_help_shows_a_presets_values(gvae, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    line = next(
        line for line in gvae("train", "gvae", "--preset=paper", "--help").out.splitlines() if "--batch " in line
    )
    assert "(default: 32)" in line


def test_version(gvae):
    import gvae as package

    assert gvae("--version").out == f"gvae {package.__version__}\n"


def test_every_sub_command_of_data_has_help(gvae):
    for name in ("list", "inspect", "prepare", "fetch"):
        answer = gvae("data", name, "--help")
        assert answer.code == 0
        assert answer.out.startswith(f"usage: gvae data {name}")
