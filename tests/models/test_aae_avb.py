"""AAE and AVB: who is moved by what, and what their critics come to at the optimum."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from gvae.config import NetConfig
from gvae.distributions.posteriors import gaussian, rsample_and_log_prob
from gvae.errors import GvaeError
from gvae.losses.adversarial import nonsaturating_critic
from gvae.models import aae, avb
from gvae.models.aae import AAE
from gvae.models.avb import AVB
from gvae.nets.critics import PairCritic
from gvae.training import gradients
from gvae.types import Batch, DataSpec

SPEC = DataSpec("made", 1, (2, 2), classes=("a", "b", "c"))
NET = NetConfig(family="mlp", width=8)
JOINT = ("encoder", "generator")


def images(n: int = 8) -> Tensor:
    torch.manual_seed(3)
    return torch.rand(n, 1, 2, 2) * 2 - 1


def make_aae(**options) -> AAE:
    torch.manual_seed(0)
    return AAE(SPEC, aae.Config(**{"latent": 2, "net": NET, "kl_warmup": 0.0, **options}))


def make_avb(**options) -> AVB:
    torch.manual_seed(0)
    return AVB(SPEC, avb.Config(**{"latent": 2, "net": NET, "kl_warmup": 0.0, **options}))


class LinearScore(nn.Module):
    """D(z) = c . z, also in the place of AVB's critic."""

    def __init__(self, c: list[float]) -> None:
        super().__init__()
        self.c = nn.Parameter(torch.tensor(c))

    def forward(self, *inputs: Tensor | None) -> Tensor:
        z = inputs[1] if len(inputs) == 3 else inputs[0]  # (x, z, y) or (z, y)
        assert z is not None
        return z @ self.c


# AAE


def test_three_phases_move_autoencoder_then_critic_then_encoder():
    moves = [list(turn.losses(Batch(images())).terms) for turn in make_aae().turns()]
    assert moves == [[JOINT], ["code_critic"], ["encoder"]]


def test_reconstruction_is_the_likelihood_of_the_decoded_code():
    model, x = make_aae(posterior="deterministic").eval(), images()
    (terms,) = model.reconstruct(Batch(x)).terms.values()
    assert list(terms) == ["nll"]
    p = model.decode(model.encode(x).mean)
    assert terms["nll"].item() == pytest.approx(-p.log_prob(x).mean().item(), rel=1e-6)


def test_at_equal_scores_critic_loses_two_log_two_and_encoder_the_weight_in_pixels():
    model = make_aae(weight=0.5)
    model.code_critic = LinearScore([0.0, 0.0])
    assert model.criticise(Batch(images())).terms["code_critic"]["d_adv"].item() == pytest.approx(2 * math.log(2))
    assert model.regularise(Batch(images())).terms["encoder"]["g_adv"].item() == pytest.approx(0.5 * 4 * math.log(2))


def test_encoder_climbs_the_critic_that_puts_the_target_above_codes():
    model, x = make_aae(posterior="deterministic", weight=0.5), images()
    model.code_critic = critic = LinearScore([2.0, -1.0])
    z = model.encode(x).mean.detach()
    fool = model.regularise(Batch(x)).terms["encoder"]["g_adv"]
    (slope,) = torch.autograd.grad(fool, model.encoder.get_parameter("layers.layers.2.bias"))
    expected = -0.5 * 4 * torch.sigmoid(-z @ critic.c).mean() * critic.c  # downhill is along +c
    assert torch.allclose(slope, expected, atol=1e-6)

    real = torch.randn(8, 2)
    model.target = lambda n: real
    tell = model.criticise(Batch(x)).terms["code_critic"]["d_adv"]
    (slope,) = torch.autograd.grad(tell, critic.c)
    toward_real = (torch.sigmoid(-real @ critic.c)[:, None] * real).mean(0)
    from_codes = (torch.sigmoid(z @ critic.c)[:, None] * z).mean(0)
    assert torch.allclose(slope, from_codes - toward_real, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"posterior": "deterministic"}, {"target": "mixture"}, {"likelihood": "gaussian-learned"}], ids=str
)
def test_every_parameter_of_an_aae_gets_a_gradient(options: dict):
    model, got = make_aae(**options), {}
    for turn in model.turns():
        for name, group in gradients.gradients(turn.losses(Batch(images())), model.players()).items():
            got[name] = [a + g.abs().sum() for a, g in zip(got.get(name, [0] * len(group)), group, strict=True)]
    assert set(got) == set(model.players())
    assert all(g.isfinite() and g > 0 for group in got.values() for g in group)


def test_only_the_gaussian_posterior_has_a_density_and_a_bound():
    x = images()
    model = make_aae(posterior="deterministic", prior="normal")
    z, log_q = rsample_and_log_prob(model.encode(x))
    assert model.log_weights is None
    assert log_q.isnan().all()
    assert torch.equal(z, model.encode(x).mean)
    model = make_aae(prior="normal")
    torch.manual_seed(1)
    weights = model.log_weights(x, 1)
    torch.manual_seed(1)
    q = model.encode(x)
    z = q.rsample()
    expected = model.decode(z).log_prob(x) + model.standard_normal().log_prob(z) - q.log_prob(z)
    assert torch.allclose(weights, expected[None])


def test_mixture_target_is_standardised_and_lies_on_a_ring():
    model = make_aae(target="mixture", latent=3)
    z = model.target(40_000)
    assert torch.allclose(z.mean(0), torch.zeros(3), atol=0.03)
    assert torch.allclose(z.var(0), torch.ones(3), atol=0.03)
    angle = 2 * math.pi * torch.arange(aae.MODES) / aae.MODES
    ring = math.sqrt(2 * (1 - aae.SPREAD**2)) * torch.stack([angle.cos(), angle.sin(), angle.cos()], 1)
    nearest = torch.cdist(z, ring)
    assert nearest.argmin(1).bincount(minlength=aae.MODES).float().std() < 0.05 * 4000
    assert nearest.amin(1).square().mean() < 3 * aae.SPREAD**2
    with pytest.raises(GvaeError, match="--target mixture"):
        make_aae(target="mixture", prior="normal")


def test_the_code_critic_of_a_conditional_model_knows_the_class():
    model, z = make_aae(conditional=True), torch.ones(3, 2)
    scores = model.code_critic(z, torch.arange(3))
    assert scores.unique().numel() == 3
    with pytest.raises(GvaeError, match="no labels"):
        model.code_critic(z, None)


@pytest.mark.parametrize("options", [{"hidden": 0}, {"weight": 0.0}], ids=str)
def test_options_of_an_aae_that_cannot_work_are_refused(options: dict):
    with pytest.raises(GvaeError, match=f"--{next(iter(options))} is 0"):
        make_aae(**options)


# AVB


class KnownAVB(AVB):
    """q(z|x) = N(m(x), 0.4^2) in one dimension, m linear in the mean pixel, and a critic at its optimum."""

    def __init__(self, contrast: bool) -> None:
        torch.manual_seed(0)
        super().__init__(SPEC, avb.Config(latent=1, net=NET, kl_warmup=0.0, contrast=contrast, prior="normal"))
        self.reference, self.critic = Odd(), Optimum(self)
        self.eval()

    def known(self, x: Tensor) -> Independent:
        return Independent(Normal(0.5 + 2 * x.flatten(1).mean(1, keepdim=True), 0.4), 1)

    def code(self, x: Tensor, y: Tensor | None = None, eps: Tensor | None = None) -> Tensor:
        return self.known(x).rsample()


class Odd(nn.Module):
    """A reference r(z|x) that is not q(z|x): mean and log variance from single pixels."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return torch.stack([x[:, 0, 0, 0], x[:, 0, 0, 1] - 0.5], 1)


class Optimum(nn.Module):
    """scale * [log q(z|x) - log r(z|x)] + shift, for z = mu + sigma u."""

    def __init__(self, model: KnownAVB) -> None:
        super().__init__()
        self.of = [model]  # in a list: not a submodule
        self.scale, self.shift = 1.0, 0.0

    def forward(self, x: Tensor, u: Tensor, y: Tensor | None = None) -> Tensor:
        (model,) = self.of
        mu, sigma = torch.zeros(len(x), 1), torch.ones(len(x), 1)
        if model.config.contrast:
            mu, logvar = model.reference(x).chunk(2, 1)
            sigma = (0.5 * logvar).exp()
        r, z = Independent(Normal(mu, sigma), 1), mu + sigma * u
        return self.scale * (model.known(x).log_prob(z) - r.log_prob(z)) + self.shift


@pytest.mark.parametrize("contrast", [False, True])
@torch.no_grad()
def test_with_the_optimal_critic_the_objective_is_the_elbo_for_any_reference(contrast: bool):
    model, x = KnownAVB(contrast), images(500)
    torch.manual_seed(1)
    outcome = model.play(Batch(x))
    torch.manual_seed(1)
    z = model.code(x)
    elbo = model.decode(z).log_prob(x) + model.standard_normal().log_prob(z) - model.known(x).log_prob(z)
    terms = outcome.terms[JOINT]
    assert -(terms["nll"] + terms["kl"]).item() == pytest.approx(elbo.mean().item(), rel=1e-5)
    exact = kl_divergence(model.known(x), model.standard_normal()).mean().item()
    assert outcome.diagnostics["kl_nats"].item() == pytest.approx(exact, abs=0.15)
    z, log_q = rsample_and_log_prob(model.encode(x))
    assert torch.allclose(log_q, model.known(x).log_prob(z), atol=1e-4)


@pytest.mark.parametrize("contrast", [False, True])
@torch.no_grad()
def test_critics_loss_is_least_at_the_log_ratio(contrast: bool):
    model, x = KnownAVB(contrast), images(20_000)

    def tell(scale: float, shift: float) -> float:
        model.critic.scale, model.critic.shift = scale, shift
        torch.manual_seed(1)
        return model.play(Batch(x)).terms["critic"]["d_adv"].item()

    best = tell(1.0, 0.0)
    assert best < 2 * math.log(2)
    for scale, shift in [(1.0, 0.3), (1.0, -0.3), (1.3, 0.0), (0.7, 0.0), (0.0, 0.0), (-1.0, 0.0)]:
        assert tell(scale, shift) > best + 1e-3


def test_slope_of_the_critics_expected_loss_vanishes_at_the_log_ratio():
    z = torch.linspace(-8, 8, 2001, dtype=torch.double)
    log_q, log_p = Normal(1.0, 0.5).log_prob(z), Normal(0.0, 1.0).log_prob(z)
    T = (log_q - log_p).requires_grad_()
    given_q, given_p = (
        nonsaturating_critic(T, torch.full_like(T, -math.inf)),
        nonsaturating_critic(torch.full_like(T, math.inf), T),
    )
    (slope,) = torch.autograd.grad((log_q.exp() * given_q + log_p.exp() * given_p).sum(), T)
    assert slope.abs().max() < 1e-12


def test_encoder_lowers_and_critic_raises_the_score_of_codes():
    model, x = make_avb(contrast=False, beta=3.0), images()
    model.encoder.get_parameter("layers.layers.2.bias").data += 3
    model.critic = critic = LinearScore([2.0, -1.0])
    losses = model.play(Batch(x)).terms
    bias = model.encoder.get_parameter("layers.layers.2.bias")
    (slope,) = torch.autograd.grad(losses[JOINT]["kl"], bias, retain_graph=True)
    assert torch.allclose(slope, 3.0 * critic.c, atol=1e-5)  # downhill lowers T of codes
    critic.c.data.zero_()
    (slope,) = torch.autograd.grad(model.play(Batch(x)).terms["critic"]["d_adv"], critic.c)
    assert (slope < -1).all()  # downhill raises T of codes, which lie at about (3, 3)


@pytest.mark.parametrize("contrast", [False, True])
def test_turns_of_avb(contrast: bool):
    model = make_avb(contrast=contrast, critic_steps=3)
    steps = model.turns()
    assert [turn.repeat for turn in steps] == [2, 1]
    named = [list(turn.losses(Batch(images())).terms) for turn in steps]
    estimators = ["critic", "reference"] if contrast else ["critic"]
    assert named == [estimators, [JOINT, *estimators]]
    assert list(model.players()) == [*JOINT, *estimators]
    assert len(make_avb().turns()) == 1
    for name, group in gradients.gradients(steps[1].losses(Batch(images())), model.players()).items():
        assert all(g.isfinite().all() and g.abs().sum() > 0 for g in group), name


def test_reference_learns_the_moments_of_the_codes():
    model, x = make_avb(), images(50)
    torch.manual_seed(1)
    z = model.code(x).detach()
    moments = nn.Parameter(torch.cat([z.mean(0), z.var(0, correction=0).log()]))
    model.reference.forward = lambda x, y=None: moments.expand(len(x), -1)
    torch.manual_seed(1)
    nll = model.play(Batch(x)).terms["reference"]["nll"]
    (slope,) = torch.autograd.grad(nll, moments)
    assert slope.abs().max() < 1e-4
    entropy = 0.5 * z.var(0, correction=0).log().sum() + math.log(2 * math.pi * math.e)
    assert nll.item() == pytest.approx(entropy.item(), rel=1e-4)


class LinearAVB(AVB):
    """x = W z + b + sigma noise, W with orthogonal columns, and codes drawn from the exact p(z|x)."""

    def __init__(self) -> None:
        super().__init__(SPEC, avb.Config(latent=2, net=NET, prior="normal"))
        self.W = torch.tensor([[1.0, 1.0], [1.0, -1.0], [0.5, 0.5], [0.5, -0.5]])
        self.b, self.sigma = torch.tensor([0.1, -0.2, 0.3, 0.0]), 0.5

    def code(self, x: Tensor, y: Tensor | None = None, eps: Tensor | None = None) -> Tensor:
        precision = 1 + self.W.square().sum(0) / self.sigma**2
        mean = (x.flatten(1) - self.b) @ self.W / self.sigma**2 / precision
        return mean + precision.rsqrt() * torch.randn_like(mean)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Independent:
        return Independent(Normal((z @ self.W.T + self.b).unflatten(-1, (1, 2, 2)), self.sigma), 3)


@torch.no_grad()
def test_log_weights_bound_the_exact_likelihood_whatever_the_critic_says():
    torch.manual_seed(0)
    model = LinearAVB()
    p = MultivariateNormal(model.b, model.W @ model.W.T + model.sigma**2 * torch.eye(4))
    x = p.sample(torch.Size([500]))
    weights = model.log_weights(x.view(-1, 1, 2, 2), 64)
    assert weights.shape == (64, 500)
    gap = (p.log_prob(x) - weights.mean(0)).mean().item()
    # widening by 1.1 costs 0.0097 nats per dimension, fitting to 64 draws about 0.01
    assert 2 * 0.0097 < gap < 2 * 0.0097 + 0.06
    tight = (p.log_prob(x) - weights.logsumexp(0) + math.log(64)).mean().item()
    assert -0.005 < tight < 0.01
    model.critic.quadratic = True
    model.critic.get_parameter("code.4.bias").fill_(100.0)
    torch.manual_seed(1)
    first = model.log_weights(x.view(-1, 1, 2, 2), 2)
    model.critic.get_parameter("code.4.bias").fill_(-100.0)
    torch.manual_seed(1)
    assert torch.equal(first, model.log_weights(x.view(-1, 1, 2, 2), 2))


@torch.no_grad()
def test_centre_does_not_depend_on_chance_nor_on_the_other_images():
    model, x = make_avb(), images()
    centre = model.encode(x).mean
    assert torch.equal(centre, model.encode(x).mean)
    assert torch.allclose(centre[5:6], model.encode(x[5:6]).mean, atol=1e-6)
    first, second = (model.encode(x).sample() for _ in range(2))
    assert (first - second).abs().min() > 0


@torch.no_grad()
def test_pair_critic_by_hand():
    torch.manual_seed(0)
    a = torch.tensor([[0.5, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 0.0, 0.0]])
    critic = PairCritic(nn.Identity(), 2, 4, quadratic=False)
    critic.image.forward = lambda x, y=None: x
    u = torch.randn(3, 2, 2)
    b, scores = critic.code(u), critic(a, u)
    assert scores.shape == (3, 2)
    expected = 0.5 + b[2, 0, 0] + (a[0, 1:] @ b[2, 0, 1:]) / 2
    assert scores[2, 0].item() == pytest.approx(expected.item(), rel=1e-5)
    critic.quadratic = True
    assert torch.allclose(critic(a, u) - scores, u.square().sum(-1) / 2, atol=1e-6)


@pytest.mark.parametrize("name", ["noise", "critic_steps", "hidden"])
def test_counts_below_one_are_refused(name: str):
    with pytest.raises(GvaeError, match=f"--{name.replace('_', '-')} is 0; it must be from 1 to "):
        make_avb(**{name: 0})


def test_vamp_needs_a_gaussian_posterior():
    with pytest.raises(GvaeError, match="--prior vamp needs an encoder that gives a Gaussian"):
        make_aae(posterior="deterministic", prior="vamp")
    with pytest.raises(GvaeError, match="--prior vamp needs the Gaussians of --contrast"):
        make_avb(contrast=False, prior="vamp")
    model, x = make_avb(prior="vamp"), images()
    assert model.prior.posterior(x, None).mean.equal(gaussian(model.reference(x)).mean)
