"""The variational Gaussian process: conditionals against direct algebra, exact densities, and bounds of log p(x)."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal

from gvae.config import NetConfig
from gvae.distributions.gaussian_process import JITTER, Auxiliary, Process
from gvae.distributions.posteriors import Posterior
from gvae.errors import GvaeError
from gvae.models import draw_vgp
from gvae.models.draw_vgp import DRAWVGP
from gvae.models.vae_vgp import VAEVGP, Config, posterior, with_noise
from gvae.priors.normal import Normal as StandardNormal
from gvae.types import Batch, DataSpec
from tests.contracts import test_models as contract

SPEC = DataSpec("made", 1, (8, 8), classes=("a", "b", "c"))


def process(latent: int = 3, inducing: int = 6) -> Process:
    """A process with a length scale of its own for every dimension."""
    torch.manual_seed(0)
    made = Process(latent, inducing)
    with torch.no_grad():
        made.log_omega.normal_()
        made.log_variance.fill_(0.4)
    return made


def by_hand(made: Process, a: Tensor, b: Tensor) -> float:
    """The kernel of two points, written out."""
    omega = made.log_omega.exp()
    total = sum(float(w) * (float(u) - float(v)) ** 2 for w, u, v in zip(omega, a, b, strict=True))
    return math.exp(float(made.log_variance)) * math.exp(-0.5 * total)


@torch.no_grad()
def test_conditional_is_that_of_direct_algebra():
    made = process().double()
    xi, c, t = (torch.randn(*shape, dtype=torch.double) for shape in ((5, 3), (5, 3), (5, 6, 3)))
    q = made(xi, c, t, made.factor())
    variance = math.exp(0.4)
    K = torch.tensor([[by_hand(made, a, b) for b in made.inputs] for a in made.inputs], dtype=torch.double)
    inverse = torch.linalg.inv(K + JITTER * variance * torch.eye(6, dtype=torch.double))
    for image in range(5):
        k = torch.tensor([by_hand(made, xi[image], s) for s in made.inputs], dtype=torch.double)
        values = made.log_scale.exp() * t[image]
        assert torch.allclose(q.mean[image], c[image] + k @ inverse @ values, atol=1e-9)
        expected = (variance - k @ inverse @ k).sqrt().expand(3)
        assert torch.allclose(q.stddev[image], expected, atol=1e-9)


@torch.no_grad()
def test_at_a_known_point_the_functions_are_known():
    made = process().double()
    made.inputs.mul_(2)
    c, t = torch.randn(6, 3, dtype=torch.double), torch.randn(6, 3, dtype=torch.double)
    q = made(made.inputs, c, t.expand(6, 6, 3), made.factor())
    assert torch.allclose(q.mean, c + made.log_scale.exp() * t, atol=5e-3)
    assert (q.variance < 2 * JITTER * math.exp(0.4)).all()


@torch.no_grad()
def test_far_from_known_points_there_is_only_the_mean_and_the_kernel():
    made, c = process(), torch.randn(2, 3)
    q = made(torch.full((2, 3), 100.0), c, torch.randn(2, 6, 3), made.factor())
    assert torch.equal(q.mean, c)
    assert torch.allclose(q.variance, torch.full((2, 3), math.exp(0.4)))


@torch.no_grad()
def test_points_that_coincide_and_autocast_do_no_harm():
    made = process()
    made.inputs[1:3] = made.inputs[0]
    xi, c, t = torch.randn(5, 3), torch.randn(5, 3), torch.randn(5, 6, 3)
    plain = made(xi, c, t, made.factor())
    with torch.autocast("cpu", torch.bfloat16):
        cast = made(xi, c, t, made.factor())
    assert torch.isfinite(plain.mean).all()
    assert (plain.variance >= JITTER * math.exp(0.4) * 0.999).all()
    assert torch.equal(plain.mean, cast.mean)
    assert torch.equal(plain.stddev, cast.stddev)


@torch.no_grad()
def test_centre_is_the_mean_of_draws():
    made, auxiliary = process(2, 4), Auxiliary(12, 2, 8)
    made.log_scale.zero_()
    parameters = torch.randn(3, 12)
    centre = posterior(parameters, made, auxiliary, made.factor()).mean
    many = posterior(parameters.repeat(40_000, 1), made, auxiliary, made.factor())
    z = many.rsample_and_log_prob()[0].view(40_000, 3, 2)
    assert ((z.mean(0) - centre).abs() < 5 * z.std(0) / 200).all()
    assert (centre - parameters[:, :2]).abs().max() > 0.1


def log_normal(v: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return (-0.5 * ((v - mean) / std).square() - std.log() - 0.5 * math.log(2 * math.pi)).sum(-1)


@torch.no_grad()
def test_density_and_auxiliary_term_by_hand():
    made, auxiliary = process(2, 4), Auxiliary(12, 2, 8)
    parameters, factor = torch.randn(5, 12), made.factor()
    torch.manual_seed(7)
    z, log_q = posterior(parameters, made, auxiliary, factor).rsample_and_log_prob()
    torch.manual_seed(7)
    xi = torch.randn(5, 2)
    q_f = made(xi, parameters[:, :2], parameters[:, 2:10].view(5, 4, 2), factor)
    std = (q_f.variance + parameters[:, 10:].exp()).sqrt()
    assert torch.allclose(z, Normal(q_f.mean, std).rsample(), atol=1e-6)
    mu, logvar = auxiliary.layers(torch.cat([parameters, z], 1)).chunk(2, 1)
    expected = log_normal(xi, torch.zeros(2), torch.ones(2)) + log_normal(z, q_f.mean, std)
    expected -= log_normal(xi, mu, (0.5 * logvar).exp())
    assert torch.allclose(log_q, expected, atol=1e-4)


@torch.no_grad()
def test_f_is_integrated_out_as_a_sum_over_its_values_has_it():
    """N(z; m, v + sigma^2) is the integral of q(f | xi, D) q(z|f) over f, and their quotient is a density of f."""
    made = process(1, 4).double()
    xi, c, t = (torch.randn(*shape, dtype=torch.double) for shape in ((7, 1), (7, 1), (7, 4, 1)))
    logvar, z = torch.randn(7, 1, dtype=torch.double), 2 * torch.randn(7, 1, dtype=torch.double)
    q_f = made(xi, c, t, made.factor())
    f = torch.linspace(-12, 12, 20_001, dtype=torch.double)[:, None, None]
    joint = log_normal(f, q_f.mean, q_f.stddev) + log_normal(z, f, (0.5 * logvar).exp())
    summed = joint.logsumexp(0) + math.log(24 / 20_000)
    assert torch.allclose(with_noise(q_f, logvar).log_prob(z), summed, atol=1e-9)


class ByGrid(nn.Module):
    """The exact r(xi | x, z) = N(xi) q(z | xi, x) / q(z|x) for a code of one dimension, by a sum over xi."""

    def __init__(self, made: Process) -> None:
        super().__init__()
        self.made, self.grid = made, torch.linspace(-8, 8, 1601)

    def marginal(self, parameters: Tensor, z: Tensor) -> Tensor:
        """log q(z|x) (B,), by a sum over xi of the densities given xi."""
        terms = [self.joint(parameters, xi.expand_as(z), z) for xi in self.grid]
        return torch.stack(terms).logsumexp(0) + math.log(0.01)

    def joint(self, parameters: Tensor, xi: Tensor, z: Tensor) -> Tensor:
        c, t, logvar = parameters.unflatten(1, (-1, 1)).tensor_split([1, -1], 1)
        q_z = with_noise(self.made(xi, c[:, 0], t, self.made.factor()), logvar[:, 0])
        return log_normal(xi, torch.zeros(1), torch.ones(1)) + q_z.log_prob(z)

    def forward(self, parameters: Tensor, z: Tensor) -> Any:
        marginal = self.marginal(parameters, z)
        return SimpleNamespace(log_prob=lambda xi: self.joint(parameters, xi, z) - marginal)


def bent() -> tuple[Process, Tensor]:
    """A process whose codes are far from Gaussian, and encoder outputs (m + 2 = 6 numbers) of 3 images."""
    made = process(1, 4)
    with torch.no_grad():
        made.inputs.copy_(torch.tensor([[-2.0], [-0.7], [0.7], [2.0]]))
        made.log_omega.zero_()
        made.log_variance.fill_(math.log(0.05))
        made.log_scale.zero_()
    values = torch.tensor([[0.0, -2, 2, -2, 2], [1.0, 3, 0, 0, 3], [0.0, 0, 0, 0, 0]])
    return made, torch.cat([values, torch.tensor([[-2.0], [-3.0], [-1.0]])], 1)


@torch.no_grad()
def test_with_the_exact_auxiliary_the_density_is_that_of_the_code_by_brute_force():
    """The sum over xi and f of every density on the way equals the log q of the posterior, and its draws have it."""
    made, parameters = bent()
    exact = ByGrid(made)
    z, log_q = posterior(parameters.repeat(50, 1), made, exact, made.factor()).rsample_and_log_prob()  # pyright: ignore
    assert torch.allclose(log_q, exact.marginal(parameters.repeat(50, 1), z), atol=1e-4)
    line = torch.linspace(-6, 6, 601)
    for one in parameters:
        density = exact.marginal(one.expand(601, 6), line[:, None]).exp() * 0.02
        assert float(density.sum()) == pytest.approx(1, abs=1e-3)
        drawn = posterior(one.expand(40_000, 6), made, Auxiliary(6, 1, 8), made.factor()).rsample()
        below = torch.tensor([(drawn < v).float().mean() for v in (-1.0, 0.0, 1.0)])
        known = torch.tensor([density[line < v].sum() for v in (-1.0, 0.0, 1.0)])
        assert torch.allclose(below, known, atol=0.02)


@torch.no_grad()
def test_any_auxiliary_gives_unbiased_weights_and_a_higher_rate_on_average():
    """E[h(z) / exp(log q)] = 1 for a density h, whatever r is; and E[log q] is above E[log q(z|x)]."""
    made, parameters = bent()
    parameters[:, 1:5] *= 0.25  # less bent, for weights of a small variance
    auxiliary, exact, n = Auxiliary(6, 1, 8), ByGrid(made), 40_000
    for one in parameters:
        q = posterior(one.expand(n, 6), made, auxiliary, made.factor())
        z, log_q = q.rsample_and_log_prob()
        h = Normal(z[:500].mean(), 0.3)
        ratio = (h.log_prob(z[:, 0]) - log_q).exp()
        error = float(ratio.std()) / n**0.5
        assert error < 0.05
        assert float(ratio.mean()) == pytest.approx(1, abs=4 * error)
        excess = log_q[:4000] - exact.marginal(one.expand(4000, 6), z[:4000])
        assert float(excess.mean()) > 2 * float(excess.std()) / 4000**0.5


def make_noise(made: Process, variance: float) -> None:
    """Length scales so short that f is noise, whatever xi and t are: xi leaves no trace in z."""
    with torch.no_grad():
        made.log_omega.fill_(30.0)
        made.log_variance.fill_(math.log(variance))


class Blind(nn.Module):
    """r(xi | x, z) = N(0, I): exact where xi leaves no trace."""

    def forward(self, parameters: Tensor, z: Tensor) -> Independent:
        return Independent(Normal(torch.zeros_like(z), torch.ones_like(z)), 1)


@torch.no_grad()
def test_a_new_posterior_is_nearly_the_gaussian_of_a_plain_vae():
    made, auxiliary = Process(32, 20), Auxiliary(22 * 32, 32, 256)
    parameters = torch.randn(500, 22 * 32)
    z, log_q = posterior(parameters, made, auxiliary, made.factor()).rsample_and_log_prob()
    plain = log_normal(z, parameters[:, :32], (0.5 * parameters[:, -32:]).exp())
    assert abs(float((log_q - plain).mean())) < 5  # of 32 dimensions; auxiliary guess and kernel noise included


class LinearVGP(VAEVGP):
    """x = W z + sigma noise: log p(x) is known."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.config, self.sigma, self.spec = Config(latent=2, inducing=4), 0.5, DataSpec("made", 1, (2, 2))
        self.W = nn.Parameter(torch.tensor([[1.0, 1.0], [1.0, -1.0], [0.5, 0.5], [0.5, -0.5]]))
        self.prior = StandardNormal(2)
        self.process = Process(2, 4)
        self.auxiliary = Blind()  # pyright: ignore[reportAttributeAccessIssue]
        with torch.no_grad():  # known points around the middle: they pull at f everywhere, and fix it nowhere
            self.process.inputs.copy_(torch.tensor([[2.2, 2.2], [-2.2, 2.2], [2.2, -2.2], [-2.2, -2.2]]))
            self.process.log_omega.fill_(math.log(0.3))
            self.process.log_variance.fill_(math.log(0.3))
            self.process.log_scale.zero_()

    def encoder(self, x: Tensor, y: Tensor | None = None) -> Tensor:  # pyright: ignore
        exact = x @ self.W / self.sigma**2 / (1 + self.W.square().sum(0) / self.sigma**2)
        points = torch.cat([share * exact for share in (-0.4, 0.4, 0.2, -0.2)], 1)
        return torch.cat([exact, points, torch.full_like(exact, math.log(0.1))], 1)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Independent:
        return Independent(Normal(z @ self.W.T, torch.tensor(self.sigma)), 1)

    def marginal(self) -> MultivariateNormal:
        return MultivariateNormal(torch.zeros(4), self.W @ self.W.T + self.sigma**2 * torch.eye(4))


@torch.no_grad()
def test_bounds_rise_with_k_to_the_exact_likelihood():
    torch.manual_seed(0)
    model = LinearVGP()
    x = model.marginal().sample(torch.Size([6]))
    exact, k = model.marginal().log_prob(x), 40_000
    weights = model.log_weights(x.repeat(k, 1), 1, prior="normal").view(k, 6)
    bounds = [(weights.view(-1, n, 6).logsumexp(1) - math.log(n)).mean(0) - exact for n in (1, 4, 40, 4000, k)]
    gaps = [bound.mean().item() for bound in bounds]
    assert gaps == sorted(gaps)
    assert gaps[0] < -0.2
    assert gaps[1] < -0.05
    assert bounds[-1].abs().max() < 0.15


def test_points_and_kernel_are_a_player_of_their_own():
    model = VAEVGP(SPEC, Config(latent=3, net=NetConfig(width=4)))
    assert list(model.players()) == ["encoder", "process", "auxiliary", "generator"]
    q = model.encode(torch.zeros(2, 1, 8, 8))
    assert isinstance(q, Posterior)
    assert (q.batch_shape, q.event_shape) == ((2,), (3,))
    assert model.encoder(torch.zeros(2, 1, 8, 8), None).shape == (2, 66)


def make(**options) -> DRAWVGP:
    torch.manual_seed(0)
    small = {"latent": 2, "glimpses": 3, "hidden": 16, "sigma": 0.3, "inducing": 4, "auxiliary": 8}
    return DRAWVGP(SPEC, draw_vgp.Config(**{**small, **options}, net=NetConfig(width=4))).eval()


@torch.no_grad()
def test_glimpses_with_the_exact_auxiliary_have_the_density_of_their_codes():
    model, x = make(), torch.rand(50, 1, 8, 8) * 2 - 1
    model.encoder.head.weight.mul_(5)
    make_noise(model.process, 0.5)
    model.auxiliary = Blind()  # pyright: ignore[reportAttributeAccessIssue]
    z, log_q = model.encode(x).rsample_and_log_prob()
    total, state, (memory, canvas) = torch.zeros(50), model.encoder.start(50), model.generator.start(50)
    for z_t in z.split(2, 1):
        parameters, state = model.encoder(x, x - canvas.tanh(), None, memory.h, state)
        total += log_normal(z_t, parameters[:, :2], (0.5 + parameters[:, -2:].exp()).sqrt())
        memory, canvas = model.generator.step(z_t, None, memory, canvas)
    assert z.shape == (50, 6)
    assert torch.allclose(log_q, total, atol=2e-3)


@torch.no_grad()
def test_one_pass_factors_the_kernel_once(monkeypatch):
    model, factor, calls = make(), Process.factor, []
    monkeypatch.setattr(Process, "factor", lambda self: calls.append(1) or factor(self))
    q = model.encode(torch.zeros(2, 1, 8, 8))
    q.rsample_and_log_prob()
    assert len(calls) == 1
    assert torch.equal(q.mean, q.mean)


@torch.no_grad()
def test_centre_of_a_glimpse_is_its_mean_given_the_earlier_centres():
    model, x = make(glimpses=1), torch.rand(2, 1, 8, 8) * 2 - 1
    many = model.encode(x.repeat(20_000, 1, 1, 1)).rsample_and_log_prob()[0].view(20_000, 2, 2)
    error = many.std(0) / 20_000**0.5
    assert ((many.mean(0) - model.encode(x).mean).abs() < 5 * error).all()


@pytest.mark.parametrize("name", ["inducing", "auxiliary"])
def test_options_that_cannot_work_are_refused(name: str):
    message = f"--{name} is 0; it must be from 1 to "
    with pytest.raises(GvaeError, match=message):
        make(**{name: 0})
    with pytest.raises(GvaeError, match=message):
        VAEVGP(SPEC, Config(**{name: 0}))  # pyright: ignore[reportArgumentType]


def layered(spec: DataSpec, bent: bool = True, **options) -> VAEVGP:
    """A small model of two stochastic layers; if bent, the lower one depends on the upper one from the start."""
    torch.manual_seed(0)
    small = {"inducing": 4, "auxiliary": 16, "likelihood": "gaussian", "sigma": 0.3}
    two = {"layers": 2, "prior": "layered", "learn_prior": True}
    model = VAEVGP(spec, Config(**{"net": NetConfig("mlp", width=16), **small, **two, **options}))
    if bent:
        nn.init.normal_(model.prior.network[-1].weight, std=0.3)  # pyright: ignore
    return model


@torch.no_grad()
def test_two_layers_hide_the_upper_one_from_the_generator():
    model = layered(SPEC, latent=7)
    z = torch.randn(4, 7)
    other, lower = z.clone(), z.clone()
    other[:, 5:] += 1
    lower[:, 4] += 1
    assert torch.equal(model.decode(z).mean, model.decode(other).mean)
    assert not torch.equal(model.decode(z).mean, model.decode(lower).mean)
    assert (model.prior.log_prob(z) - model.prior.log_prob(other)).abs().min() > 0
    assert model.trained == ("encoder", "process", "auxiliary", "generator", "prior")
    assert model.sample(3).shape == (3, 1, 8, 8)


@torch.no_grad()
def test_weights_of_two_layers_reach_the_integral_over_both():
    spec = DataSpec("made", 1, (2, 2))
    model = layered(spec, latent=2).eval()
    make_noise(model.process, 2.0)
    model.auxiliary = Blind()  # pyright: ignore[reportAttributeAccessIssue]
    x, k = torch.tanh(torch.randn(3, 1, 2, 2)), 20_000
    axis = torch.arange(-7, 7, 0.1) + 0.05
    grid = torch.cartesian_prod(axis, axis)
    image = model.decode(grid)
    density = model.prior.log_prob(grid) + 2 * math.log(0.1)
    exact = torch.stack([(density + image.log_prob(one.expand(len(grid), 1, 2, 2))).logsumexp(0) for one in x])
    weights = model.log_weights(x.repeat(k, 1, 1, 1), 1).view(k, 3)
    assert (weights.mean(0) < exact).all()
    assert torch.allclose(weights.logsumexp(0) - math.log(k), exact, atol=0.1)


def bound(model: VAEVGP, x: Tensor, prior: str | None = None) -> float:
    with torch.no_grad():
        return float(model.log_weights(x, 20, prior=prior).mean())


def test_training_moves_both_layers_and_raises_the_bound():
    spec = DataSpec("made", 1, (2, 2))
    model = layered(spec, bent=False, latent=3)
    kind = torch.randint(2, (256, 1, 1, 1)) * 2 - 1.0
    x = 0.7 * kind + 0.1 * torch.randn(256, 1, 2, 2)
    start, first = bound(model, x[:64]), copy.deepcopy(model.prior)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        terms = model.negative_elbo(Batch(x[torch.randint(256, (64,))])).terms[model.trained]
        sum(terms.values()).backward()  # pyright: ignore
        optimiser.step()
    assert bound(model, x[:64]) > start + 10
    moved = [(a - b).abs().max() for a, b in zip(model.prior.parameters(), first.parameters(), strict=True)]
    assert min(moved) > 0.01  # the density of the first layer given the second has learned, too


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("shape", contract.SHAPES)
def test_two_layers_keep_the_contract(shape: str, conditional: bool):
    channels, sides = contract.SHAPES[shape]
    spec = DataSpec("made", channels, sides, classes=("a", "b", "c"))
    model = layered(spec, latent=5, conditional=conditional, net=NetConfig("small", width=8))
    made = model, Batch(torch.rand(6, channels, *sides) * 2 - 1, torch.arange(6) % 3)
    contract.test_players_share_no_parameter_and_own_all_that_is_learned(made)
    contract.test_every_parameter_gets_a_finite_gradient_and_only_its_owner_moves_it(made)
    contract.test_terms_are_finite_scalars_with_distinct_names(made)
    contract.test_samples_and_codes_have_the_right_shape_and_range(made)


@pytest.mark.parametrize("options", [{"learn_prior": False}, {"prior": "mixture"}])
def test_two_layers_without_their_density_are_refused(options: dict):
    with pytest.raises(GvaeError, match="add --prior layered --learn-prior, or use --preset layers2"):
        layered(SPEC, **options)
    with pytest.raises(GvaeError, match=r"there is no value of --layers '3'\. Known: 1, 2"):
        layered(SPEC, layers=3)
