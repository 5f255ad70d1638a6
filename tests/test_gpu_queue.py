"""The queue of GPU jobs: worked off in parts, stopped in time, continued where it stopped."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1] / "benchmarks" / "gpu"


@pytest.fixture
def runner(monkeypatch):
    spec = importlib.util.spec_from_file_location("gpu_run", HERE / "run.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
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
    queue = json.loads((HERE / "queue.json").read_text())
    names = [entry["name"] for entry in queue]
    assert len(set(names)) == len(names)
    full = {f"{table}-full" for table in ("table3", "table4", "figure7", "likelihood", "gans-vs-vaes")}
    lengths = {f"{data}-gvae-3M-{seed}" for data in ("mnist", "fashion") for seed in range(3)}
    assert full | lengths <= set(names)
    for entry in queue:
        for command in entry["commands"]:
            assert command.split()[0] in ("gvae", "python")
