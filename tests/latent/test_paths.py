"""Ways between codes: ends, lengths, angles, and never less likely than the straight line."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gvae.errors import GvaeError
from gvae.latent.paths import WAVES, Cost, between, density, linear, sines, spherical, waves_of
from gvae.priors import PRIORS

FINITE = st.floats(-5, 5, allow_subnormal=False)


def codes(latent: int = 4):
    return st.lists(FINITE, min_size=latent, max_size=latent).map(lambda v: torch.tensor(v, dtype=torch.float64))


def rings(z: torch.Tensor) -> torch.Tensor:
    """Two rings around 0, of radius 1 and 3, each 0.1 wide; not normalised."""
    r = z.norm(dim=1)
    return torch.logaddexp(-(r - 1).square() / 0.02, -(r - 3).square() / 0.02)


@settings(max_examples=50, deadline=None)
@given(codes(), codes(), st.integers(2, 20))
def test_both_ends_are_exact(a, b, steps):
    for path in (linear(a, b, steps), spherical(a, b, steps)):
        assert path.shape == (steps, 4)
        assert torch.equal(path[0], a)
        assert torch.equal(path[-1], b)


@settings(max_examples=50, deadline=None)
@given(codes(), codes(), st.integers(3, 20))
def test_an_arc_keeps_its_length_and_its_angular_speed(a, b, steps):
    assume(min(a.norm(), b.norm()) > 0.1)
    a, b = a / a.norm() * 2.5, b / b.norm() * 2.5
    path = spherical(a, b, steps)
    assert torch.allclose(path.norm(dim=1), torch.full((steps,), 2.5, dtype=a.dtype))
    chords = path.diff(dim=0).norm(dim=1)  # of one circle: equal chords are equal angles
    assert torch.allclose(chords, chords[:1].expand(steps - 1), atol=1e-6)
    angle = 2 * torch.asin((b - a).norm() / 5)
    assert torch.allclose(chords, 5 * torch.sin(angle / (2 * (steps - 1))), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(codes(), codes())
def test_lengths_change_in_step(a, b):
    assume(min(a.norm(), b.norm()) > 0.1)
    path = spherical(a, b, 5)
    assert torch.allclose(path.norm(dim=1), torch.lerp(a.norm(), b.norm(), torch.linspace(0, 1, 5, dtype=a.dtype)))


def test_a_quarter_turn():
    path = spherical(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0]), 3)
    assert torch.allclose(path[1], torch.tensor([1.0, 1.0]) * 3 / math.sqrt(2))


def test_opposite_codes_go_round_and_not_through_the_middle():
    a = torch.tensor([1.0, 0.0, 0.0])
    path = spherical(a, -a, 5)
    assert torch.allclose(path.norm(dim=1), torch.ones(5), atol=1e-6)
    assert torch.equal(path, spherical(a, -a, 5))


@pytest.mark.parametrize("ends", [([0.0, 0.0], [1.0, 2.0]), ([1.0], [-1.0])])
def test_without_an_angle_the_arc_is_the_straight_line(ends):
    a, b = (torch.tensor(end) for end in ends)
    assert torch.equal(spherical(a, b, 4), linear(a, b, 4))


def want(z: torch.Tensor, log_prob) -> float:
    """By how much codes on a path fall short of the likelihood of its ends, on the average, nats."""
    log_p = log_prob(z)
    level = torch.lerp(log_p[0], log_p[-1], torch.linspace(0, 1, len(z)))
    return float((level - log_p).clamp_min(0).mean())


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 2 * math.pi), st.floats(0, 2 * math.pi), st.sampled_from([1.0, 3.0]), st.sampled_from([1.0, 3.0]))
def test_on_two_rings_it_is_never_less_likely_than_the_straight_line(first, last, inner, outer):
    a = inner * torch.tensor([math.cos(first), math.sin(first)])
    b = outer * torch.tensor([math.cos(last), math.sin(last)])
    path = density(rings, a, b, 33, rounds=30)
    assert want(path, rings) <= want(linear(a, b, 33), rings) + 1e-4
    assert torch.equal(path[0], a)
    assert torch.equal(path[-1], b)


def test_across_a_ring_it_goes_round():
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([-2.9, 0.77])  # the line passes near 0, where nothing is
    path = density(rings, a, b, 33)
    assert float(rings(linear(a, b, 33)).min()) < -40
    assert float(rings(path).min()) > -1
    assert float(path.norm(dim=1).min()) > 2.8


def test_under_a_fitted_mixture_it_is_shorter_than_the_arc_and_likelier_than_the_line():
    torch.manual_seed(0)
    angle = torch.rand(2000) * 2 * math.pi
    z = torch.stack([angle.cos(), angle.sin()], 1) * 2 + 0.1 * torch.randn(2000, 2)
    prior = PRIORS["mixture"](2, components=20)
    prior.fit(z)
    a, b = z[0], -z[0]
    line, path = linear(a, b, 33), density(prior.log_prob, a, b, 33)
    with torch.no_grad():
        assert want(path, prior.log_prob) < 0.2 * want(line, prior.log_prob)
    length = float(path.diff(dim=0).norm(dim=1).sum())
    assert 4 < length < 1.1 * math.pi * 2


def test_few_steps_lie_on_the_same_path_as_many():
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([-2.9, 0.77])
    assert torch.allclose(density(rings, a, b, 5), density(rings, a, b, 33)[::8], atol=1e-5)


def test_where_the_density_is_flat_the_path_is_straight():
    a, b = torch.tensor([1.0, 0.0, 2.0]), torch.tensor([0.0, 3.0, 1.0])
    path = density(lambda z: z.sum(1) * 0, a, b, 9)
    assert torch.allclose(path, linear(a, b, 9), atol=1e-5)


def test_being_likelier_than_the_ends_is_worth_nothing():
    a, b = (torch.tensor([1.0, 1.0]), torch.tensor([-1.0, 1.0]))  # densest at 0, towards which the line would be drawn
    path = density(lambda z: -50 * z.square().sum(1), a, b, 9)
    assert torch.allclose(path, linear(a, b, 9), atol=1e-5)


def test_the_length_term_is_the_integral_of_the_squared_speed():
    a, b = torch.tensor([1.0, 0.0], dtype=torch.float64), torch.tensor([0.0, 3.0], dtype=torch.float64)
    cost = Cost(lambda z: z.sum(1) * 0, a, b, 4001, 1.0)
    waves = torch.randn(WAVES, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) / 5
    value, path = cost(waves)
    speed = path.diff(dim=0) * (len(path) - 1)
    integral = speed.square().sum(1).mean() / (2 * (b - a).square().sum())
    assert float(value) == pytest.approx(float(integral), rel=1e-4)


def test_waves_are_read_back_from_what_they_make():
    waves = torch.arange(WAVES * 2, dtype=torch.float64).view(WAVES, 2)
    assert torch.allclose(waves_of(sines(waves, 33) @ waves), waves)


def test_the_same_ends_make_a_path_of_one_code():
    a = torch.tensor([1.0, 2.0])
    assert torch.equal(density(rings, a, a, 3), a.repeat(3, 1))


def test_what_is_refused():
    a = torch.ones(2)
    for kind in ("linear", "spherical", "density"):
        with pytest.raises(GvaeError, match="1 steps has no two ends; ask for at least 2"):
            between(kind, a, -a, 1, rings)
    with pytest.raises(GvaeError, match="needs log_prob"):
        between("density", a, -a, 3)
