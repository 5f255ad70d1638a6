"""Models, data and metrics of one's own, in a file in the current folder, as `gvae` on the path finds them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gvae.imports import current_folder

ROOT = Path(__file__).parents[2]
MINE = """
from gvae.models.vae import VAE
from gvae.data import open_data
from gvae.metrics.mse import METRIC
import shared_by_mine


class Mine(VAE):
    pass


def open_mine(root=None):
    return open_data("digits")
"""


def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`gvae` as its script is started: the current folder is not on Python's path."""
    code = "import sys; from gvae.cli import main; sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *words], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a module, and with one that has the name of a module of the standard library."""
    path = tmp_path_factory.mktemp("mine")
    (path / "mine.py").write_text(MINE)
    (path / "shared_by_mine.py").write_text("")
    (path / "colorsys.py").write_text("raise RuntimeError('hides the module of the standard library')")
    return path


def test_a_model_and_data_of_the_current_folder(folder):
    small = ["--net.family", "mlp", "--net.width", "8", "--latent", "3", "--prior", "normal", "--images", "64"]
    done = typed(folder, "train", "mine:Mine", "--data", "mine:open_mine", *small, "--out", "run")
    assert done.returncode == 0, done.stderr
    shown = typed(folder, "evaluate", "run", "--metrics", "mine:METRIC")
    assert (shown.returncode, "mse" in shown.stdout) == (0, True), shown.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("train ./mine.py:Mine --data digits", "'./mine.py' is a file's path, not a module's name; type mine:Mine"),
        ("train mine.py:Mine --data digits", "'mine.py' is a file's path, not a module's name; type mine:Mine"),
        ("train vae --data ./mine.py:open_mine", "type mine:open_mine in its folder"),
        ("train mine:Mien --data digits", "no name in mine 'Mien'; did you mean 'Mine'"),
        ("train yours:Model --data digits", "cannot import yours of model 'yours:Model' (No module named 'yours')"),
    ],
)
def test_slips(folder, words, told):
    done = typed(folder, *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_path_is_as_before_afterwards_and_nothing_is_hidden(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    before = list(sys.path)
    with current_folder():
        assert sys.path == [*before, str(folder)]
        import colorsys

        assert colorsys.rgb_to_hls(0, 0, 0) == (0.0, 0.0, 0.0)
    assert sys.path == before
