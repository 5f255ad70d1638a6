"""The turns of GVAE: who moves when, and on what the critic and the prior are trained."""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from gvae import loaded as api
from gvae.config import NetConfig, TrainConfig
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.models.gvae import GVAE, Config, last_weight
from gvae.training import gradients, train
from gvae.types import Batch, DataSpec

SPEC = DataSpec("made", 1, (8, 8), classes=("a", "b", "c"))
NET = NetConfig(width=8)


def batch(n: int = 8) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.rand(n, 1, 8, 8) * 2 - 1, torch.arange(n) % 3)


def make(**options) -> GVAE:
    torch.manual_seed(0)
    return GVAE(SPEC, Config(latent=4, net=NET, **options))


def moved(model: GVAE, fraction: float) -> set[str]:
    """The players that the turns of this moment name."""
    due = [turn for turn in model.turns() if turn.start <= fraction < turn.stop]
    return {p for turn in due for who in turn.losses(batch()).terms for p in gradients.names(who)}


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
@pytest.mark.parametrize("adversarial", ["relativistic", "wasserstein"])
def test_only_the_likelihood_is_learned_before_start(adversarial: str, order: str):
    model = make(start=0.3, adversarial=adversarial, order=order)
    assert [turn.start for turn in model.turns()].count(0.0) == 1
    assert moved(model, 0.0) == moved(model, 0.29) == {"encoder", "generator"}
    assert moved(model, 0.3) == moved(model, 0.99) == set(model.players()) - {"encoder"}
    assert [turn.on_start is not None for turn in model.turns()].count(True) == 1  # the prior is fitted once


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
def test_the_encoder_stands_still_beside_a_late_critic_unless_told_otherwise(order: str):
    def late(**options) -> tuple[GVAE, set[str]]:
        model = make(start=0.5, order=order, **options)
        losses = [turn.losses(batch()).terms for turn in model.turns() if turn.start]
        return model, {name for outcome in losses for terms in outcome.values() for name in terms}

    still, terms = late()
    assert moved(still, 0.5) == {"generator", "critic"}
    assert terms == {"nll", "g_adv", "d_adv", "r1"}  # no term of the codes, which nobody moves
    assert "prior" not in still.players()
    both, terms = late(freeze=False)
    assert moved(both, 0.5) == {"encoder", "generator", "critic", "prior"}
    assert terms == {"nll", "kl", "g_adv", "d_adv", "r1"}
    assert moved(make(start=0.0, order=order), 0.0) == {"encoder", "generator", "critic", "prior"}


@pytest.mark.parametrize("code", ["kl", "critic"])
@pytest.mark.parametrize("prior", ["mixture", "normal"])
def test_both_orders_move_the_same_players(code: str, prior: str):
    expected = {"encoder", "generator", "critic"} | ({"prior"} if prior == "mixture" else set())
    expected |= {"code_critic"} if code == "critic" else set()
    for order in ("simultaneous", "sequential"):
        model = make(start=0.0, order=order, code=code, prior=prior)
        assert moved(model, 0.0) == set(model.players()) == expected


def test_a_group_that_moves_alone_gets_its_part_of_the_pass_and_computes_no_more():
    model = make(
        start=0.0, order="sequential", adversarial="wasserstein", penalty=10, code="critic", prior="normal", sigma=1.0
    )

    def values(only=None) -> dict:
        x = batch()
        torch.manual_seed(2)
        losses = model.play(x, only).terms
        return {who: {name: term.item() for name, term in terms.items()} for who, terms in losses.items()}

    everybody = values()
    for group in (model.trained, "critic"):
        assert values(group) == {group: pytest.approx(everybody[group])}
    assert "penalty" in everybody["critic"]
    called: list[tuple[Tensor, Tensor]] = []
    listen(model.generator, called)
    listen(model.critic, called)
    assert list(values("code_critic")) == ["code_critic"]
    assert not called


def listen(module: nn.Module, calls: list[tuple[Tensor, Tensor]]) -> None:
    """Note the first input and the output of every call."""
    module.register_forward_hook(
        lambda _, given, out: calls.append((given[0].detach(), (out[0] if isinstance(out, tuple) else out).detach()))
    )


@pytest.mark.parametrize(("share", "n_rec"), [(0.0, 0), (0.25, 2), (0.5, 4), (0.75, 6)])
def test_critic_sees_the_asked_share_of_reconstructions(share: float, n_rec: int):
    model = make(rec_share=share, start=0.0, augment="none")
    encoded, drawn, judged = [], [], []
    for module, calls in [(model.encoder, encoded), (model.generator, drawn), (model.critic, judged)]:
        listen(module, calls)
    x = batch().x
    model.play(Batch(x))
    assert (len(encoded), len(drawn), len(judged)) == (1, 2, 2)  # one forward pass serves all players
    (z, rec), (z_prior, gen) = drawn
    assert (len(z), len(z_prior)) == (8, 8 - n_rec)
    (real, _), (fakes, _) = judged
    assert torch.equal(real, x)
    assert torch.equal(fakes, torch.cat([rec[:n_rec], gen]).tanh())


def test_labels_stay_with_their_images():
    model = make(conditional=True, rec_share=0.25)
    asked: list[Tensor] = []
    model.generator.register_forward_pre_hook(lambda _, given: asked.append(given[1]))
    model.critic.register_forward_pre_hook(lambda _, given: asked.append(given[1]))
    x, y = batch()
    assert y is not None
    model.play(Batch(x, y))
    assert [v.tolist() for v in asked] == [v.tolist() for v in (y, y[2:], y, y)]


def test_term_of_the_prior_moves_nobody_else():
    model = make(start=0.0)
    model.likelihood.eval()  # its scale would differ between the two calls
    outcome = model.play(Batch(batch().x))
    outcome.terms["prior"]["nll"] = 1000 * outcome.terms["prior"]["nll"]
    grads = gradients.gradients(outcome, model.players())
    without = model.play(Batch(batch().x))
    del without.terms["prior"]
    expected = gradients.gradients(without, model.players())
    assert set(grads) - set(expected) == {"prior"}
    for name, group in expected.items():
        assert all(torch.equal(a, b) for a, b in zip(grads[name], group, strict=True)), name
    assert any(g.abs().sum() > 0 for g in grads["prior"])


def test_adversarial_term_weighs_nats_per_pixel_value():
    model = make(start=0.0, weight=0.5)
    model.critic.get_parameter("head.weight").data.zero_()  # equal scores: log 2
    outcome = model.play(Batch(batch().x))
    assert outcome.terms[("encoder", "generator")]["g_adv"].item() == pytest.approx(0.5 * 64 * math.log(2))
    assert outcome.terms["critic"]["d_adv"].item() == pytest.approx(math.log(2))
    assert outcome.diagnostics["score_gap"].item() == 0


def test_lazy_penalty_weighs_the_rounds_it_skips():
    model = make(penalty=3.0, penalty_every=4)
    model.critic.forward = lambda x, y=None: (2 * x.flatten(1).sum(1), [])  # slope 2 in each of 64 pixels
    r1 = model.smooth(Batch(batch().x)).terms["critic"]["r1"]
    assert r1.item() == pytest.approx(0.5 * 3 * 4 * (4 * 64))
    assert "r1" not in model.play(batch()).terms["critic"]
    assert [turn.every for turn in model.turns()] == [1, 1, 4]


def test_a_penalty_of_every_round_is_part_of_the_critics_own_step():
    model = make(penalty=3.0)
    model.critic.forward = lambda x, y=None: (2 * x.flatten(1).sum(1), [])
    assert model.play(batch()).terms["critic"]["r1"].item() == pytest.approx(0.5 * 3 * (4 * 64))
    assert [turn.every for turn in model.turns()] == [1, 1]
    for without in (make(penalty=0.0), make(penalty=0.0, penalty_every=4)):
        assert "r1" not in without.play(batch()).terms["critic"]
        assert len(without.turns()) == 2


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
def test_a_penalty_in_the_own_step_moves_the_critic_as_one_in_a_turn_of_its_own(order: str):
    own, apart = (make(start=0.0, order=order, augment="none", penalty_every=every) for every in (1, 2))
    x = batch()
    torch.manual_seed(2)
    together = [turn.losses(x).terms for turn in own.turns()][:3]
    torch.manual_seed(2)
    *split, r1 = [turn.losses(x).terms for turn in apart.turns()]
    critic = list(own.critic.parameters())
    one = next(terms for losses in together for who, terms in losses.items() if who == "critic")
    tell = next(terms for losses in split for who, terms in losses.items() if who == "critic")
    expected = torch.autograd.grad(tell["d_adv"] + r1["critic"]["r1"] / 2, list(apart.critic.parameters()))
    for a, b in zip(torch.autograd.grad(one["d_adv"] + one["r1"], critic), expected, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-6)


def test_the_critic_sees_an_image_and_its_reconstruction_moved_by_the_same_way():
    model = make(start=0.0, rec_share=0.5)
    judged: list[tuple[Tensor, Tensor]] = []
    listen(model.critic, judged)
    x = batch().x
    model.judge(x, x, None)
    (real, _), (fakes, _) = judged
    assert torch.equal(real[:4], fakes[:4])
    assert torch.equal(real.flatten(1).sort(1).values, x.flatten(1).sort(1).values)
    assert not torch.equal(real, x)


def test_noise_channels_make_encodings_differ():
    x = batch().x
    with torch.no_grad():
        noisy = make(noise=2).eval()
        first, second = (noisy.encode(x).mean for _ in range(2))
        assert not torch.allclose(first, second)
        plain = make().eval()
        first, second = (plain.encode(x).mean for _ in range(2))
        assert torch.equal(first, second)


def test_features_enter_when_asked():
    assert "features" not in moved_terms(make(start=0.0))
    assert "features" in moved_terms(make(start=0.0, features=0.1))
    assert "features" not in moved_terms(make(start=0.0, features=0.1, rec_share=0.0))


def moved_terms(model: GVAE) -> set[str]:
    return set(model.turns()[0].losses(batch()).terms[("encoder", "generator")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rec_share": 1.0}, "--rec-share is 1.0; it must be a finite number of at least 0 and below 1"),
        ({"penalty_every": 0}, "--penalty-every is 0; it must be at least 1"),
        (
            {"features": 1.0, "augment": "diff"},
            "--features compares an image with its reconstruction, which --augment diff changes apart; "
            "use --augment shift or none",
        ),
        ({"noise": -1}, "--noise is -1; it must be from 0 to 1,024"),
        ({"code": "critic"}, "--code critic has no effect on a frozen encoder; use --no-freeze, or --start 0"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict, message: str):
    with pytest.raises(GvaeError) as error:
        make(**options)
    assert str(error.value) == message


def test_the_adaptive_weight_makes_both_gradients_alike_at_the_last_layer():
    model = make(start=0.0, balance=0.5)
    outcome = model.play(batch())
    terms = outcome.terms[model.trained]
    sizes = {
        name: torch.autograd.grad(terms[name], model.generator.last.weight, retain_graph=True)[0].norm().item()
        for name in ("nll", "g_adv")
    }
    assert sizes["g_adv"] == pytest.approx(0.5 * sizes["nll"], rel=1e-2)
    assert outcome.diagnostics["weight"] > 0
    assert "weight" not in make(start=0.0).play(batch()).diagnostics


@pytest.mark.parametrize("family", ["small", "conv", "resnet", "mlp"])
def test_the_last_layer_is_the_one_that_paints(family: str):
    model = GVAE(SPEC, Config(latent=4, net=NetConfig(family, width=8)))
    weight = last_weight(model.generator)
    assert 1 in (weight.shape[0], weight.shape[0] // 4, weight.shape[0] // 64)


@pytest.mark.parametrize(("start", "read"), [(0.7, 5), (0.0, 3)])
def test_the_first_fit_of_the_prior_reads_all_codes_it_can_use_or_few_of_an_encoder_that_knows_nothing(
    start: float, read: int, monkeypatch
):
    monkeypatch.setattr("gvae.models.latent.FIT_CODES", 200)
    monkeypatch.setattr("gvae.models.gvae.UNLEARNED", 100)
    model, batches = make(components=3, start=start), []

    def reading():
        for i in range(10):
            batches.append(i)
            yield batch(40)

    begin = next(turn.on_start for turn in model.turns() if turn.on_start)
    begin(reading())
    assert len(batches) == read
    assert model.prior.fitted


def test_momentum_is_that_of_the_generating_side():
    model = make(momentum=0.5)
    assert model.optim("generator").betas == (0.5, 0.99)
    assert make().optim("encoder").betas == (0.9, 0.99)


@pytest.mark.parametrize(
    ("options", "family", "inherits"),
    [
        ({}, "small", True),
        ({}, "resnet", True),
        ({"critic_start": "random"}, "small", False),
        ({"noise": 1}, "small", False),  # the encoder sees one channel more
        ({}, "conv", False),  # the encoder normalises, the critic does not
        ({}, "mlp", False),
    ],
)
def test_a_late_critic_begins_with_the_encoders_layers(options: dict, family: str, inherits: bool):
    torch.manual_seed(0)
    net = NetConfig(family, width=8)  # pyright: ignore[reportArgumentType]
    model = GVAE(SPEC, Config(latent=4, net=net, **options))
    before = {name: p.clone() for name, p in model.critic.named_parameters()}
    play = next(turn for turn in model.turns() if turn.on_start)
    assert play.on_start
    play.on_start([batch()] * 20)
    for name, p in model.critic.named_parameters():
        learned = dict(model.encoder.named_parameters()).get(name)
        assert torch.equal(p, learned if inherits and name.startswith("trunk") else before[name]), name
    first = make(start=0.0)
    kept = first.critic.trunk.first.weight.clone()
    next(turn for turn in first.turns() if turn.on_start).on_start([batch()] * 20)
    assert torch.equal(first.critic.trunk.first.weight, kept)  # nobody has learned anything yet


def test_encoder_and_generator_take_smaller_steps_beside_a_late_critic_and_the_prior_does_not():
    def steps(model: GVAE, progress: float) -> dict[str, float]:
        model.progress = progress
        return {name: model.optim(name).lr for name in model.players()}

    model = make(start=0.7, lr=1e-3, generator_lr_adv=2e-4, critic_lr=5e-4, freeze=False)
    assert steps(model, 0.69) == {"encoder": 1e-3, "generator": 1e-3, "prior": 1e-3, "critic": 5e-4}
    assert steps(model, 0.7) == {"encoder": 2e-4, "generator": 2e-4, "prior": 1e-3, "critic": 5e-4}
    assert steps(make(start=0.0, lr=1e-4), 0.5)["encoder"] == 1e-4  # there is no first stage to leave


@pytest.mark.parametrize("freeze", [True, False])
def test_a_prior_that_was_played_is_kept_as_it_is(freeze: bool, digits, tmp_path):
    options = TrainConfig(images=2000, batch=50, seed=1)
    config = Config(latent=4, net=NET, components=3, start=0.5, freeze=freeze)
    run = train("gvae", config, options, digits, "digits", tmp_path / "kept")
    played = torch.load(run.state, weights_only=True)["model"]
    final = api.load(run).model
    kept = final.state_dict()
    assert all(torch.equal(kept[name], played[name]) for name in played if name.startswith("prior."))
    again = deepcopy(final)
    assert isinstance(again, GVAE)
    again.fit_prior([digits.batch(digits.split("train")[:1000])])
    z = codes(final, digits)
    anew, old = (model.prior.log_prob(z).mean().item() for model in (again, final))
    assert not freeze or old > anew - 0.3  # it is as true to the last codes as one fitted to them


def codes(model: nn.Module, dataset: Dataset) -> Tensor:
    """One code of each of some validation images."""
    assert isinstance(model, GVAE)
    with torch.no_grad():
        return model.encode(dataset.batch(dataset.split("val")[:200]).x).sample()


def test_a_prior_is_fitted_at_the_end_if_nobody_played_with_it():
    late, first = make(start=0.5, components=3), make(start=0.0, components=3)
    assert late.refit_prior_at_end
    for model in (late, first):
        next(turn for turn in model.turns() if turn.on_start).on_start([batch()] * 20)
        assert model.prior.fitted
    assert not late.refit_prior_at_end
    assert first.refit_prior_at_end  # the codes have changed since the encoder knew nothing
    assert make(start=1.0).refit_prior_at_end
