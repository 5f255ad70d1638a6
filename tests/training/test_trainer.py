"""The engine: budgets, logs that add up, the guard, schedules, averages."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from gvae.config import ModelConfig, NetConfig, TrainConfig
from gvae.errors import GvaeError
from gvae.models.base import Losses, Model, Turn
from gvae.models.vae import VAE
from gvae.runs import Run
from gvae.training import gradients, resume, train
from gvae.training.ema import Average
from gvae.training.log_lines import ProgressLine
from gvae.training.trainer import Trainer


@dataclass(frozen=True)
class Config(ModelConfig):
    bad_after: int = 10**9
    recover: bool = False


class Toy(Model):
    """One scalar per player; `left` minimises (l - 2)^2 + l r, `right` minimises (r + 1)^2 + l r."""

    Config = Config
    averaged = ("left",)

    def __init__(self, spec, config=None, **options):
        super().__init__(spec, config, **options)
        self.left, self.right = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        self.calls = 0

    def players(self):
        return {"left": self.left, "right": self.right}

    def turns(self):
        return [Turn(self.losses), Turn(self.late, start=0.5, repeat=2), Turn(self.lazy, every=4)]

    def losses(self, batch):
        self.calls += 1
        l, r = self.left.weight.sum(), self.right.weight.sum()
        bad = self.calls > self.config.bad_after and (not self.config.recover or self.calls % 3 == 0)
        spoil = torch.tensor(float("nan")) if bad else torch.tensor(1.0)
        return Losses(
            {"left": {"own": (l - 2) ** 2 * spoil, "both": l * r}, "right": {"own": (r + 1) ** 2, "both": l * r}},
            {"x": batch.x.mean()},
        )

    def late(self, batch):
        return Losses({"left": {"late": self.left.weight.sum() ** 2 * 0.01}})

    def lazy(self, batch):
        return Losses({"right": {"lazy": self.right.weight.sum() ** 2 * 0.01}})

    def sample(self, n, y=None):
        return self.left.weight.detach().clamp(-1, 1) * torch.ones(n, self.spec.channels, *self.spec.shape)


TOY = f"{__name__}:Toy"
OPTIONS = TrainConfig(images=6000, batch=100, log_every=1, ema=0, lr_decay=0.0)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


def rows(run: Run) -> list[dict]:
    return [json.loads(line) for line in run.log.read_text().splitlines()]


class Slower(Toy):
    """`left` takes steps of a tenth in the second half of the budget."""

    def optim(self, player):
        return replace(super().optim(player), lr=0.01 if self.progress < 0.5 or player == "right" else 0.001)


def test_a_models_step_size_may_depend_on_the_progress(digits, tmp_path):
    options = replace(OPTIONS, lr_warmup=0.0)
    run = train(f"{__name__}:Slower", Config(), options, digits, "digits", tmp_path)
    engine = Trainer(run, digits)
    sizes = []
    while engine.fraction < 1:
        engine.round()
        sizes.append(tuple(engine.optimizers[name].param_groups[0]["lr"] for name in ("left", "right")))
    assert set(sizes) == {(0.01, 0.01), (0.001, 0.01)}
    assert sizes == sorted(sizes, reverse=True)  # once slower, slower to the end


def test_a_round_longer_than_the_minutes_given_is_not_shown_as_more_than_all(digits, tmp_path, capsys):
    train(TOY, Config(), replace(OPTIONS, images=None, minutes=1e-6), digits, "digits", tmp_path)
    assert "100%  200 images" in (shown := capsys.readouterr().err)
    assert " 0:00 left" in shown


def test_gradient_of_a_player_is_that_of_its_own_terms():
    l, r = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        l.weight.fill_(3.0)
        r.weight.fill_(5.0)
    a, b = l.weight.sum(), r.weight.sum()
    outcome = Losses({"l": {"own": a**2, "both": a * b}, "r": {"both": -a * b}})
    grads = gradients.gradients(outcome, {"l": l, "r": r})
    assert grads["l"][0].item() == 2 * 3 + 5
    assert grads["r"][0].item() == -3
    joint = gradients.gradients(Losses({("l", "r"): {"both": a * b}}), {"l": l, "r": r})
    assert (joint["l"][0].item(), joint["r"][0].item()) == (5, 3)


def test_turns_take_part_when_due_and_images_are_counted(digits, tmp_path):
    run = train(TOY, Config(), OPTIONS, digits, "digits", tmp_path / "r")
    log = rows(run)
    assert log[0]["images"] == 200  # the first round: losses and lazy
    assert [("left/late" in row["terms"]) for row in log] == [row["images"] - 100 > 3000 for row in log] or any(
        "left/late" in row["terms"] for row in log
    )
    assert ["right/lazy" in row["terms"] for row in log[:8]] == [True, False, False, False] * 2
    assert log[-1]["images"] >= 6000
    first_late = next(i for i, row in enumerate(log) if "left/late" in row["terms"])
    assert log[first_late - 1]["images"] >= 3000
    assert log[first_late]["images"] - log[first_late - 1]["images"] in (300, 400)  # repeat=2 draws twice


def test_simultaneous_updates_approach_the_equilibrium(digits, tmp_path):
    run = train(TOY, Config(lr=0.05), replace(OPTIONS, images=60000), digits, "digits", tmp_path / "r")
    last = rows(run)[-1]["terms"]
    # 2(l - 2) + r + .02 l ~ 0 and 2(r + 1) + l + .. ~ 0  ->  l ~ 3.3, r ~ -2.7
    assert last["left/own"] == pytest.approx((3.33 - 2) ** 2, rel=0.15)


def test_a_step_that_is_not_finite_is_skipped_counted_and_named(digits, tmp_path, capsys):
    run = train(TOY, Config(bad_after=5, recover=True), OPTIONS, digits, "digits", tmp_path / "r")
    assert rows(run)[-1]["skipped"] > 3
    assert "left/own is not finite" in capsys.readouterr().err
    weights = torch.load(run.state, weights_only=True)["model"]
    assert all(torch.isfinite(v).all() for v in weights.values())


def test_training_that_diverges_stops_with_the_last_good_checkpoint(digits, tmp_path):
    config, out = Config(bad_after=20), tmp_path / "r"
    with pytest.raises(GvaeError, match=r"left/own is not finite, 5 rounds in a row.*checkpoint.*lower --lr"):
        train(TOY, config, replace(OPTIONS, save_every=0.0), digits, "digits", out)
    state = torch.load(Run.open(out).state, weights_only=True)
    assert state["rounds"] >= 20
    assert all(torch.isfinite(v).all() for v in state["model"].values())


class Staged(Toy):
    """`left` is moved far away in the second half of the budget."""

    def turns(self):
        return [Turn(self.losses), Turn(self.away, start=0.5, on_start=self.look)]

    def look(self, batches):
        self.began_with = self.left.weight.item()

    def away(self, batch):
        return Losses({"left": {"away": (self.left.weight.sum() - 100) ** 2 * 1000}})


def test_a_stage_begins_from_the_average_which_then_forgets_what_was_before(digits, tmp_path):
    options = replace(OPTIONS, images=20_000, ema=10**9, lr_warmup=0.0)
    run = train(f"{__name__}:Staged", Config(lr=0.1), options, digits, "digits", tmp_path)
    engine = Trainer(run, digits)
    apart, average = [], 0.0
    while engine.fraction < 1:
        average = engine.average.kept["left"]["weight"].item()
        engine.round()
        apart.append(abs(engine.average.kept["left"]["weight"].item() - engine.model.left.weight.item()))
        if engine.stage and len(apart) > 1 and engine.seen - engine.stage <= 2 * OPTIONS.batch:
            break
    assert 0.5 <= engine.stage / options.images <= 0.52
    assert isinstance(engine.model, Staged)
    assert engine.model.began_with == average  # a stage begins from what the last one has averaged
    assert apart[-1] < 0.01 * max(0.1, apart[-2])  # the first round of the stage counts as ten half-lives


def test_average_halves_the_distance_in_one_halflife():
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    average = Average({"a": layer}, halflife=100)
    nn.init.ones_(layer.weight)
    for _ in range(10):
        average.update(10, seen=10**6)
    assert average.kept["a"]["weight"].item() == pytest.approx(0.5)


def test_clip_limits_the_norm_of_the_gradient():
    layer = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(layer.weight)
    grads = {"a": [torch.tensor([[3.0, 4.0]])]}
    sgd = {"a": torch.optim.SGD(layer.parameters(), 1.0)}
    gradients.step(grads, {"a": layer}, sgd, gradients.norms(grads), clip=1.0)
    assert layer.weight.detach().numpy() == pytest.approx(-torch.tensor([[0.6, 0.8]]).numpy())


def test_a_longer_budget_continues_where_the_shorter_ended(digits, tmp_path):
    short = train("vae", small(), replace(OPTIONS, images=2000), digits, "digits", tmp_path / "r")
    before = len(rows(short))
    longer = resume(short, digits, images=4000)
    log = rows(longer)
    assert (before, len(log)) == (20, 40)
    assert log[20]["images"] == 2100
    with pytest.raises(GvaeError, match="larger total budget"):
        resume(longer, digits, images=3000)


def small():
    from gvae.models.vae import Config as VAEConfig

    return VAEConfig(latent=4, net=NetConfig(width=8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": 10, "minutes": 1.0}, "one budget"),
        ({"batch": 0}, "--batch is 0"),
        ({"lr_decay": -1.0}, "--lr-decay is -1"),
        ({"images": -5}, "--images is -5"),
    ],
)
def test_options_that_cannot_work_are_refused(options, message, digits, tmp_path):
    with pytest.raises(GvaeError, match=message):
        train("vae", small(), TrainConfig(**options), digits, "digits", tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_an_existing_run_is_never_overwritten(digits, tmp_path):
    run = train("vae", small(), replace(OPTIONS, images=200), digits, "digits", tmp_path / "r")
    with pytest.raises(GvaeError, match="already holds a run"):
        train("vae", small(), OPTIONS, digits, "digits", run.path)


def test_damaged_checkpoints_are_named_and_leave_the_rest_usable(digits, tmp_path):
    from gvae import loaded as api

    run = train("vae", small(), replace(OPTIONS, images=200), digits, "digits", tmp_path / "r")
    half = run.state.read_bytes()[: run.state.stat().st_size // 2]
    run.state.write_bytes(half)
    with pytest.raises(GvaeError, match=r"state\.pt is cut short or damaged"):
        resume(run, digits, images=400)
    assert api.load(run).sample(2).shape == (2, 1, 8, 8)
    run.weights.write_bytes(run.weights.read_bytes()[:100])
    with pytest.raises(GvaeError, match=r"weights\.safetensors is cut short or damaged"):
        api.load(run)


def test_bf16_is_chosen_only_where_the_processor_has_it(monkeypatch):
    from gvae.training import precision

    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    assert precision.choose_precision("auto", torch.device("cpu"))[0] == "bf16"
    monkeypatch.setattr(precision, "has_bf16", lambda device: False)
    assert precision.choose_precision("auto", torch.device("cpu"))[0] == "no"


def test_bf16_trains(digits, tmp_path):
    options = replace(OPTIONS, images=400, precision="bf16")
    run = train("vae", small(), options, digits, "digits", tmp_path / "r")
    assert rows(run)[-1]["skipped"] == 0


def test_a_full_disk_while_saving_is_one_sentence_and_keeps_the_old_file(tmp_path):
    from gvae.atomic import write_atomic, write_text

    write_text(tmp_path / "f", "old")

    def full(name: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(GvaeError, match=r"No space left on device.*free some space"):
        write_atomic(tmp_path / "f", full)
    assert (tmp_path / "f").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_engine_seeds_decide_everything(digits, tmp_path):
    run = Run.create(tmp_path / "r", "vae", small(), OPTIONS, "digits", digits.spec, {})
    a, b = Trainer(run, digits), Trainer(run, digits)
    for p, q in zip(a.model.parameters(), b.model.parameters(), strict=True):
        assert torch.equal(p, q)


def test_the_doctor_looks_after_every_tenth_of_the_budget_and_at_its_end(digits, tmp_path, capsys):
    run = train(TOY, Config(), OPTIONS, digits, "digits", tmp_path / "r")
    looked = [row for row in rows(run) if "doctor" in row]
    assert {int(10 * row["images"] / 6000) for row in looked} == set(range(1, 11))
    assert looked[-1] == rows(run)[-1]
    assert looked[-1]["doctor"] == ["low contrast"]
    assert "doctor: low contrast: samples have 0% of the data's contrast; try" in capsys.readouterr().err


def test_the_closing_fit_is_timed_beside_the_training(digits, tmp_path):
    settings = TrainConfig(images=320, batch=32, log_every=5)
    run = train(
        "vae", VAE.Config(latent=4, components=3, net=NetConfig(width=8)), settings, digits, "digits", tmp_path / "r"
    )
    *rounds, last = map(json.loads, run.timing.read_text().splitlines())
    assert [row["images"] for row in rounds] == [160, 320]
    assert all("closing" not in row and row["rate"] > 0 for row in rounds)
    assert last["images"] == 320
    assert last["seconds"] == rounds[-1]["seconds"]
    assert 0 < last["closing"] < 60
    assert last["peak_mb"] >= rounds[-1]["peak_mb"]


def test_a_step_size_falls_with_the_root_of_the_updates_it_has_made(digits, tmp_path, monkeypatch):
    from gvae.models import gvae as module

    monkeypatch.setattr(module, "CONSTANT_UPDATES", 2)
    config = module.Config(latent=4, net=NetConfig(width=8), start=1e-9)
    options = TrainConfig(images=10**9, batch=16, lr_warmup=0, lr_decay=0)
    engine = Trainer(Run.create(tmp_path / "run", "gvae", config, options, "digits", digits.spec, {}), digits)
    engine.log.progress = ProgressLine(quiet=True)
    sizes = []
    for _ in range(9):  # the first is of the likelihood alone
        engine.round()
        sizes.append(engine.optimizers["critic"].param_groups[0]["lr"] / config.critic_lr)
    assert sizes == pytest.approx([1, 1, 1, 1, *[(2 / n) ** 0.5 for n in (3, 4, 5, 6, 7)]])
    assert engine.optimizers["generator"].param_groups[0]["lr"] == config.generator_lr_adv
