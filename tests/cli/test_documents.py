"""What the documents promise: their examples run, their commands exist, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from gvae.cli import COMMANDS
from gvae.commands import options
from gvae.commands.parsing import leaves
from gvae.config import TrainConfig
from gvae.metrics import METRICS
from gvae.models import MODELS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))


def blocks(path: Path, kind: str = "") -> list[str]:
    """The fenced blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A folder on the path with the three files of docs/extending.md."""
    for text in blocks(ROOT / "docs" / "extending.md", "python"):
        (tmp_path / re.match(r"# (\w+\.py)\n", text)[1]).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("lsgan", "bars", "contrast"):
        sys.modules.pop(name, None)


def test_the_examples_of_extending_run(gvae, outside):
    words = ["--images", "128", "--batch", "64", "--net.width", "16", "--target", "0.9", "--log-every", "1"]
    assert gvae("train", "lsgan:LSGAN", "--data", "digits", *words, "--out", "run").code == 0
    assert '"generator/g_adv"' in (outside / "run" / "log.jsonl").read_text()
    shown = gvae("evaluate", "run", "--metrics", "contrast:METRIC", "--samples", "50")
    assert (shown.code, "contrast" in shown.out) == (0, True)
    assert (
        gvae("sample", "run", "-n", "4", "--out", "s.png").out
        == "4 images in s.png, drawn with the last weights\n"
    )
    assert "no encoder" in gvae("reconstruct", "run").error
    told = gvae("data", "inspect", "bars:open_bars", "--out", "bars.png").out
    assert "800 images, 16 x 16 pixels" in told
    assert "vertical" in told


def test_the_metric_of_contributing_runs(tmp_path):
    import doctest
    import types

    text = next(text for text in blocks(ROOT / "CONTRIBUTING.md", "python") if "METRIC" in text)
    module = types.ModuleType("brightness")
    exec(text, module.__dict__)
    assert doctest.testmod(module).failed == 0
    assert module.__dict__["METRIC"].name == "brightness"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_documents_exist(page):
    lines = [line for block in blocks(page) for line in block.splitlines() if line.startswith("gvae ")]
    lines += [text for text in re.findall(r"`(gvae [^`]+)`", page.read_text()) if " " in text]
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        assert words[0] in {*COMMANDS, "VERB", "--help", "--preset", "--version"}, line
        if words[0] == "train" and words[1:] and words[1] in MODELS:
            parts = (options.config_class(words[1])(), TrainConfig(), options.DataOptions())
            known = {f"--{option.name}" for part in parts for option in leaves(part)}
            known |= {"--data", "--out", "--preset", "--dry-run", "--help"}
            given = {word.replace("--no-", "--", 1) for word in words if word.startswith("--")}
            assert given <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_readme_has_what_scripts_look_for():
    text = (ROOT / "README.md").read_text()
    for marker in ("setup:run", "setup:test", "results:begin", "results:end"):
        assert text.count(f"<!-- {marker} -->") == 1
    assert "gvae quickstart" in text.split("<!-- setup:run -->")[1].split("```")[1]
    assert "pytest" in text.split("<!-- setup:test -->")[1].split("```")[1]


def test_the_changelog_names_every_metric_and_model():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert all(f"`{name}`" in text for name in [*METRICS, *MODELS])
