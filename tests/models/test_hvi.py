"""Hamiltonian variational inference: the leapfrog as a map, the force, and the bound against exact likelihoods."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import jacobian
from torch.distributions import Independent, MultivariateNormal, Normal

from gvae.config import BoundConfig, NetConfig
from gvae.distributions.posteriors import rsample_and_log_prob
from gvae.errors import GvaeError
from gvae.models.vae import VAE
from gvae.models.vae_hvi import VAEHVI, Config
from gvae.nets.flows.leapfrog import leapfrog
from gvae.training import gradients
from gvae.types import Batch, DataSpec

SPEC = DataSpec("made", 1, (2, 2))
NET = NetConfig(family="mlp", width=16)
STEPS = torch.tensor([0.3, 0.1], dtype=torch.double)
MASS = torch.tensor([0.5, 2.0], dtype=torch.double)


def coupled(z: Tensor) -> Tensor:
    """Gradient of the log density -|z|^2 / 2 - (z_0 z_1)^2 / 2."""
    return -z - z * z.flip(-1).square()


def energy(z: Tensor, v: Tensor) -> Tensor:
    return 0.5 * z.square().sum(-1) + 0.5 * z.prod(-1).square() + (0.5 * v.square() / MASS).sum(-1)


def particles(n: int = 5) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    z, v = torch.randn(2, n, 2, dtype=torch.double)
    return z, v


@pytest.mark.parametrize("n", [1, 2, 7])
def test_leapfrog_runs_backwards_from_the_opposite_momentum(n: int):
    z, v = particles()
    end, momentum = leapfrog(coupled, z, v, STEPS, MASS, n)
    assert (end - z).abs().max() > 0.1
    back, opposite = leapfrog(coupled, end, -momentum, STEPS, MASS, n)
    assert torch.allclose(back, z, atol=1e-12)
    assert torch.allclose(opposite, -v, atol=1e-12)


@pytest.mark.parametrize("n", [1, 5])
def test_leapfrog_keeps_volume(n: int):
    for z, v in zip(*particles(), strict=True):
        J = jacobian(lambda s: torch.cat(leapfrog(coupled, s[:2], s[2:], STEPS, MASS, n)), torch.cat([z, v]))
        assert isinstance(J, Tensor)
        assert torch.linalg.det(J).item() == pytest.approx(1, abs=1e-12)
        assert (J - torch.eye(4)).abs().max() > 0.05


def test_leapfrog_by_hand():
    one = torch.ones(1, dtype=torch.double)
    z, v = leapfrog(lambda z: -z, 2 * one, 3 * one, 0.5 * one, 4 * one, 1)
    # v = 3 - 0.25 * 2 = 2.5;  z = 2 + 0.5 * 2.5 / 4 = 2.3125;  v = 2.5 - 0.25 * 2.3125
    assert (z.item(), v.item()) == (2.3125, 2.5 - 0.25 * 2.3125)


def test_on_a_spring_leapfrog_conserves_an_energy_that_differs_by_the_step_squared():
    z, v = particles()
    one, step = torch.ones(1, dtype=torch.double), 0.7
    shadow = lambda z, v: v.square() + (1 - step**2 / 4) * z.square()  # noqa: E731
    end, momentum = leapfrog(lambda z: -z, z, v, step * one, one, 9)
    assert torch.allclose(shadow(end, momentum), shadow(z, v), atol=1e-12)


def test_energy_error_falls_with_the_square_of_the_step():
    z, v = particles(200)
    drift = [(energy(*leapfrog(coupled, z, v, STEPS / n, MASS, 5 * n)) - energy(z, v)).abs().mean() for n in (4, 8, 16)]
    assert drift[0] < 0.02
    assert (drift[0] / drift[1]).item() == pytest.approx(4, rel=0.1)
    assert (drift[1] / drift[2]).item() == pytest.approx(4, rel=0.03)


class LinearHVI(VAEHVI):
    """p(x|z) = N(W z + b, sigma^2), so log p(x) is known; encoder and networks of momenta stay as they come."""

    def __init__(self, **options) -> None:
        torch.manual_seed(0)
        super().__init__(SPEC, Config(latent=2, hidden=16, prior="normal", net=NET, **options))
        self.W = nn.Parameter(torch.tensor([[1.0, 1.0], [1.0, -0.5], [0.5, 0.5], [0.2, -0.5]]))
        self.b, self.sigma = torch.tensor([0.1, -0.2, 0.3, 0.0]), 0.7
        with torch.no_grad():  # motions and momenta that matter
            for name, p in self.motion.named_parameters():
                fixed = name.endswith("log_step")
                p.copy_(torch.full_like(p, math.log(0.3)) if fixed else p + 0.1 * torch.randn(p.shape))

    def decode(self, z: Tensor, y: Tensor | None = None) -> Independent:
        mean = (z @ self.W.T + self.b).unflatten(-1, (1, 2, 2))
        return Independent(Normal(mean, self.sigma), 3)

    def exact_force(self, x: Tensor, z: Tensor) -> Tensor:
        return (x.flatten(1) - z @ self.W.T - self.b) @ self.W / self.sigma**2 - z

    def marginal(self) -> MultivariateNormal:
        return MultivariateNormal(self.b, self.W.detach() @ self.W.detach().T + self.sigma**2 * torch.eye(4))


@pytest.mark.parametrize(
    "options", [{"leapfrog": 3}, {"iterations": 2, "leapfrog": 1}, {"momentum": "normal", "leapfrog": 2}], ids=str
)
@torch.no_grad()
def test_weights_are_unbiased_for_the_exact_likelihood_and_their_mean_log_is_below(options: dict):
    """E[p(x, z) / q] = p(x) holds only if every density, Jacobian and sign in log q is right."""
    model, n = LinearHVI(**options), 20_000
    x = model.marginal().sample(torch.Size([3])).view(3, 1, 2, 2)
    exact = model.marginal().log_prob(x.flatten(1))
    torch.manual_seed(1)
    weights = model.log_weights(x.repeat_interleave(n, 0), 3).view(3, 3, n).transpose(0, 1).flatten(1)
    effective = weights.softmax(1).square().sum(1).reciprocal()
    assert effective.min() > 1000
    error = 5 * effective.rsqrt()
    assert ((weights.logsumexp(1) - math.log(3 * n) - exact).abs() < error).all()
    assert (weights.mean(1) < exact - 0.05).all()


@pytest.mark.parametrize("momentum", ["network", "normal"])
@torch.no_grad()
def test_without_motion_and_with_r_equal_to_q_it_is_the_vae(momentum: str):
    torch.manual_seed(0)
    common = {"latent": 3, "prior": "normal", "net": NET}
    model = VAEHVI(SPEC, Config(**common, momentum=momentum, iterations=2)).eval()
    for name, p in model.motion.named_parameters():
        if name.endswith("log_step"):
            p.fill_(-math.inf)
        elif ".2." in name:  # last layers: q = r = N(0, M)
            p.zero_()
        elif name.endswith("log_mass"):
            p.fill_(0.7)
    vae = VAE(SPEC, BoundConfig(**common)).eval()
    vae.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("motion")})
    x = torch.rand(9, 1, 2, 2) * 2 - 1
    bounds = []
    for each in (model, vae):
        torch.manual_seed(1)
        bounds.append(each.log_weights(x, 1))
    assert torch.allclose(*bounds, atol=1e-5)
    torch.manual_seed(1)
    z, log_q = rsample_and_log_prob(model.encode(x))
    assert torch.allclose(log_q, vae.encode(x).log_prob(z), atol=1e-5)


def test_force_is_the_gradient_of_the_log_joint_with_or_without_gradients():
    model = LinearHVI()
    x, z = torch.rand(6, 1, 2, 2), torch.randn(6, 2)
    expected = model.exact_force(x, z)
    with torch.no_grad():
        force = model.force(x, None, z)
    assert not force.requires_grad
    assert torch.allclose(force, expected, atol=1e-5)
    assert torch.allclose(model.force(x, None, z), expected, atol=1e-5)


def test_force_follows_the_prior_that_is_learned_jointly():
    torch.manual_seed(0)
    model = VAEHVI(SPEC, Config(latent=2, prior="realnvp", learn_prior=True, net=NET)).eval()
    x, z = torch.rand(4, 1, 2, 2), torch.randn(4, 2)
    before = model.force(x, None, z)
    model.prior.shift.fill_(1.0)  # a new RealNVP is N(0, I), now N(1, I)
    assert torch.allclose(model.force(x, None, z) - before, torch.ones(4, 2), atol=1e-4)


def test_the_path_through_the_force_moves_the_generator_as_by_hand():
    """From rest, one leapfrog step is z + step^2 / (2 M) force(z), and depends on W."""
    model = LinearHVI(leapfrog=1, momentum="normal")
    x = torch.rand(6, 1, 2, 2)
    moved = model.encode(x).mean
    motion, start = model.motion[0], VAE.encode(model, x)
    step = motion.log_step.exp() * start.stddev
    expected = start.mean + step.square() / 2 / motion.log_mass.exp() * model.exact_force(x, start.mean)
    assert torch.allclose(moved, expected, atol=1e-6)
    for parameter in (model.W, *model.encoder.parameters(), motion.log_step, motion.log_mass):
        got, wanted = (
            torch.autograd.grad(v.square().sum(), parameter, retain_graph=True)[0] for v in (moved, expected)
        )
        assert torch.allclose(got, wanted, atol=1e-5)
        assert got.abs().max() > 1e-4


def test_centre_lies_uphill_of_the_encoders_mean_and_is_always_the_same():
    model = LinearHVI(momentum="normal")
    x = model.marginal().sample(torch.Size([20])).view(20, 1, 2, 2)
    with torch.no_grad():
        q, start = model.encode(x), VAE.encode(model, x).mean
        height = [model.decode(z).log_prob(x) + model.log_prior(z) for z in (start, q.mean)]
        assert torch.equal(q.mean, q.mean)
    assert (height[1] > height[0]).all()


def test_a_draw_is_the_same_with_and_without_gradients():
    model, x = LinearHVI(iterations=2), torch.rand(4, 1, 2, 2)
    torch.manual_seed(1)
    with torch.no_grad():
        z, log_q = rsample_and_log_prob(model.encode(x))
    torch.manual_seed(1)
    again, log_q_again = rsample_and_log_prob(model.encode(x))
    assert (z.requires_grad, again.requires_grad) == (False, True)
    assert torch.allclose(z, again)
    assert torch.allclose(log_q, log_q_again, atol=1e-6)
    assert model.encode(x).sample(torch.Size([3])).shape == (3, 4, 2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"iterations": 2, "momentum": "normal"},
        {"learn_prior": True, "prior": "realnvp"},
        {"learn_prior": True, "prior": "vamp", "components": 3},
        {"bound": "iwae", "k": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("bf16", [False, True])
def test_one_bound_moves_every_parameter(options: dict, bf16: bool):
    torch.manual_seed(0)
    model = VAEHVI(DataSpec("made", 1, (8, 8)), Config(**{"latent": 3, "net": NetConfig(width=8), **options}))
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        outcome = model.turns()[0].losses(Batch(torch.rand(6, 1, 8, 8) * 2 - 1))
    (who,) = outcome.terms
    assert who == model.trained
    assert all(term.dtype == torch.float32 for term in outcome.terms[who].values())
    grads = gradients.gradients(outcome, model.players())
    for name in ("encoder", "motion", "generator"):
        assert all(g.isfinite().all() and g.abs().sum() > 0 for g in grads[name]), name


@pytest.mark.parametrize("name", ["iterations", "leapfrog", "hidden"])
def test_counts_below_one_are_refused(name: str):
    with pytest.raises(GvaeError, match=f"--{name} is 0; it must be from 1 to "):
        VAEHVI(SPEC, Config(latent=2, net=NET, **{name: 0}))
