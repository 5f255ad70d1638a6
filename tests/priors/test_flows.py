"""RealNVP and flow matching."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gvae.errors import GvaeError
from gvae.nets.flows.coupling import Coupling, rotation
from gvae.priors import Flow, Prior, RealNVP
from tests.priors.conftest import ring


def shaken(module: torch.nn.Module) -> torch.nn.Module:
    """The module in double precision with weights away from their start at zero."""
    module.double()
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return module


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def grid_mass(prior: Prior) -> float:
    """Integral of a density over [-4, 6] x [-5, 5], where the ring lies."""
    axis = torch.arange(0.1, 10, 0.2)
    points = torch.cartesian_prod(axis - 4, axis - 5)
    return float(prior.log_prob(points).detach().exp().sum() * 0.04)


def mmd(a: Tensor, b: Tensor) -> float:
    """Squared maximum mean discrepancy, Gaussian kernel of width 1, biased."""
    k = lambda x, y: float((-0.5 * torch.cdist(x, y).square()).exp().mean())  # noqa: E731
    return k(a, a) + k(b, b) - 2 * k(a, b)


def test_coupling_inverts_and_its_determinant_is_the_jacobian_s() -> None:
    layer, x, context = shaken(Coupling(5, context=2, width=8)), noise(7, 5), noise(7, 2)
    assert isinstance(layer, Coupling)
    y, determinant = layer(x, context)
    torch.testing.assert_close(layer.inverse(y, context), x, atol=1e-5, rtol=0)
    for i in range(7):
        jacobian = torch.autograd.functional.jacobian(lambda v, i=i: layer(v[None], context[i : i + 1])[0][0], x[i])
        exact = torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(determinant[i], exact, atol=1e-6, rtol=0)
    assert determinant.abs().max() > 0.1


def test_rotation_is_orthogonal_and_fixed_by_its_seed() -> None:
    turn = rotation(8, seed=3)
    torch.testing.assert_close(turn @ turn.T, torch.eye(8), atol=1e-6, rtol=0)
    assert torch.equal(turn, rotation(8, seed=3))
    assert not torch.equal(turn, rotation(8, seed=4))


def test_realnvp_samples_come_from_its_density() -> None:
    """log p(sample) = log N(noise) - log|det| of the Jacobian of the map from noise to sample."""
    prior = shaken(RealNVP(3, blocks=3, width=8))
    assert isinstance(prior, RealNVP)
    torch.manual_seed(0)
    z = prior.sample(4)
    torch.manual_seed(0)
    e = torch.randn(4, 3, dtype=torch.float64)

    def back(v: Tensor) -> Tensor:
        v = v[None]
        for block in reversed(prior.blocks):
            assert isinstance(block, Coupling)
            v = block.inverse(v, v.new_zeros(1, 0))
        return v[0]

    for i in range(4):
        jacobian = torch.autograd.functional.jacobian(back, e[i])
        base = torch.distributions.Normal(0.0, 1.0).log_prob(e[i]).sum()
        expected = base - torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(prior.log_prob(z[i]), expected, atol=1e-5, rtol=0)


def test_realnvp_needs_two_dimensions() -> None:
    with pytest.raises(GvaeError, match="at least 2 latent dimensions"):
        RealNVP(1)


def test_realnvp_learns_a_ring() -> None:
    prior = RealNVP(2, blocks=5, width=32, steps=300, batch=256, lr=3e-3)
    prior.fit(ring(2000))
    torch.manual_seed(0)
    assert mmd(prior.sample(1000), ring(1000, seed=5)) < 0.02
    assert 0.97 < grid_mass(prior) < 1.01


def test_flow_learns_a_ring() -> None:
    prior = Flow(2, width=64, steps=500, batch=256, lr=5e-3, ode_steps=16)
    prior.fit(ring(2000))
    torch.manual_seed(0)
    drawn = prior.sample(1000)
    radius = (drawn - torch.tensor([1.0, 0])).norm(dim=1)
    assert abs(float(radius.mean()) - 2) < 0.1
    assert float(radius.std()) < 0.45
    assert mmd(drawn, ring(1000, seed=5)) < 0.02
    assert 0.97 < grid_mass(prior) < 1.03


def test_flow_divergence_is_the_trace_of_the_jacobian() -> None:
    prior, u = shaken(Flow(4, width=16)), noise(6, 4)
    assert isinstance(prior, Flow)
    velocity, divergence = prior._divergence(u, 0.3, u.new_zeros(6, 0))
    torch.testing.assert_close(velocity, prior._velocity(u, 0.3, u.new_zeros(6, 0)))
    for i in range(6):
        jacobian = torch.autograd.functional.jacobian(
            lambda v: prior._velocity(v[None], 0.3, v.new_zeros(1, 0))[0], u[i]
        )
        torch.testing.assert_close(divergence[i], jacobian.trace())


def test_flow_density_of_a_linear_velocity_is_known() -> None:
    """v = a u carries N(0, 1) to N(0, exp(2a)), whatever the trace estimator."""
    for probes in (0, 1):
        prior = Flow(2, ode_steps=64, probes=probes).double()
        prior._velocity = lambda u, time, context: 0.7 * u  # type: ignore[method-assign]
        z = noise(5, 2)
        exact = torch.distributions.Normal(0.0, torch.tensor(0.7, dtype=torch.float64).exp()).log_prob(z).sum(1)
        torch.testing.assert_close(prior.log_prob(z), exact, atol=1e-3, rtol=0)


def test_flow_probes_agree_with_the_exact_trace(clusters: tuple[Tensor, Tensor]) -> None:
    exact = Flow(6, width=32, steps=150, batch=128, ode_steps=8)
    exact.fit(clusters[0])
    probed = Flow(6, width=32, ode_steps=8, probes=64)
    probed.load_state_dict(exact.state_dict())
    gap = (exact.log_prob(clusters[0][:100]) - probed.log_prob(clusters[0][:100])).detach()
    assert float(gap.abs().mean()) < 0.5


def test_stops_when_held_out_codes_no_longer_improve() -> None:
    """A few hundred codes of pure noise are soon learned by heart: the held-out tenth must stop the fit."""
    prior = RealNVP(8, blocks=2, width=64, steps=3000, batch=64, lr=2e-3)
    prior.fit(torch.randn(500, 8, generator=torch.Generator().manual_seed(0)))
    assert len(prior.notes) == 1
    assert "held-out codes no longer improved" in prior.notes[0]
    fresh = torch.randn(500, 8, generator=torch.Generator().manual_seed(1))
    exact = torch.distributions.Normal(0.0, 1.0).log_prob(fresh).sum(1).mean()
    assert prior.log_prob(fresh).mean() > exact - 0.5


def test_minutes_limit_the_fit() -> None:
    prior = RealNVP(4, blocks=2, width=8, steps=100_000, minutes=0.005)
    prior.fit(torch.randn(100, 4))
    assert prior.notes[0].startswith("stopped after 0.005 minutes")
