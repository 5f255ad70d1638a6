"""What the documents promise: their examples run, commands exist, links lead somewhere, words are the field's.

Blocks marked `python` run page by page, in order, in an empty folder; one whose first line is `# NAME.py` is saved under
that name. In tutorials the commands of blocks marked `sh` run as well. Excerpts that do not run are marked `py`.
"""

from __future__ import annotations

import ast
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gvae.cli import COMMANDS
from gvae.commands import options
from gvae.commands.parsing import leaves
from gvae.config import TrainConfig
from gvae.metrics import METRICS
from gvae.models import MODELS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
LINKED = [*PAGES, ROOT / "CHANGELOG.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUNNING = ("python", "sh")

OPTIONS = ("rise", "decay", "warmup", "late-lr", "joint")
"""options that have another name now"""
TERMS = ("tell", "fool", "deceive", "lead")
"""keys of the log that have another name now"""
IDENTIFIERS = (
    *TERMS,
    *("rise", "decay", "warmup", "late_lr", "joint", "steady", "begin", "enter", "closes", "told", "watched"),
    *("painted", "codes", "outputs", "spreads", "near", "damp", "lean", "climb", "surprise", "shelf", "wish"),
    *("Game", "Engine", "Outcome", "Lesson", "Ask"),
)
"""names of functions, classes and attributes that have another name now"""
COINED = (
    r"gr[ae]y images(?! among)",
    r"moved images|images (that are )?moved",
    r"fall(s|en|ing)? silent|fell silent|silent codes?",
    r"damp(s|ed|ing)?\b",
    r"sharpening stage|critic (enters|entered|has entered)",
    r"leads and trails|runs? ahead of the (critic|generator)",
    r"step size (that )?(rises|falls)",
    r"contrast (is|was|gets) lost|lost contrast",
    r"family of Gaussians|families of (ten|Gaussians)",
)
"""words that nobody in the field uses, as patterns"""


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of the fenced blocks of a page."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def name(page: Path) -> str:
    """Path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


def commands(page: Path) -> Iterator[str]:
    """Command lines of a page: lines of blocks, and code within a sentence."""
    for language, text in blocks(page):
        if language in ("", "sh"):
            yield from (line.strip() for line in text.splitlines() if line.strip().startswith("gvae "))
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    yield from (" ".join(text.split()) for text in re.findall(r"`(gvae\s[^`]+)`", prose))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to run a page in; what was imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    inside = [n for n, m in sys.modules.items() if str(getattr(m, "__file__", "")).startswith(str(tmp_path))]
    for module in inside:
        del sys.modules[module]


SNIPPETS = [page for page in PAGES if any(language == "python" for language, _ in blocks(page))]


def test_the_pages_for_newcomers_have_snippets():
    found = {name(page) for page in SNIPPETS}
    assert {"README.md", "docs/index.md"} < found
    assert {name(page) for page in (DOCS / "tutorials").glob("*.md")} < found


@pytest.mark.parametrize("page", SNIPPETS, ids=name)
def test_snippets_run_as_printed(gvae, folder, page):
    space: dict[str, object] = {"__name__": "__main__"}
    for number, (language, text) in enumerate(blocks(page)):
        if language == "python" and (saved := re.match(r"# (\w+\.py)\n", text)):
            (folder / saved[1]).write_text(text, encoding="utf-8")
        elif language == "python":
            exec(compile(text, f"{name(page)}, block {number}", "exec"), space)
        elif language == "sh":
            for line in text.splitlines():
                answer = gvae(*shlex.split(line, comments=True)[1:])
                assert answer.code == 0, f"{line}: {answer.error}"


def test_the_model_data_and_metric_of_the_tutorial_do_what_it_says(gvae, folder):
    for language, text in blocks(DOCS / "tutorials" / "add-your-own.md"):
        if language == "python":
            (folder / re.match(r"# (\w+\.py)\n", text)[1]).write_text(text, encoding="utf-8")
    words = ["--images", "128", "--batch", "64", "--net.width", "16", "--target", "0.9", "--log-every", "1"]
    assert gvae("train", "lsgan:LSGAN", "--data", "digits", *words, "--out", "run").code == 0
    log = (folder / "run" / "log.jsonl").read_text(encoding="utf-8")
    assert all(key in log for key in ('"generator/g_adv"', '"critic/d_adv"', '"score_gap"'))
    shown = gvae("evaluate", "run", "--metrics", "contrast:METRIC", "--samples", "50")
    assert (shown.code, "contrast" in shown.out) == (0, True)
    assert "no encoder" in gvae("reconstruct", "run").error
    told = gvae("data", "inspect", "bars:open_bars", "--out", "bars.png").out
    assert "800 images, 16 x 16 pixels" in told
    assert "vertical" in told


def known(gvae, words: tuple[str, ...], seen: dict[tuple[str, ...], set[str]]) -> set[str]:
    """Options that --help lists after these words."""
    if words not in seen:
        shown = gvae(*words, "--help")
        assert shown.code == 0, shown.error
        listed = re.findall(r"^[│ ]{1,3}(-.*?)(?: {2,}|│|$)", shown.out, re.MULTILINE)
        seen[words] = {option for line in listed for option in re.findall(r"--?[a-zA-Z][\w.-]*", line)}
    return seen[words]


def test_commands_in_documents_exist_with_their_options(gvae):
    seen: dict[tuple[str, ...], set[str]] = {}
    for page in PAGES:
        for line in commands(page):
            words = shlex.split(line, comments=True)[1:]
            verb = words[0] if words else "--help"
            if verb.startswith("--"):  # the model gvae with an option, or gvae --help
                continue
            assert verb in {*COMMANDS, "VERB"}, f"{name(page)}: {line}"
            if verb == "VERB" or (verb == "train" and (len(words) < 2 or words[1] not in MODELS)):
                continue
            start = tuple(words[:2] if verb in ("train", "data") and len(words) > 1 else words[:1])
            given = {w.split("=")[0].replace("--no-", "--", 1) for w in words if re.match(r"--[a-z]", w)}
            missing = given - known(gvae, start, seen) - {"--help"} if given else set()
            assert not missing, f"{name(page)}: {line}"


def slugs(page: Path) -> set[str]:
    """Anchors of a page's headings, as Markdown makes them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    plain = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", head) for head in re.findall(r"^#+ (.*)$", text, re.MULTILINE))
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower()) for head in plain}


@pytest.mark.parametrize("page", LINKED, ids=name)
def test_links_lead_to_files_and_headings(page):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert DOCS not in page.parents or DOCS in there.parents, f"{target} leaves the site"
        assert not anchor or anchor in slugs(there), target


def test_every_page_is_in_the_navigation_once():
    def leaves_of(tree) -> list[str]:
        if isinstance(tree, str):
            return [tree]
        values = tree.values() if isinstance(tree, dict) else tree
        return [leaf for value in values for leaf in leaves_of(value)]

    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert sorted(leaves_of(site["nav"])) == sorted(pages)
    assert site["theme"]["font"] is False  # nothing from elsewhere
    assert site["strict"]


def test_the_readme_is_short_and_has_what_scripts_look_for():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 700
    for marker in ("setup:run", "setup:test", "headline:begin", "headline:end"):
        assert text.count(f"<!-- {marker} -->") == 1
    assert "gvae quickstart" in text.split("<!-- setup:run -->")[1].split("```")[1]
    assert "pytest" in text.split("<!-- setup:test -->")[1].split("```")[1]
    assert text.count("![") == 1
    rows = text.split("<!-- headline:begin -->")[1].split("<!-- headline:end -->")[0]
    assert len(re.findall(r"^\| [a-z]", rows, re.MULTILINE)) == 5  # a heading and four rows


def test_the_readme_names_every_model_and_extra():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`{model}`" in text for model in MODELS)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(r"^(\w+) = \[", project.split("[project.optional-dependencies]")[1].split("\n[")[0], re.M)
    assert "docs" in extras
    install = (DOCS / "start" / "install.md").read_text(encoding="utf-8")
    assert [extra for extra in extras if f"`{extra}`" not in text or f"`{extra}`" not in install] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_documents_use_the_fields_words(page):
    text = page.read_text(encoding="utf-8")
    patterns = [
        rf"--(no-)?({'|'.join(OPTIONS)})(?![\w-])",
        rf"\w/({'|'.join(TERMS)})\b",
        rf"`(\w+\.)?({'|'.join(IDENTIFIERS)})(\([^`]*\))?`",
        rf"(?i:{'|'.join(COINED)})",
    ]
    found = [found[0] for pattern in patterns for found in re.finditer(pattern, text)]
    assert found == []


def test_options_use_the_fields_words():
    parts = [options.config_class(model)() for model in MODELS]
    names = {option.name for part in (*parts, TrainConfig()) for option in leaves(part)}
    assert names & {*OPTIONS} == set()
    assert {"lr-warmup", "lr-decay", "kl-warmup", "generator-lr-adv", "learn-prior"} <= names


def test_keys_of_the_log_are_the_fields_words():
    found = []
    for file in sorted((ROOT / "gvae").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in TERMS:
                found.append(f"{file.relative_to(ROOT)}:{node.lineno} {node.value}")
    assert found == []


def test_the_changelog_names_every_metric_and_model():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert all(f"`{entry}`" in text for entry in [*METRICS, *MODELS])
