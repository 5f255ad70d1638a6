"""Random states are forked in one place, which gives back those of the CPU and of every GPU in use."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

from gvae.seeding import devices, seeded

PACKAGE = Path(__file__).parents[1] / "gvae"
GLOBAL = {"seeding.py", "training/checkpoint.py", "training/trainer.py"}
"""files that may set the global seed: the helper, and a training's own beginning"""


def test_drawing_by_a_seed_leaves_the_global_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(0):
        first = torch.rand(2)
    with seeded(0):
        assert torch.equal(torch.rand(2), first)
    assert torch.equal(torch.rand(3), expected)


def test_without_a_seed_the_noise_goes_on_and_is_given_back():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(None):
        assert torch.equal(torch.rand(3), expected)
    assert torch.equal(torch.rand(3), expected)


def test_the_state_is_given_back_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="inside"), seeded(1):
        raise ValueError("inside")
    assert torch.equal(torch.get_rng_state(), before)


class TwoGPUs:
    """The generators of two GPUs, as far as torch's seeding and forking touch them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.states = [torch.tensor([1]), torch.tensor([2])]
        made = {
            "is_initialized": lambda: True,
            "_is_in_bad_fork": lambda: False,
            "device_count": lambda: 2,
            "get_rng_state": lambda device: self.states[device].clone(),
            "set_rng_state": self.set,
            "manual_seed_all": lambda seed: [self.set(torch.tensor([seed]), i) for i in (0, 1)],
        }
        for name, function in made.items():
            monkeypatch.setattr(torch.cuda, name, function)

    def set(self, state: torch.Tensor, device: int) -> None:
        self.states[device] = state


def test_every_gpu_in_use_gets_its_state_back(monkeypatch: pytest.MonkeyPatch):
    gpus = TwoGPUs(monkeypatch)
    with seeded(7):
        assert [int(s) for s in gpus.states] == [7, 7]
    assert [int(s) for s in gpus.states] == [1, 2]


def test_a_gpu_that_nobody_uses_is_not_started(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices() == []


def test_no_other_file_forks_random_states_or_sets_the_global_seed():
    forks, seeds = set(), set()
    for path in PACKAGE.rglob("*.py"):
        where = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                name = ast.unparse(node)
                forks |= {where} if name.endswith("fork_rng") else set()
                seeds |= {where} if name in ("torch.manual_seed", "torch.random.manual_seed") else set()
    assert forks == {"seeding.py"}
    assert seeds == GLOBAL
