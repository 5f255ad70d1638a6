"""The losses of the adversarial family by hand, with critics that say what the test tells them; and who moves whom."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from gvae.config import NetConfig
from gvae.errors import GvaeError
from gvae.models import ac_gan, ac_wgan, alpha_gan, cgan, gan, resolve, wgan
from gvae.models.base import Losses, Model
from gvae.nets.leaky_tanh import leaky_tanh
from gvae.training import gradients
from gvae.types import Batch, DataSpec

SPEC = DataSpec("made", 1, (8, 8), classes=("a", "b", "c"))
NET = NetConfig(width=8)
FEATURES = 16
"""length of the last features of the critic at that width"""


def batch(n: int = 6) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.rand(n, 1, 8, 8) * 2 - 1, torch.arange(n) % 3)


def make(module: Any, kind: str, **options: Any) -> Any:
    torch.manual_seed(0)
    return getattr(module, kind)(SPEC, module.Config(latent=4, net=NET, **options))


def gan_of(**options: Any) -> gan.GAN:
    return make(gan, "GAN", **options)


def says(critic: nn.Module, *scores: float) -> None:
    """Let the critic answer its calls with these constants in turn; the last features count the calls."""
    answers: Iterator[tuple[int, float]] = enumerate(scores)

    def answer(x: Tensor, y: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        number, score = next(answers)
        return torch.full((len(x),), score), [torch.full((len(x), FEATURES), float(number))]

    critic.forward = answer


def values(outcome: Losses) -> dict[str, dict[str, float]]:
    """Every term as a number."""
    return {
        gradients.label(who): {name: term.item() for name, term in terms.items()}
        for who, terms in outcome.terms.items()
    }


def sigmoid(s: float) -> float:
    return 1 / (1 + math.exp(-s))


def grads(outcome: Losses, model: Model) -> dict[str, list[Tensor]]:
    return gradients.gradients(outcome, model.players())


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def step(model: Model, outcome: Losses, optimizers: dict[str, torch.optim.Optimizer]) -> None:
    moves = grads(outcome, model)
    gradients.step(moves, model.players(), optimizers, gradients.norms(moves), clip=0)


# GAN


@pytest.mark.parametrize(
    ("loss", "d_adv", "g_adv"),
    [
        ("nonsaturating", -math.log(sigmoid(2)) - math.log(1 - sigmoid(-0.5)), -math.log(sigmoid(-0.5))),
        ("hinge", 0.5, 0.5),  # the real score is beyond its margin
        ("relativistic", -math.log(sigmoid(2.5)), -math.log(sigmoid(-2.5))),
    ],
)
def test_gan_losses_by_hand(loss: str, d_adv: float, g_adv: float):
    model = gan_of(loss=loss)
    says(model.critic, 2.0, -0.5)  # data first, then fakes
    outcome = model.play(batch())
    assert values(outcome) == {"generator": {"g_adv": pytest.approx(g_adv)}, "critic": {"d_adv": pytest.approx(d_adv)}}
    assert outcome.diagnostics["score_gap"].item() == 2.5


def test_equal_scores_cost_both_sides_log_two_in_the_relativistic_game():
    model = gan_of(loss="relativistic")
    says(model.critic, 7.0, 7.0)
    expected = pytest.approx(math.log(2))
    assert values(model.play(batch())) == {"generator": {"g_adv": expected}, "critic": {"d_adv": expected}}


def test_smoothing_moves_the_target_of_real_images_only():
    model = gan_of(smooth=0.2)
    says(model.critic, 1.5, -1.0)
    terms = values(model.play(batch()))
    real = -0.8 * math.log(sigmoid(1.5)) - 0.2 * math.log(1 - sigmoid(1.5))
    assert sum(terms["critic"].values()) == pytest.approx(real - math.log(1 - sigmoid(-1.0)))
    assert terms["generator"] == {"g_adv": pytest.approx(-math.log(sigmoid(-1.0)))}


@pytest.mark.parametrize(("progress", "std"), [(0.0, 0.5), (0.5, 0.25), (0.9, 0.05), (1.0, 0.0)])
def test_noise_on_all_that_the_critic_sees_falls_to_nothing(progress: float, std: float):
    model = gan_of(noise=0.5)
    model.progress = progress
    seen: list[Tensor] = []
    model.critic.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    model.generator.forward = lambda z, y=None: torch.zeros(len(z), 1, 8, 8)
    model.play(Batch(torch.zeros(500, 1, 8, 8)))
    assert len(seen) == 2
    for images in seen:
        assert images.std().item() == pytest.approx(std, rel=0.02)
        assert images.mean().item() == pytest.approx(0, abs=0.01)


def test_one_forward_pass_serves_both_players_of_a_gan():
    model, calls = gan_of(), []
    for name, module in model.players().items():
        module.register_forward_hook(lambda *_, name=name: calls.append(name))
    outcome = model.play(batch())
    assert sorted(calls) == ["critic", "critic", "generator"]
    assert set(grads(outcome, model)) == {"generator", "critic"}


def test_neither_side_of_a_gan_is_moved_by_the_others_terms():
    model = gan_of()
    once = grads(model.play(batch()), model)
    for loud, quiet in [("generator", "critic"), ("critic", "generator")]:
        outcome = model.play(batch())  # `batch` seeds the noise: the same fakes
        outcome.terms[loud] = {name: 1024 * term for name, term in outcome.terms[loud].items()}
        got = grads(outcome, model)
        assert same(got[quiet], once[quiet])
        assert same(got[loud], [1024 * g for g in once[loud]])  # a power of two: exact


def test_lazy_penalty_of_a_gan_weighs_the_rounds_it_skips():
    model = gan_of(penalty=3.0, penalty_every=4)
    model.critic.forward = lambda x, y=None: (2 * x.flatten(1).sum(1), [])  # slope 2 in each of 64 pixels
    assert values(model.smoothen(batch())) == {"critic": {"r1": pytest.approx(0.5 * 3 * 4 * (4 * 64))}}
    assert [turn.every for turn in model.turns()] == [1, 4]
    assert [turn.every for turn in gan_of(penalty=0.0).turns()] == [1]


def test_a_generator_that_paints_all_black_is_called_back():
    model = gan_of(penalty=0.0)
    model.critic.forward = lambda x, y=None: (x.flatten(1).mean(1), [])  # the brighter the better
    for by_hand in (True, False):
        nn.init.constant_(model.generator.last.bias, -20.0)
        x_gen = (torch.tanh if by_hand else leaky_tanh)(model.generator(torch.randn(6, 4)))
        assert x_gen.max() == -1
        (slope,) = torch.autograd.grad(-x_gen.mean(), [model.generator.last.bias])
        assert slope.sum().item() == pytest.approx(0 if by_hand else -0.01, rel=1e-4)
    mover = torch.optim.Adam(model.generator.parameters(), 0.2)
    for _ in range(150):
        mover.zero_grad()
        model.play(batch()).terms["generator"]["g_adv"].backward()
        mover.step()
    assert model.sample(6).mean() > 0.5


@given(st.floats(-30, 30), st.sampled_from([-1.0, 1.0]))
def test_the_slope_of_painted_pixels(value, grad):
    x = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    leaky_tanh(x).backward(torch.tensor(grad, dtype=torch.float64))
    assert x.grad is not None
    slope, leads_back = 1 - math.tanh(value) ** 2, grad * value > 0
    assert x.grad.item() == pytest.approx(grad * (max(slope, 0.01) if leads_back else slope), abs=1e-12)


def test_penalties_of_a_gan_are_taken_where_the_option_says():
    for penalise, names in [("real", {"r1"}), ("fake", {"r2"}), ("both", {"r1", "r2"})]:
        model = gan_of(penalty=2.0, penalty_every=1, penalise=penalise)
        model.generator.forward = lambda z, y=None: torch.full((len(z), 1, 8, 8), math.atanh(0.5))
        model.critic.forward = lambda x, y=None: (x.flatten(1).square().sum(1) / 2, [])  # the gradient is x itself
        terms = values(model.smoothen(Batch(torch.full((3, 1, 8, 8), 0.25))))["critic"]
        expected = {"r1": 64 * 0.25**2, "r2": 64 * 0.5**2}
        assert terms == {name: pytest.approx(expected[name], rel=1e-5) for name in names}


def test_a_conditional_gan_tells_both_players_the_class():
    model, told = gan_of(conditional=True), []
    for module in model.players().values():
        module.register_forward_pre_hook(lambda _, given: told.append(given[1].tolist()))
    x, y = batch()
    model.play(Batch(x, y))
    assert told == [[0, 1, 2, 0, 1, 2]] * 3


# CGAN


def test_a_critic_told_at_its_input_sees_one_plane_for_each_class():
    model = make(cgan, "CGAN", conditioning="input")
    seen: list[Tensor] = []
    model.critic.critic.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    x, y = batch()
    score, features = model.critic(x, y)
    assert score.shape == (6,)
    assert features[-1].shape == (6, FEATURES)
    assert torch.equal(seen[0][:, :1], x)
    for image, label in zip(seen[0], y.tolist(), strict=True):
        assert image[1:].mean((1, 2)).tolist() == [float(c == label) for c in range(3)]
        assert image[1:].std((1, 2)).sum() == 0
    with pytest.raises(GvaeError, match="conditional, but got no labels"):
        model.critic(x)


def test_cgan_by_projection_is_a_conditional_gan_to_the_bit():
    ours, theirs = make(cgan, "CGAN"), gan_of(conditional=True)
    assert values(ours.play(batch())) == values(theirs.play(batch()))
    assert make(cgan, "CGAN", conditioning="input", conditional=False).critic(batch().x)[0].shape == (6,)


# WGAN


def wgan_of(**options: Any) -> wgan.WGAN:
    return make(wgan, "WGAN", **options)


def test_wgan_losses_are_differences_of_scores():
    model = wgan_of()
    says(model.critic, 2.0, -1.0)
    outcome = model.criticise(batch())
    assert values(outcome) == {"critic": {"wasserstein": -3.0}}
    assert outcome.diagnostics["distance"].item() == 3.0
    says(model.critic, -1.0)
    assert values(model.generate(batch())) == {"generator": {"wasserstein": 1.0}}
    assert [turn.repeat for turn in model.turns()] == [5, 1]


def test_the_critic_is_judged_and_stepped_from_clipped_weights():
    model = wgan_of(clip_weights=0.02)
    signs = [p.detach().sign() for p in model.critic.parameters()]
    outcome = model.criticise(batch())
    assert all(p.abs().max() <= 0.02 for p in model.critic.parameters())
    assert all((p.sign() == s).all() for p, s in zip(model.critic.parameters(), signs, strict=True))
    optimizers: dict[str, torch.optim.Optimizer] = {
        name: torch.optim.Adam(module.parameters(), 1e-3, (0.0, 0.99)) for name, module in model.players().items()
    }
    step(model, outcome, optimizers)  # Adam's first step is its step size: one step outside at most
    assert 0.02 < max(p.abs().max().item() for p in model.critic.parameters()) <= 0.0211
    model.criticise(batch())
    assert max(p.abs().max().item() for p in model.critic.parameters()) == pytest.approx(0.02)


def test_clipping_before_each_use_is_clipping_after_each_step():
    """Three critic steps and a generator step as in the paper's box, against the turns of the model."""
    model = wgan_of(clip_weights=0.05)
    for p in model.critic.parameters():
        p.data.clamp_(-0.05, 0.05)
    paper, rate, x = copy.deepcopy(model), 100.0, batch().x
    for round in range(3):
        torch.manual_seed(round)
        for p, g in zip(model.critic.parameters(), grads(model.criticise(Batch(x)), model)["critic"], strict=True):
            p.data.sub_(rate * g)
        torch.manual_seed(round)
        loss = (paper.critic(paper.sample(6).detach())[0] - paper.critic(x)[0]).mean()
        for p, g in zip(
            paper.critic.parameters(), torch.autograd.grad(loss, list(paper.critic.parameters())), strict=True
        ):
            p.data.sub_(rate * g).clamp_(-0.05, 0.05)
    outside = [p for p in model.critic.parameters() if p.abs().max() > 0.05]
    assert outside  # or nothing was tested
    before = [p.clone() for p in model.critic.parameters()]
    torch.manual_seed(9)
    ours = model.generate(Batch(x))
    torch.manual_seed(9)
    theirs = -paper.critic(paper.sample(6))[0].mean()
    assert torch.allclose(ours.terms["generator"]["wasserstein"], theirs, rtol=1e-5)
    expected = torch.autograd.grad(theirs, list(paper.generator.parameters()))
    for g, e in zip(grads(ours, model)["generator"], expected, strict=True):
        assert torch.allclose(g, e, rtol=1e-4, atol=1e-8)
    assert same(list(model.critic.parameters()), before)  # the generator's turn leaves the critic alone
    model.criticise(Batch(x))
    for p, q in zip(model.critic.parameters(), paper.critic.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6)


def test_the_scale_of_clipped_scores_is_a_product_of_layers_and_drops_out_of_adams_step():
    model = wgan_of(clip_weights=1.0)
    for name, p in model.critic.named_parameters():
        p.data.clamp_(-0.1, 0.1) if name.endswith("weight") else p.data.zero_()
    small, x, layers = copy.deepcopy(model), batch().x, 0
    for name, p in small.critic.named_parameters():
        p.data.mul_(0.5)
        layers += name.endswith("weight")
    assert torch.allclose(small.critic(x)[0], model.critic(x)[0] * 0.5**layers, rtol=1e-4)
    moved = []
    for m in (model, small):
        torch.manual_seed(5)
        gradient = grads(m.generate(Batch(x)), m)["generator"]
        moved.append([g / g.square().mean().sqrt() for g in gradient])  # Adam takes the scale out
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(*moved, strict=True))


def test_a_clipped_critic_learns_to_tell():
    """From tiny random scores to clear ones within a few hundred steps: the box is crossed, signs line up."""
    model = wgan_of(lr=2e-4)
    o = model.optim("critic")
    optimizers: dict[str, torch.optim.Optimizer] = {
        "critic": torch.optim.Adam(model.critic.parameters(), o.lr, o.betas)
    }
    x, distances = batch(16).x.abs(), []
    for _ in range(200):
        outcome = model.criticise(Batch(x))
        distances.append(outcome.diagnostics["distance"].item())
        step(model, outcome, optimizers)
    assert abs(distances[0]) < 1e-3  # clipped from the start
    assert distances[-1] > 0.02


# AC-GAN and AC-WGAN


def judged(module: Any, kind: str, **options: Any) -> Any:
    """A model whose classifier, by `says`, gives the logits (0, 0, 0) on the first call and (0, 1, 2) on the second."""
    model = make(module, kind, **options)
    model.classifier.weight.data.zero_()
    model.classifier.weight.data[:, 0] = torch.tensor([0.0, 1.0, 2.0])
    model.classifier.bias.data.zero_()
    return model


FIRST = math.log(3)
SECOND = math.log(1 + math.e + math.e**2) - 1
"""mean cross-entropy over the classes 0, 1, 2 in equal parts of the logits (0, 0, 0) and (0, 1, 2)"""


def test_classes_cost_their_cross_entropy_on_data_and_fakes():
    model = judged(ac_gan, "ACGAN", weight=0.5)
    says(model.critic, 2.0, -1.0)
    outcome = model.play(batch())
    assert values(outcome) == {
        "generator": {"g_adv": pytest.approx(-math.log(sigmoid(-1.0))), "class": pytest.approx(0.5 * SECOND)},
        "critic+classifier": {
            "d_adv": pytest.approx(-math.log(sigmoid(2.0)) - math.log(1 - sigmoid(-1.0))),
            "class": pytest.approx(0.5 * (FIRST + SECOND)),
        },
    }
    assert outcome.diagnostics["accuracy"].item() == pytest.approx(1 / 3)


def test_losses_of_ac_wgan_by_hand():
    model = judged(ac_wgan, "ACWGAN", penalty=10.0)

    def linear(x: Tensor, y: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        score = 0.25 * x.flatten(1).sum(1)  # a slope of 0.25 in each of 64 pixels: norm 2
        return score, [torch.ones(len(x), FEATURES)]

    model.critic.forward = linear
    model.generator.forward = lambda z, y=None: torch.full((len(z), 1, 8, 8), math.atanh(0.5))
    x, y = batch()
    distance = 0.25 * x.flatten(1).sum(1).mean().item() - 0.25 * 64 * 0.5
    outcome = model.criticise(Batch(x, y))
    assert values(outcome) == {
        "critic+classifier": {
            "wasserstein": pytest.approx(-distance, rel=1e-4),
            "penalty": pytest.approx(10 * (2 - 1) ** 2, rel=1e-4),
            "class": pytest.approx(2 * SECOND),
        }
    }
    assert outcome.diagnostics["distance"].item() == pytest.approx(distance, rel=1e-4)
    assert values(model.generate(Batch(x, y))) == {
        "generator": {"wasserstein": pytest.approx(-8.0, rel=1e-5), "class": pytest.approx(SECOND)}
    }
    assert [turn.repeat for turn in model.turns()] == [5, 1]


BOTH = pytest.mark.parametrize(("module", "kind"), [(ac_gan, "ACGAN"), (ac_wgan, "ACWGAN")])


@BOTH
def test_a_classifier_is_conditional_unless_told_otherwise(module: Any, kind: str):
    assert set(make(module, kind).players()) == {"generator", "critic", "classifier"}
    plain = make(module, kind, conditional=False)
    assert set(plain.players()) == {"generator", "critic"}
    x, _ = batch()
    terms = [values(turn.losses(Batch(x))) for turn in plain.turns()]
    assert not any("class" in names for each in terms for names in each.values())


@BOTH
def test_the_critic_is_told_no_class_and_the_generator_is(module: Any, kind: str):
    model, told = make(module, kind), []
    model.critic.register_forward_pre_hook(lambda _, given: told.append(len(given)))
    model.generator.register_forward_pre_hook(lambda _, given: told.append(given[1].tolist()))
    for turn in model.turns():
        turn.losses(batch())
    assert {str(v) for v in told} == {"1", "[0, 1, 2, 0, 1, 2]"}


@BOTH
def test_who_is_moved_by_the_class_term(module: Any, kind: str):
    model = make(module, kind)
    players, moved = set(), set()
    for turn in model.turns():
        losses = {
            who: {"class": terms["class"]} for who, terms in turn.losses(batch()).terms.items() if "class" in terms
        }
        players |= set(losses)
        for name, group in grads(Losses(losses), model).items():
            moved |= {name} if any(g.abs().sum() > 0 for g in group) else set()
    assert players == {"generator", ("critic", "classifier")}
    assert moved == {"generator", "critic", "classifier"}


@pytest.mark.parametrize("family", ["small", "conv", "resnet", "mlp"])
def test_the_classifier_fits_the_features_of_every_family_and_building_it_leaves_no_trace(family: str):
    net = NetConfig(family=family, width=8, block="paper")
    torch.manual_seed(0)
    model = ac_gan.ACGAN(SPEC, ac_gan.Config(latent=4, net=net))
    _, features = model.critic(batch().x)
    assert model.logits(features).shape == (6, 3)
    assert all(m.training for m in model.modules())
    fresh = ac_gan.ACGAN(SPEC, ac_gan.Config(latent=4, net=net))
    counts = [b.item() for name, b in fresh.critic.named_buffers() if name.endswith("num_batches_tracked")]
    assert not any(counts)  # the look at a gray image is no training


# alpha-GAN


def alpha(**options: Any) -> alpha_gan.AlphaGAN:
    return make(alpha_gan, "AlphaGAN", **options)


def fixed(**options: Any) -> tuple[alpha_gan.AlphaGAN, Tensor]:
    """Critics of constant scores: data 2, reconstructions -1, samples 0.5; N(0, I) 1.5, codes -0.25; gray images."""
    model = alpha(**options)
    says(model.critic, 2.0, -1.0, 0.5)
    answers = iter([1.5, -0.25])
    model.code_critic.forward = lambda z, y=None: torch.full((len(z),), next(answers))
    model.generator.forward = lambda z, y=None: torch.zeros(len(z), 1, 8, 8)
    return model, batch().x


def test_four_losses_of_alpha_gan_by_hand():
    model, x = fixed(l1=5.0)
    l1 = pytest.approx(5 * x.abs().mean().item())
    log = lambda s: math.log(sigmoid(s))  # noqa: E731
    outcome = model.play(Batch(x))
    assert values(outcome) == {
        "encoder": {"l1": l1, "code": pytest.approx(-log(-0.25))},
        "generator": {"l1": l1, "g_adv": pytest.approx(-log(-1.0) - log(0.5))},
        "critic": {"d_adv": pytest.approx(-2 * log(2.0) - log(1.0) - log(-0.5))},
        "code_critic": {"d_adv": pytest.approx(-log(1.5) - log(0.25))},
    }
    assert outcome.diagnostics["score_gap"].item() == pytest.approx(2 + 0.25)
    assert outcome.diagnostics["mse"].item() == pytest.approx(x.square().mean().item() / 4)


def test_the_papers_ratio_is_minus_the_score():
    model, x = fixed(loss="ratio", beta=2.0)
    terms = values(model.play(Batch(x)))
    assert terms["encoder"]["code"] == pytest.approx(2 * 0.25)
    assert terms["generator"]["g_adv"] == pytest.approx(1.0 - 0.5)


def test_the_ratio_of_the_best_code_critic_estimates_the_kl():
    """q = N(1, 0.5^2) and p = N(0, 1): R of the score log p - log q, averaged over q, is KL(q || p)."""
    torch.manual_seed(0)
    z = 1 + 0.5 * torch.randn(100_000)
    score = -z.square() / 2 + (z - 1).square() / (2 * 0.25) + math.log(0.5)
    kl = 0.5 * (1 + 0.25 - 1) - math.log(0.5)
    assert alpha_gan.GENERATOR_LOSS["ratio"](score, score).mean().item() == pytest.approx(kl, abs=0.01)


def test_weight_of_the_code_critic_rises_over_the_warmup():
    codes = []
    for progress in (0.05, 0.1, 1.0):
        model, x = fixed(kl_warmup=0.1)
        model.progress = progress
        codes.append(values(model.play(Batch(x)))["encoder"]["code"])
    assert codes[1] == codes[2] == pytest.approx(2 * codes[0])
    assert alpha().beta == 1


def test_each_player_of_alpha_gan_hears_its_own_critic_only():
    def gradients(critic: float, code_critic: float) -> dict[str, list[Tensor]]:
        model = alpha()
        model.critic.get_parameter("head.weight").data.mul_(critic)
        model.code_critic.get_submodule("4").get_parameter("weight").data.mul_(code_critic)
        return grads(model.play(batch()), model)

    plain, images, codes = gradients(1, 1), gradients(3, 1), gradients(1, 3)
    assert set(plain) == {"encoder", "generator", "critic", "code_critic"}
    assert same(plain["encoder"], images["encoder"])
    assert not same(plain["generator"], images["generator"])
    assert same(plain["generator"], codes["generator"])
    assert not same(plain["encoder"], codes["encoder"])
    assert same(plain["critic"], codes["critic"])
    assert same(plain["code_critic"], images["code_critic"])


def test_a_deterministic_code_is_its_own_sample_and_a_gaussian_one_is_not():
    x = batch().x
    with torch.no_grad():
        q = alpha().encode(x)
        assert torch.equal(q.sample(), q.mean)
        assert (q.batch_shape, q.event_shape) == ((6,), (4,))
        q = alpha(posterior="gaussian").encode(x)
        assert not torch.equal(q.sample(), q.mean)
    heads = [alpha(posterior=p).encoder.get_submodule("head") for p in ("deterministic", "gaussian")]
    assert [len(head.get_parameter("bias")) for head in heads] == [4, 8]


def test_a_conditional_code_critic_is_told_the_class():
    model = alpha(conditional=True)
    z = torch.zeros(6, 4)
    scores = model.code_critic(z, batch().y)
    assert torch.allclose(scores[:3], scores[3:])
    assert (scores[:3] - scores[1:4]).abs().min() > 1e-3
    assert alpha().code_critic(z, None).std() < 1e-6


# options


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (gan_of, {"smooth": 1.0}, "--smooth is 1.0; it must be a finite number of at least 0 and below 1"),
        (
            gan_of,
            {"smooth": 0.1, "loss": "hinge"},
            "--smooth is for --loss nonsaturating; --loss hinge has no target to move",
        ),
        (gan_of, {"noise": -1.0}, "--noise is -1.0; it must be a finite number of at least 0"),
        (gan_of, {"penalty_every": 0}, "--penalty-every is 0; it must be at least 1"),
        (wgan_of, {"clip_weights": 0.0}, "--clip-weights is 0.0; it must be a finite number above 0"),
        (wgan_of, {"critic_steps": 0}, "--critic-steps is 0; it must be from 1 to 1,000"),
        (alpha, {"l1": -1.0}, "--l1 is -1.0; it must be a finite number of at least 0"),
        (
            alpha,
            {"likelihood": "gaussian-learned"},
            "alpha-gan does not train a pixel likelihood; use --likelihood gaussian",
        ),
    ],
)
def test_options_that_cannot_work_are_refused(build: Any, options: dict[str, Any], message: str):
    with pytest.raises(GvaeError) as error:
        build(**options)
    assert str(error.value) == message


@BOTH
def test_negative_weights_of_classes_are_refused(module: Any, kind: str):
    with pytest.raises(GvaeError, match=r"--weight is -1\.0; it must be a finite number of at least 0"):
        make(module, kind, weight=-1.0)


@pytest.mark.parametrize(
    ("module", "kind"), [(gan, "GAN"), (wgan, "WGAN"), (ac_gan, "ACGAN"), (ac_wgan, "ACWGAN"), (alpha_gan, "AlphaGAN")]
)
def test_half_precision_gives_nearly_the_same_losses_in_float32(module: Any, kind: str):
    model = make(module, kind, conditional=True)
    for turn in model.turns():
        full = values(turn.losses(batch()))
        with torch.autocast("cpu", torch.bfloat16):
            outcome = turn.losses(batch())
        assert {t.dtype for terms in outcome.terms.values() for t in terms.values()} == {torch.float32}
        assert all(torch.isfinite(g).all() for group in grads(outcome, model).values() for g in group)
        half = values(outcome)
        for who, terms in full.items():
            assert half[who] == {name: pytest.approx(v, rel=0.05, abs=0.05) for name, v in terms.items()}


@pytest.mark.parametrize(
    ("real", "fake", "names"),
    [
        (0.0, 0.0, {"encoder", "generator", "critic"}),  # log 2 twice: near the equilibrium
        (5.0, 0.0, {"encoder", "generator"}),  # the critic is sure of real images
        (-1.0, 0.0, {"encoder", "critic"}),  # it takes real images for fakes: the generator is ahead
        (5.0, 3.0, {"encoder", "generator", "critic"}),  # both at once: nobody waits
    ],
)
def test_vae_gans_balance_rule_lets_the_one_ahead_wait(real: float, fake: float, names: set[str]):
    kind = resolve("vae-gan")
    model = kind(DataSpec("m", 1, (8, 8)), kind.Config(latent=4, margin=0.35, net=NetConfig(width=8)))
    x = torch.rand(6, 1, 8, 8) * 2 - 1
    features = model.critic(x)[1]

    def scores(v, y=None):
        score = (real if torch.equal(v, x) else fake) + 0 * v.flatten(1).sum(1)
        return score, [h + 0 * score.reshape(-1, *[1] * (h.dim() - 1)) for h in features]

    model.critic.forward = scores
    assert set(model.losses(Batch(x)).terms) == names


def test_vae_gan_moves_image_and_reconstruction_alike():
    kind = resolve("vae-gan")
    model = kind(DataSpec("m", 1, (16, 16)), kind.Config(latent=4, augment="shift", net=NetConfig(width=8)))
    x = torch.rand(6, 1, 16, 16) * 2 - 1
    model.decode = lambda z, y=None: SimpleNamespace(mean=x + 0 * z.sum())  # a perfect generator
    moved = []
    critic = model.critic.forward
    model.critic.forward = lambda v, y=None: moved.append(v) or critic(v, y)
    outcome = model.losses(Batch(x))
    assert not torch.equal(moved[0], x)
    assert outcome.terms["encoder"]["like"].item() == 0
