"""Killed at random and resumed equals never interrupted, bit for bit; two processes equal one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch

from gvae.runs import Run

TRAIN = """
    import sys
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    from gvae.config import NetConfig, TrainConfig
    from gvae.data import open_data
    from gvae.models.gvae import Config
    from gvae.training import train, resume
    from gvae.runs import Run
    out, data = Path(sys.argv[1]), open_data("digits")
    if (out / "run.json").exists():
        resume(Run.open(out), data)
    else:
        options = TrainConfig(images=24_000, batch=64, log_every=7, save_every=0.5, grid_every=1.0, seed=5)
        train("gvae", Config(latent=6, net=NetConfig(width=8), penalty_every=3), options, data, "digits", out)
"""


def start(out: Path) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(TRAIN), str(out)], env=environment, stderr=subprocess.PIPE
    )


def same(a: object, b: object, where: str = "") -> None:
    """Assert that two checkpoints agree to the bit, apart from the clock."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where  # pyright: ignore[reportArgumentType]
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where  # pyright: ignore[reportAttributeAccessIssue]
        for key in a.keys() - {"elapsed", "timing"}:
            same(a[key], b[key], f"{where}/{key}")  # pyright: ignore[reportIndexIssue]
    elif isinstance(a, list | tuple):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):  # pyright: ignore[reportArgumentType]
            same(x, y, f"{where}/{i}")
    else:
        assert a == b, where


def test_three_kills_change_nothing(tmp_path: Path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = start(whole)
    assert process.wait(timeout=240) == 0, process.stderr
    duration = json.loads((whole / "timing.jsonl").read_text().splitlines()[-1])["seconds"]

    chance = random.Random(0)
    for kill in range(3):
        process = start(broken)
        waited = time.monotonic()
        before = (broken / "state.pt").stat().st_mtime_ns if kill else 0
        while not (broken / "state.pt").exists() or (broken / "state.pt").stat().st_mtime_ns == before:
            assert process.poll() is None, "training ended before it could be killed"
            assert time.monotonic() - waited < 120
            time.sleep(0.01)
        time.sleep(chance.uniform(0, min(1.0, duration / 6)))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    process = start(broken)
    assert process.wait(timeout=240) == 0

    a, b = Run.open(whole), Run.open(broken)
    same(torch.load(a.state, weights_only=True), torch.load(b.state, weights_only=True))
    assert a.log.read_bytes() == b.log.read_bytes()
    assert a.weights.read_bytes() == b.weights.read_bytes()
    assert (a.path / "final.png").read_bytes() == (b.path / "final.png").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_signal_saves_then_exits(number: signal.Signals, tmp_path: Path):
    process = start(tmp_path / "r")
    while not (tmp_path / "r" / "log.jsonl").exists() or not (tmp_path / "r" / "log.jsonl").read_text():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert b"continue with: gvae resume" in err
    state = torch.load(tmp_path / "r" / "state.pt", weights_only=True)
    assert 0 < state["seen"] < 24_000


PROCESSES = """
    import sys, torch
    torch.set_num_threads(1)
    from dataclasses import dataclass
    from pathlib import Path
    from accelerate import Accelerator
    from torch import nn
    from gvae.config import ModelConfig, NetConfig, TrainConfig
    from gvae.data import open_data
    from gvae import nets
    from gvae.models.base import Model, Losses, Turn
    from gvae.models.base import Optim
    from gvae.losses.penalties import zero_centred
    from gvae.losses.adversarial import relativistic_critic, relativistic_generator
    from gvae.distributions.likelihoods import Likelihood
    from gvae.distributions.posteriors import gaussian
    from gvae.training import train
    import gvae.models

    class Still(Model):
        '''A GVAE without noise, so that one process and two see the same numbers.'''
        averaged = ("encoder", "generator")
        def __init__(self, spec, config=None, **options):
            super().__init__(spec, config)
            self.encoder = nets.encoder(spec, config.net, config.latent)
            self.generator = nets.generator(spec, config.net, config.latent)
            self.critic = nets.critic(spec, config.net)
            self.likelihood = Likelihood("gaussian", spec)
            self.double()
        def players(self):
            return {"encoder": self.encoder, "generator": self.generator, "critic": self.critic}
        def turns(self):
            return [Turn(self.losses), Turn(self.smooth, every=2)]
        def losses(self, batch):
            x = batch.x.double()
            p = self.likelihood(self.generator(self.encoder(x).double()))
            self.likelihood.observe(x, p.mean)
            real, fake = self.critic(x)[0], self.critic(p.mean.double())[0]
            fool = 30 * relativistic_generator(real, fake).mean()
            together = {"nll": -p.log_prob(x).mean(), "g_adv": fool}
            return Losses({("encoder", "generator"): together, "critic": {"d_adv": relativistic_critic(real, fake).mean()}})
        def smooth(self, batch):
            return Losses({"critic": {"r1": zero_centred(lambda v: self.critic(v)[0], batch.x.double()).mean()}})
        def sample(self, n, y=None):
            return self.generator(torch.zeros(n, self.config.latent, dtype=torch.float64)).tanh()

    sys.modules["still"] = sys.modules["__main__"]
    out = Path(sys.argv[1])
    config = ModelConfig(latent=6, lr=1e-4, net=NetConfig(width=8))
    options = TrainConfig(images=2_000, batch=100, log_every=5, precision="fp32", ema=500)
    train("still:Still", config, options, open_data("digits"), "digits", out)
"""


def test_two_processes_equal_one_on_the_joined_batch(tmp_path: Path):
    script = tmp_path / "still.py"
    script.write_text(textwrap.dedent(PROCESSES))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GVAE_FLOAT64": "1"}
    subprocess.run([sys.executable, str(script), str(tmp_path / "one")], check=True, env=environment, timeout=200)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=29631"]
    done = subprocess.run(
        [*launch, str(script), str(tmp_path / "two")], env=environment, timeout=200, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "2 processes" in done.stderr
    one, two = (torch.load(tmp_path / n / "state.pt", weights_only=True) for n in ("one", "two"))
    assert len(two["random"]) == 2
    for name, value in one["model"].items():
        assert torch.allclose(value.double(), two["model"][name].double(), rtol=1e-4, atol=1e-5), name
    for name, value in one["average"]["generator"].items():
        assert torch.allclose(value.double(), two["average"]["generator"][name].double(), rtol=1e-4, atol=1e-5), name
    first, second = (
        [json.loads(r)["terms"] for r in (tmp_path / n / "log.jsonl").read_text().splitlines()] for n in ("one", "two")
    )
    # the log holds the first process's half of each batch, so terms agree only in name
    assert [r.keys() for r in first] == [r.keys() for r in second]


def test_no_resume_of_a_finished_run_replaces_fitted_weights_by_unfitted_ones(digits, tmp_path, monkeypatch):
    from gvae.config import NetConfig, TrainConfig
    from gvae.models.vae import Config
    from gvae.training import checkpoint, resume, train
    from gvae.training.trainer import Trainer

    config = Config(latent=4, net=NetConfig(width=8), components=5)
    run = train("vae", config, TrainConfig(images=600, batch=60, ema=0), digits, "digits", tmp_path / "r")
    before, written, save = run.weights.read_bytes(), [], checkpoint.save_weights

    def watched(run, tensors):
        written.append(bool(tensors[checkpoint.FITTED]))
        save(run, tensors)

    monkeypatch.setattr(checkpoint, "save_weights", watched)
    fits = []
    monkeypatch.setattr(Trainer, "fit_prior", lambda self, weights: fits.append(1) or weights)
    resume(run, digits)
    assert written == [True]
    assert run.weights.read_bytes() == before
    assert not fits  # what is there already is not fitted again
    monkeypatch.undo()
    monkeypatch.setattr(checkpoint, "save_weights", watched)
    resume(run, digits, images=1200)  # other weights: the file follows them, and is fitted in the end
    assert written[1:] == [False, True]
    assert run.weights.read_bytes() != before


def test_the_vamp_prior_of_gvae_stays_as_the_critic_saw_it(digits, tmp_path):
    from gvae.config import NetConfig, TrainConfig
    from gvae.loaded import load
    from gvae.models.gvae import Config
    from gvae.training import train
    from gvae.training.trainer import Trainer

    config = Config(latent=3, prior="vamp", components=10, net=NetConfig(width=8), start=0.5)
    run = train("gvae", config, TrainConfig(images=600, batch=60), digits, "digits", tmp_path / "r")
    trainer = Trainer(run, digits)
    trainer.restore(torch.load(run.state, weights_only=True))
    assert trainer.model.prior.fitted
    model = load(run).model
    assert not model.refit_prior_at_end  # pyright: ignore[reportAttributeAccessIssue]
    assert torch.equal(model.prior.inputs, trainer.model.prior.inputs)
