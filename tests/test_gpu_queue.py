"""The queue of GPU jobs: worked off in parts, stopped in time, continued where it stopped."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
from pathlib import Path

import pytest

from gvae.commands import train

ROOT = Path(__file__).parents[1]
QUEUE = json.loads((ROOT / "benchmarks" / "gpu" / "queue.json").read_text(encoding="utf-8"))
COMMANDS = [shlex.split(command) for entry in QUEUE for command in entry["commands"]]


@pytest.fixture
def runner(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    module = importlib.import_module("benchmarks.gpu.run")
    monkeypatch.setattr(module, "LEAST", 0.05)
    return module


def job(name: str, *codes: str) -> dict:
    return {"name": name, "minutes": 1, "commands": [f"python -c {shlex.quote(code)}" for code in codes]}


def rows(out: Path) -> dict:
    return json.loads((out / "rows.json").read_text())


def test_a_job_that_does_not_end_is_stopped_and_goes_on_at_its_command(runner, tmp_path):
    once = f"open(r'{tmp_path}/first', 'a').write('x')"
    slow = f"import os, time; time.sleep(0 if os.path.exists(r'{tmp_path}/go') else 60)"
    jobs = [job("a", once, slow), job("b", once)]
    runner.work(jobs, tmp_path, 4)
    assert rows(tmp_path)["a"]["step"] == 1
    (tmp_path / "go").write_text("")
    runner.work(jobs, tmp_path, 30)
    assert (tmp_path / "first").read_text() == "xx"  # once by each job
    held = rows(tmp_path)
    assert all("step" not in row for row in held.values())
    assert held["a"]["seconds"] > 0
    runner.work(jobs, tmp_path, 30)
    assert rows(tmp_path) == held


def test_a_job_that_fails_says_so_and_does_not_hold_up_the_next(runner, tmp_path):
    runner.work([job("bad", "raise SystemExit(3)"), job("good", "pass")], tmp_path, 30)
    assert rows(tmp_path)["bad"]["failed"].startswith("exit code 3: ")
    assert "step" not in rows(tmp_path)["good"]


def test_a_training_that_has_begun_is_resumed(runner, tmp_path):
    command = "gvae train gvae --data mnist --out RUN"
    assert runner.typed(command, tmp_path)[1:5] == ["-m", "gvae", "train", "gvae"]
    (tmp_path / "run.json").write_text("{}")
    assert runner.typed(command, tmp_path) == [sys.executable, "-m", "gvae", "resume", str(tmp_path)]


def test_the_queue_holds_what_only_a_gpu_can_give():
    names = [entry["name"] for entry in QUEUE]
    assert len(set(names)) == len(names)
    full = {f"{table}-full" for table in ("table3", "table4", "figure7", "likelihood", "gans-vs-vaes")}
    lengths = {f"{data}-gvae-3M-{seed}" for data in ("mnist", "fashion") for seed in range(3)}
    assert full | lengths <= set(names)


def test_every_training_of_the_queue_is_one_that_gvae_understands(monkeypatch):
    asked = []
    monkeypatch.setattr(train, "begin", lambda model, args: asked.append((model, args)))
    trainings = [words[2:] for words in COMMANDS if words[:2] == ["gvae", "train"]]
    for words in trainings:
        train.run(words)
    assert [model for model, _ in asked] == [words[0] for words in trainings]
    assert {str(args.what.out) for _, args in asked} == {"RUN"}
    assert {args.train.images for _, args in asked} == {3_000_000, None}
    assert {args.train.batch for _, args in asked} == {256}


def test_every_script_of_the_queue_is_a_module_with_a_main(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    scripts = {tuple(words[1:3]) for words in COMMANDS if words[0] != "gvae"}
    assert {flag for flag, _ in scripts} == {"-m"}
    for _, module in scripts:
        assert callable(importlib.import_module(module).main)
