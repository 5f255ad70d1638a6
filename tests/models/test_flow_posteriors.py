"""Flow posteriors: determinants against autograd, densities against change of variables, special cases by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal
from torch.nn.functional import softplus

from gvae.config import NetConfig
from gvae.distributions.posteriors import gaussian, rsample_and_log_prob
from gvae.distributions.pushforward import pushforward
from gvae.errors import GvaeError
from gvae.models.vae import VAE
from gvae.models.vae import Config as PlainConfig
from gvae.models.vae_iaf import VAEIAF
from gvae.models.vae_iaf import Config as IAFConfig
from gvae.models.vae_nf import VAENF
from gvae.models.vae_nf import Config as NFConfig
from gvae.nets.flows.iaf import IAF, OPEN, Step
from gvae.nets.flows.made import MADE, degrees
from gvae.nets.flows.planar import SHIFT, STRENGTH, Planar, constrain, numbers, planar, unpack
from gvae.types import DataSpec

SPEC = DataSpec("made", 1, (8, 8))
NET = NetConfig(width=8)
Z = 4


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def jacobian(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """(B, outputs, inputs) of a function that treats every row of z (B, Z) alone."""
    full = torch.autograd.functional.jacobian(function, z)
    assert isinstance(full, Tensor)
    return full.diagonal(dim1=0, dim2=2).movedim(-1, 0)


def logdet(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    return torch.linalg.slogdet(jacobian(function, z)).logabsdet


def strong(module: nn.Module) -> nn.Module:
    """The module in double precision with large last layers, as after long training."""
    for part in module.modules():
        if isinstance(part, MADE):
            part.last.weight.data.mul_(15)
    return module.double()


# ---- planar


def test_planar_by_hand():
    z, u, w, b = ([1.0, -1.0], [[0.5, 1.0]], [[2.0, 0.0]], [0.25])
    room = math.log(1 + math.e * (math.e - 1))  # softplus(w.u + log(e - 1)) with w.u = 1
    u_hat = [0.5 + (room - 1 - 1) / 4 * 2, 1.0]
    bend = math.tanh(2 * 1 + 0.25)
    out, log_det = planar(*(torch.tensor(v).double() for v in ([z], u, w, b)))
    assert out.tolist() == [pytest.approx([1 + u_hat[0] * bend, -1 + u_hat[1] * bend])]
    assert log_det.tolist() == pytest.approx([math.log(1 + (1 - bend**2) * 2 * u_hat[0])])


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("latent", [1, 5])
def test_planar_determinant_is_the_jacobian_s(latent: int, shared: bool):
    rows = () if shared else (1,)  # one image's steps, for seven of its codes
    z, b = noise(7, latent), noise(*rows, 6)
    u, w = 2 * noise(*rows, 6, latent, seed=1), noise(*rows, 6, latent, seed=2)
    log_det = planar(z, u, w, b)[1]
    torch.testing.assert_close(log_det, logdet(lambda v: planar(v, u, w, b)[0], z))
    assert log_det.abs().max() > 0.5


def test_every_image_has_its_own_steps():
    z, u, w, b = noise(3, 4), noise(3, 2, 4, seed=1), noise(3, 2, 4, seed=2), noise(3, 2, seed=3)
    together = planar(z, u, w, b)
    for i in range(3):
        alone = planar(z[i : i + 1], u[i], w[i], b[i])
        torch.testing.assert_close(alone, (together[0][i : i + 1], together[1][i : i + 1]))


def test_planar_steps_cannot_fold_space():
    u, w = 4 * noise(500, 5), noise(500, 5, seed=1)
    assert (w * u).sum(1).min() < -20
    u_hat, room = constrain(u, w)
    along = (w * u_hat).sum(1)
    assert along.min() >= -1 - 1e-12  # equal where 1 + w.u^ is lost in rounding
    assert room.min() > 0
    torch.testing.assert_close(along, room - 1)
    across = u - u_hat  # the constraint moves u along w alone
    cosine = (across * w).sum(1).abs() / (across.norm(dim=1) * w.norm(dim=1))
    torch.testing.assert_close(cosine, torch.ones_like(cosine))


def test_planar_steps_are_those_of_the_paper():
    u, w = 2 * noise(50, 3), noise(50, 3, seed=1)
    theirs = u + SHIFT * w / w.square().sum(1, keepdim=True)
    along = (w * theirs).sum(1, keepdim=True)
    u_hat = theirs + (-1 + softplus(along) - along) * w / w.square().sum(1, keepdim=True)
    torch.testing.assert_close(constrain(u, w)[0], u_hat)


@pytest.mark.parametrize("size", [0.0, 1e-20, 1e-6, 1e-3])
def test_a_step_in_no_direction_moves_all_codes_alike(size: float):
    """With the paper's m the push would grow like 1 / |w|."""
    torch.manual_seed(0)
    u, w = torch.randn(1, 1, 3), torch.full((1, 1, 3), size)
    z = torch.randn(5, 3, requires_grad=True)
    out, log_det = planar(z, u, w, torch.ones(1, 1))
    assert (out - z).norm(dim=1).max() <= 1.1 * u.norm()
    assert log_det.abs().max() <= 4 * size + 1e-6
    assert torch.isfinite(torch.autograd.grad(out.sum() + log_det.sum(), z)[0]).all()


def test_density_of_a_line_integrates_to_one():
    z0 = torch.linspace(-9, 9, 20_001, dtype=torch.float64)[:, None]
    z, log_det = planar(z0, 2 * noise(5, 1), 2 * noise(5, 1, seed=1), noise(5, seed=2))
    assert (z.diff(dim=0) > 0).all()
    q = (Normal(0.0, 1.0).log_prob(z0[:, 0]) - log_det).exp()
    assert torch.trapezoid(q, z[:, 0]).item() == pytest.approx(1, abs=1e-4)
    assert (q.diff().sign().diff() != 0).sum() > 1  # more than one mode


def test_unpacking_by_hand():
    assert numbers(2, 2) == 10
    u, w, b = unpack(torch.arange(10.0)[None], 2)
    torch.testing.assert_close(u / STRENGTH, torch.tensor([[[0.0, 1], [2, 3]]]))
    torch.testing.assert_close(w * math.sqrt(2), torch.tensor([[[4.0, 5], [6, 7]]]))
    assert b.tolist() == [[8, 9]]


# ---- MADE and IAF


@pytest.mark.parametrize(("latent", "hidden"), [(1, 4), (5, 16), (5, 3), (16, 5)])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_made_sees_only_what_came_before(latent: int, hidden: int, layers: int):
    torch.manual_seed(0)
    made, z, context = strong(MADE(latent, 3, hidden, layers)), noise(2, latent), noise(2, 3, seed=1)
    by_z = jacobian(lambda v: made(v, context), z)
    by_context = jacobian(lambda v: made(z, v), context)
    before = torch.ones(latent, latent).tril(-1).bool().repeat(2, 1)
    assert by_z.shape == (2, 2 * latent, latent)
    assert (by_z[:, ~before] == 0).all()
    assert (by_context.abs().amax(2) > 0).all()  # the context reaches every output
    if hidden >= latent:
        assert (by_z[:, before] != 0).all()


def test_degrees_are_spread_evenly():
    assert degrees(4, 8).bincount().tolist() == [2, 2, 2, 2]
    assert degrees(32, 320).bincount().tolist() == [10] * 32
    assert degrees(32, 8).tolist() == [0, 4, 8, 12, 16, 20, 24, 28]
    assert degrees(1, 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize("latent", [1, 5])
def test_a_step_of_iaf_has_the_gates_on_the_diagonal(latent: int):
    torch.manual_seed(0)
    step, z, context = strong(Step(latent, 3, 16, 2)), noise(7, latent), noise(7, 3, seed=1)
    out, log_det = step(z, context)
    m, s = step.made(z, context).chunk(2, 1)
    gate = 1 / (1 + (-s - 1.5).exp())
    torch.testing.assert_close(out, gate * z + (1 - gate) * m)
    full = jacobian(lambda v: step(v, context)[0], z)
    torch.testing.assert_close(full.diagonal(dim1=1, dim2=2), gate)
    assert (full.triu(1) == 0).all()
    torch.testing.assert_close(log_det, torch.linalg.slogdet(full).logabsdet)
    assert log_det.std() > 0.1


def test_iaf_determinant_is_the_jacobian_s():
    torch.manual_seed(0)
    flow, z, context = strong(IAF(5, 3, steps=3, hidden=16, layers=2)), noise(7, 5), noise(7, 3, seed=1)
    torch.testing.assert_close(flow(z, context)[1], logdet(lambda v: flow(v, context)[0], z))


def test_iaf_reverses_the_order_between_steps():
    """One step is triangular, two are not: the first dimension of the second has seen everything in the first."""
    torch.manual_seed(0)
    flow, z, context = strong(IAF(5, 3, steps=2, hidden=16, layers=1)), noise(2, 5), noise(2, 3, seed=1)
    assert (jacobian(lambda v: flow(v, context)[0], z) != 0).all()
    first, second = flow.steps
    expected = second(first(z, context)[0].flip(1), context)[0].flip(1)
    torch.testing.assert_close(flow(z, context)[0], expected)


@pytest.mark.parametrize("latent", [1, 6])
def test_inverse_of_a_step(latent: int):
    torch.manual_seed(0)
    step, z, context = strong(Step(latent, 3, 16, 2)), noise(7, latent), noise(7, 3, seed=1)
    torch.testing.assert_close(step.inverse(step(z, context)[0], context), z)
    torch.testing.assert_close(step(step.inverse(z, context), context)[0], z)


@torch.no_grad()
def test_density_of_a_plane_integrates_to_one():
    """The inverse gives the density at any point; its mean is that of draws."""
    torch.manual_seed(0)
    flow, context = strong(IAF(2, 3, steps=2, hidden=16, layers=1)), noise(1, 3)
    first, second = flow.steps
    axis = torch.arange(-6, 6, 0.04, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    z0 = first.inverse(second.inverse(z.flip(1), context).flip(1), context)
    q = (Normal(0.0, 1.0).log_prob(z0).sum(1) - flow(z0, context)[1]).exp() * 0.04**2
    drawn = flow(noise(50_000, 2, seed=1), context)[0]
    assert q.sum().item() == pytest.approx(1, abs=1e-3)
    torch.testing.assert_close((q[:, None] * z).sum(0), drawn.mean(0), atol=0.02, rtol=0)


@torch.no_grad()
def test_iaf_with_constant_gates_is_a_gaussian():
    flow = IAF(3, 2, steps=2, hidden=8, layers=2)
    for step in flow.steps:
        step.made.last.weight.zero_()
        step.made.last.bias.copy_(torch.tensor([1.0, 2.0, 3.0, 0.0, 0.5, 1.0]))  # m, then s
    gate = torch.sigmoid(torch.tensor([0.0, 0.5, 1.0]) + OPEN)
    m = torch.tensor([1.0, 2.0, 3.0])
    base = gaussian(torch.tensor([[0.5, -1.0, 2.0, 0.0, 0.4, -0.8]]))
    q = pushforward(base, lambda z: flow(z, torch.zeros(1, 2)))
    back = gate.flip(0)  # the second step's gates, in the order of z
    mean = back * (gate * base.mean + (1 - gate) * m) + (1 - back) * m.flip(0)
    exact = Independent(Normal(mean, back * gate * base.stddev), 1)
    z, log_q = q.rsample_and_log_prob()
    torch.testing.assert_close(log_q, exact.log_prob(z))
    torch.testing.assert_close(q.mean, mean)


# ---- learning


def test_planar_steps_learn_two_modes():
    """The best Gaussian misses one mode, or lies between both: KL about log 2."""
    torch.manual_seed(0)
    flow = Planar(4, 1)
    kl = minimise(flow, flow.parameters(), 1, lambda z: two_modes(z[:, 0]))
    assert kl < 0.25


def two_modes(z: Tensor) -> Tensor:
    return torch.stack([Normal(c, 0.5).log_prob(z) for c in (-2.0, 2.0)]).logsumexp(0) - math.log(2)


def test_iaf_learns_a_bent_density():
    """p(z1) = N(0, 1), p(z2|z1) = N(z1^2 / 2, 0.3^2): one step can be exact."""
    torch.manual_seed(0)
    flow, context = IAF(2, 1, steps=1, hidden=32, layers=1), torch.zeros(1, 1)
    target = lambda z: (  # noqa: E731
        Normal(0.0, 1.0).log_prob(z[:, 0]) + Normal(z[:, 0].square() / 2, 0.3).log_prob(z[:, 1])
    )
    start = minimise(lambda z: flow(z, context), (), 2, target)
    kl = minimise(lambda z: flow(z, context), flow.parameters(), 2, target)
    assert start > 2
    assert kl < 0.1


def minimise(flow, parameters, latent: int, log_p: Callable[[Tensor], Tensor]) -> float:
    """KL(q || p) in nats after 300 Adam steps, q the flow of N(0, I)."""
    parameters = list(parameters)
    base = gaussian(torch.zeros(512, 2 * latent))
    if parameters:
        optimizer = torch.optim.Adam(parameters, 0.03)
        for _ in range(300):
            z, log_q = pushforward(base, flow).rsample_and_log_prob()
            optimizer.zero_grad()
            (log_q - log_p(z)).mean().backward()
            optimizer.step()
    with torch.no_grad():
        draws = [pushforward(base, flow).rsample_and_log_prob() for _ in range(20)]
        return torch.stack([(log_q - log_p(z)).mean() for z, log_q in draws]).mean().item()


# ---- models


class Told(nn.Module):
    """An encoder that says what it was told to say."""

    def __init__(self, outputs: Tensor) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.outputs


def make(kind: str, **options) -> VAENF | VAEIAF:
    """A model for three images, whose encoder's outputs are noise, and whose flow is strong."""
    torch.manual_seed(0)
    if kind == "iaf":
        options = {"steps": 3} | options
        model = VAEIAF(SPEC, IAFConfig(latent=Z, net=NET, hidden=16, context=6, **options))
        strong(model.flow).float()
    else:
        model = VAENF(SPEC, NFConfig(latent=Z, net=NET, steps=6, amortised=kind == "nf", **options))
    outputs = model.encoder(torch.zeros(3, 1, 8, 8)).shape[1]
    model.encoder = Told(torch.randn(3, outputs))
    if kind == "nf":
        model.encoder.outputs[:, 2 * Z : 2 * Z + 6 * Z] *= 10
    if kind == "global":
        model.flow.u.data.mul_(10)
    return model


def silence(model: VAENF | VAEIAF) -> None:
    """Take all strength from the model's flow."""
    if isinstance(model, VAEIAF):
        for made in [m for m in model.flow.modules() if isinstance(m, MADE)]:
            made.last.weight.data.zero_()
            made.last.bias.data[Z:] = 40  # gates of one
    elif model.config.amortised:
        model.encoder.outputs[:, 2 * Z : 2 * Z + 6 * Z] = 0
    else:
        model.flow.u.data.zero_()


KINDS = ("nf", "global", "iaf")
X = torch.linspace(-1, 1, 3 * 64).view(3, 1, 8, 8)


def seeded(function: Callable):
    torch.manual_seed(7)
    return function()


@pytest.mark.parametrize("kind", KINDS)
def test_log_q_of_a_draw_is_the_change_of_variables(kind: str):
    """z = flow(mu + sigma eps): dz / dmu is the flow's Jacobian, since the other outputs of the encoder stand still."""
    model = make(kind)
    outputs = model.encoder.outputs

    def code(mu: Tensor) -> Tensor:
        model.encoder.outputs = torch.cat([mu, outputs[:, Z:]], 1)
        return seeded(lambda: rsample_and_log_prob(model.encode(X)))[0]

    base = gaussian(outputs[:, : 2 * Z])
    z0 = seeded(base.rsample)
    z, log_q = seeded(lambda: rsample_and_log_prob(model.encode(X)))
    expected = base.log_prob(z0) - logdet(code, outputs[:, :Z])
    torch.testing.assert_close(log_q, expected, atol=1e-3, rtol=0)
    assert (log_q - base.log_prob(z0)).abs().min() > 0.05
    assert (z - z0).norm(dim=1).min() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_centre_is_the_base_mean_pushed_through_the_flow(kind: str):
    model = make(kind)
    centre = model.encode(X).mean
    model.encoder.outputs[:, Z : 2 * Z] = -12  # all but no noise
    torch.testing.assert_close(seeded(lambda: rsample_and_log_prob(model.encode(X)))[0], centre, atol=0.1, rtol=0.05)


@pytest.mark.parametrize(("kind", "options"), [("nf", {}), ("global", {}), ("iaf", {}), ("iaf", {"steps": 2})], ids=str)
@torch.no_grad()
def test_a_flow_without_strength_leaves_a_plain_vae(kind: str, options: dict):
    model = make(kind, **options)
    silence(model)
    plain = VAE(SPEC, PlainConfig(latent=Z, net=NET))
    plain.encoder = Told(model.encoder.outputs[:, : 2 * Z])
    plain.likelihood = model.likelihood
    plain.generator = model.generator
    ours = seeded(lambda: model.log_weights(X, 4, prior="normal"))
    torch.testing.assert_close(ours, seeded(lambda: plain.log_weights(X, 4, prior="normal")))
    torch.testing.assert_close(model.encode(X).mean, plain.encode(X).mean)
    q, p = model.encode(X), plain.encode(X)
    z, log_q = seeded(lambda: rsample_and_log_prob(q))
    torch.testing.assert_close(log_q, p.log_prob(z))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_densities_keep_their_digits_under_autocast(kind: str):
    model = make(kind)
    z, log_q = seeded(lambda: rsample_and_log_prob(model.encode(X)))
    with torch.autocast("cpu", torch.bfloat16):
        rough, log_rough = seeded(lambda: rsample_and_log_prob(model.encode(X)))
    assert (rough.dtype, log_rough.dtype) == (torch.float32, torch.float32)
    if kind == "iaf":  # its networks run in bfloat16; the gates and their logarithms do not
        torch.testing.assert_close(log_rough, log_q, atol=0.2, rtol=0)
    else:
        torch.testing.assert_close((rough, log_rough), (z, log_q))


@pytest.mark.parametrize("kind", KINDS)
def test_vamp_is_a_mixture_of_the_gaussians_before_the_flow(kind: str):
    model = make(kind, prior="vamp", components=3, learn_prior=True)  # as many pseudo-inputs as Told knows images
    assert model.trained[-1] == "prior"
    z, log_q = seeded(lambda: rsample_and_log_prob(model.encode(X)))
    base = gaussian(model.encoder.outputs[:, : 2 * Z])
    mixture = base.log_prob(z[:, None]).logsumexp(1) - math.log(3)
    torch.testing.assert_close(model.rate(model.encode(X), z, log_q), log_q - mixture)


def test_players_and_averages():
    assert tuple(make("nf").players()) == ("encoder", "generator")
    for kind in ("global", "iaf"):
        model = make(kind)
        assert tuple(model.players()) == ("encoder", "flow", "generator")
        assert model.averaged == ("encoder", "flow", "generator")


def test_options_that_cannot_work():
    with pytest.raises(GvaeError, match="--steps is 0; it must be from 1 to 1,000"):
        VAENF(SPEC, NFConfig(steps=0))
    for name in ("steps", "hidden", "layers", "context"):
        with pytest.raises(GvaeError, match=f"--{name} is 0; it must be from 1 to "):
            VAEIAF(SPEC, IAFConfig(**{name: 0}))
