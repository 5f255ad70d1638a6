"""DRAW's maths: filters against loops, reading against writing, densities of codes, and one glimpse as a VAE by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence

from gvae.config import NetConfig
from gvae.distributions.posteriors import gaussian
from gvae.errors import GvaeError
from gvae.models.draw import DRAW, Config
from gvae.nets.recurrent import LSTM, ReadImage, ReadPatch, WriteImage, WritePatch, filterbank, window
from gvae.types import Batch, DataSpec

SPEC = DataSpec("made", 1, (8, 8), classes=("a", "b", "c"))
VOLUME = DataSpec("made", 1, (4, 4, 4))


def make(spec: DataSpec = SPEC, **options) -> DRAW:
    """A small model with a fixed scale and weights that make every part matter."""
    torch.manual_seed(0)
    small = {"latent": 3, "glimpses": 4, "hidden": 16, "sigma": 0.3, "kl_warmup": 0.0, "net": NetConfig(width=4)}
    model = DRAW(spec, Config(**{**small, **options})).eval()  # pyright: ignore[reportArgumentType]
    with torch.no_grad():
        for p in [*model.encoder.parameters(), *model.generator.parameters()]:
            p.add_(0.2 * torch.randn_like(p))
    return model


def images(n: int, spec: DataSpec = SPEC) -> Tensor:
    torch.manual_seed(1)
    return torch.rand(n, spec.channels, *spec.shape) * 2 - 1


def test_filterbank_is_that_of_a_loop_and_its_rows_sum_to_one():
    centre, step, variance = (3.2, -4.0, 9.5), (1.5, 0.7, 3.0), (0.5, 2.0, 1.3)
    bank = filterbank(*(torch.tensor(v, dtype=torch.double) for v in (centre, step, variance)), 3, 7)
    assert bank.shape == (3, 3, 7)
    for image in range(3):
        for i in (1, 2, 3):
            mu = centre[image] + (i - 3 / 2 - 0.5) * step[image]
            row = [math.exp(-((a - mu) ** 2) / (2 * variance[image])) for a in range(1, 8)]
            expected = [value / sum(row) for value in row]
            assert bank[image, i - 1].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert torch.allclose(bank.sum(2), torch.ones(3, 3, dtype=torch.double), atol=1e-12)


def test_a_filter_far_outside_sees_the_nearest_pixel():
    bank = filterbank(torch.tensor([1e5, -1e5]), torch.tensor([1.0, 1.0]), torch.tensor([3e-4, 1.0]), 2, 6)
    assert torch.equal(bank[0], torch.eye(6)[[5, 5]])
    assert torch.equal(bank[1], torch.eye(6)[[0, 0]])


def test_a_window_of_zeros_covers_the_longer_side():
    rows, columns, gamma = window(torch.zeros(2, 5), 5, (12, 8))
    assert (rows.shape, columns.shape) == ((2, 1, 5, 12), (2, 1, 5, 8))
    middle = [0, 1, 3, 4]  # the filter in between lies half way between two pixels
    assert (rows[0, 0].argmax(1) + 1)[middle].tolist() == [1, 4, 9, 12]  # 1, 3.75, (6.5), 9.25, 12
    assert (columns[0, 0].argmax(1) + 1)[middle].tolist() == [1, 2, 7, 8]  # -1, 1.75, (4.5), 7.25, 10
    assert gamma.flatten().tolist() == [1, 1]


def test_extreme_parameters_give_finite_filters():
    parameters = torch.tensor([[s * 1e4] * 5 for s in (1, -1)], requires_grad=True)
    parts = window(parameters, 4, (8, 8))
    gradient = torch.autograd.grad(sum(part.square().sum() for part in parts), parameters)[0]
    assert all(torch.isfinite(part).all() for part in parts)
    assert torch.isfinite(gradient).all()


def test_reading_a_single_white_pixel_gives_the_filters_there():
    torch.manual_seed(0)
    reader, h = ReadPatch((8, 8), 6, 3), torch.randn(4, 6)
    x = torch.zeros(4, 1, 8, 8)
    x[:, :, 2, 5] = 1
    rows, columns, gamma = window(reader.where(h), 3, (8, 8))
    expected = gamma * rows[..., 2, None] * columns[..., None, :, 5]
    assert torch.allclose(reader(x, h), expected.flatten(1), atol=1e-6)


def test_a_narrow_window_reads_the_pixel_that_it_is_placed_on():
    reader, x = ReadPatch((8, 8), 6, 3), images(4)
    with torch.no_grad():
        reader.where.weight.zero_()
        reader.where.bias.copy_(torch.tensor([1 / 3, -1 / 3, -8, -8, math.log(2)]))  # column 6, row 3, twice
        patch = reader(x, torch.randn(4, 6))
    assert torch.allclose(patch, 2 * x[:, 0, 2, 5, None].expand(4, 9), atol=1e-5)


@torch.no_grad()
def test_writing_is_the_transpose_of_reading():
    torch.manual_seed(0)
    reader, writer = ReadPatch((12, 8), 6, 4), WritePatch(3, (12, 8), 6, 4)
    writer.where = reader.where
    h, x = 10 * torch.randn(5, 6), torch.randn(5, 3, 12, 8)
    gamma = window(reader.where(h), 4, (12, 8)).gamma.flatten()
    seen = (reader(x, h) * writer.what(h)).sum(1) / gamma  # <F x F', w>
    painted = (x * writer(h)).flatten(1).sum(1) * gamma  # <x, F' w F>
    assert torch.allclose(seen, painted, atol=1e-5)
    assert (gamma - 1).abs().max() > 0.1


@torch.no_grad()
def test_one_window_serves_all_channels():
    torch.manual_seed(0)
    reader, h, x = ReadPatch((12, 8), 6, 4), torch.randn(5, 6), torch.randn(5, 3, 12, 8)
    each = [reader(x[:, c, None], h) for c in range(3)]
    assert torch.allclose(reader(x, h), torch.cat(each, 1), atol=1e-6)


@torch.no_grad()
def test_attention_stays_exact_under_autocast():
    torch.manual_seed(0)
    reader, h = ReadPatch((8, 8), 6, 3), torch.randn(4, 6)
    with torch.autocast("cpu", torch.bfloat16):
        gamma = window(reader.where(h), 3, (8, 8)).gamma
        patch = reader(torch.ones(4, 1, 8, 8), h)
    assert torch.allclose(patch, gamma.flatten(1).expand(4, 9), rtol=1e-5)  # a constant image, and rows sum to 1


@torch.no_grad()
def test_lstm_is_that_of_torch():
    torch.manual_seed(0)
    ours, theirs = LSTM(3, 5), nn.LSTMCell(3, 5)
    ours.first.normal_()
    ours.gates.bias.normal_()
    theirs.weight_ih.copy_(ours.gates.weight[:, :3])
    theirs.weight_hh.copy_(ours.gates.weight[:, 3:])
    theirs.bias_ih.copy_(ours.gates.bias)
    theirs.bias_hh.zero_()
    state = ours.start(4)
    h, c = state
    for v in torch.randn(3, 4, 3):
        state, (h, c) = ours(v, state), theirs(v, (h, c))
    assert torch.allclose(state.h, h, atol=1e-6)
    assert torch.allclose(state.c, c, atol=1e-6)


def conditionals(model: DRAW, x: Tensor, z: Tensor, y: Tensor | None = None) -> list[Normal]:
    """q(z_t | x, z_<t) at given codes, each generator state computed from z_<t anew."""
    latent, out, state = model.config.latent, [], model.encoder.start(len(x))
    for t in range(model.config.glimpses):
        memory, canvas = model.generator.start(len(x))
        for s in range(t):
            memory, canvas = model.generator.step(z[:, s * latent : (s + 1) * latent], y, memory, canvas)
        parameters, state = model.encoder(x, x - canvas.tanh(), y, memory.h, state)
        mu, logvar = parameters.chunk(2, 1)
        out.append(Normal(mu, (0.5 * logvar).exp()))
    return out


@pytest.mark.parametrize(
    ("spec", "conditional"), [(SPEC, False), (SPEC, True), (DataSpec("made", 3, (12, 8)), False), (VOLUME, False)]
)
@torch.no_grad()
def test_density_of_a_code_is_the_sum_over_glimpses(spec: DataSpec, conditional: bool):
    model, x = make(spec, conditional=conditional), images(6, spec)
    y = torch.arange(6) % 3 if conditional else None
    z, log_q = model.encode(x, y).rsample_and_log_prob()
    assert z.shape == (6, 12)
    each = conditionals(model, x, z, y)
    expected = sum(q.log_prob(v).sum(1) for q, v in zip(each, z.split(3, 1), strict=True))
    assert torch.allclose(log_q, expected, atol=1e-4)  # pyright: ignore[reportArgumentType]
    moved = z.clone()
    moved[:, :3] += 1  # what came first matters for all that follows
    other = conditionals(model, x, moved, y)
    assert all((a.mean - b.mean).abs().max() > 1e-3 for a, b in zip(each[1:], other[1:], strict=True))


@torch.no_grad()
def test_density_of_codes_integrates_to_one():
    model = make(latent=1, glimpses=2)
    model.encoder.head.bias[1] += 0.7  # wider than N(0, 1): the weights stay small
    x = images(1).expand(20_000, -1, -1, -1)
    z, log_q = model.encode(x).rsample_and_log_prob()
    weights = (model.standard_normal().log_prob(z) - log_q).exp()
    error = weights.std().item() / len(weights) ** 0.5
    assert weights.mean().item() == pytest.approx(1, abs=5 * error)
    assert 5e-4 < error < 0.02


def cell(lstm: LSTM, v: Tensor) -> Tensor:
    """Output of an LSTM's first step, written out."""
    h, c = lstm.first.unsqueeze(1).expand(2, len(v), -1)
    total = torch.cat([v, h], 1) @ lstm.gates.weight.T + lstm.gates.bias
    i, f, g, o = total.split(lstm.first.shape[1], 1)
    return o.sigmoid() * (f.sigmoid() * c + i.sigmoid() * g.tanh()).tanh()


@torch.no_grad()
def test_one_glimpse_without_attention_is_a_vae_by_hand():
    model, x = make(glimpses=1, attention="off"), images(5)
    e, g = model.encoder, model.generator
    error = x - g.canvas.tanh()
    seen = torch.cat([x.flatten(1), error.flatten(1), g.lstm.first[0].expand(5, -1)], 1)
    mu, logvar = (cell(e.lstm, seen) @ e.head.weight.T + e.head.bias).chunk(2, 1)
    std = (0.5 * logvar).exp()
    torch.manual_seed(3)
    z = Normal(mu, std).rsample()
    assert isinstance(g.write, WriteImage)
    painted = cell(g.lstm, z) @ g.write.what.weight.T + g.write.what.bias
    mean = (g.canvas.flatten() + painted).tanh()
    nll = ((x.flatten(1) - mean).square() / (2 * 0.09) + math.log(0.3 * (2 * math.pi) ** 0.5)).sum(1).mean()
    rate = (0.5 * z.square() - 0.5 * ((z - mu) / std).square() - std.log()).sum(1).mean()
    torch.manual_seed(3)
    terms = model.negative_elbo(Batch(x)).terms[("encoder", "generator")]
    assert terms["nll"].item() == pytest.approx(nll.item(), rel=1e-4)
    assert terms["kl"].item() == pytest.approx(rate.item(), rel=1e-3)
    assert torch.allclose(model.encode(x).mean, mu, atol=1e-5)

    codes, log_q = model.encode(x.repeat_interleave(2000, 0)).rsample_and_log_prob()
    samples = (log_q - model.standard_normal().log_prob(codes)).view(5, 2000)
    exact = kl_divergence(gaussian(torch.cat([mu, logvar], 1)), model.standard_normal())
    assert ((samples.mean(1) - exact).abs() < 5 * samples.std(1) / 2000**0.5).all()


@pytest.mark.parametrize("spec", [SPEC, VOLUME])
@torch.no_grad()
def test_decoding_a_code_repeats_the_canvases_of_the_encoder(spec: DataSpec):
    model, x, canvases = make(spec), images(5, spec), []
    hook = model.likelihood.register_forward_pre_hook(lambda _, given: canvases.append(given[0]))
    z, _ = model.encode(x).rsample_and_log_prob()
    hook.remove()
    assert len(canvases) == 4
    assert torch.equal(canvases[0], model.generator.canvas.expand_as(x))
    for t in (1, 2, 3):
        assert torch.allclose(model.generator(z[:, : 3 * t]), canvases[t], atol=1e-5)
        assert (canvases[t] - canvases[t - 1]).abs().max() > 1e-3
    assert torch.allclose(model.decode(z).mean, model.generator(z).tanh())


@torch.no_grad()
def test_centre_is_where_draws_without_noise_go():
    model, x = make(), images(5)
    model.encoder.head.weight[3:] = 0
    model.encoder.head.bias[3:] = -100  # held at -12: a standard deviation of 0.0025
    q = model.encode(x)
    assert torch.equal(q.mean, q.mean)
    assert torch.allclose(q.rsample_and_log_prob()[0], q.mean, atol=0.05)
    assert q.mean.std() > 0.05


@torch.no_grad()
def test_codes_of_all_glimpses_are_one_code():
    model, x = make(bound="iwae", k=3), images(4)
    q = model.encode(x)
    assert (model.latent_dim, q.batch_shape, q.event_shape) == (12, (4,), (12,))
    assert model.prior.latent == 12
    assert model.sample(2).shape == (2, 1, 8, 8)
    assert model.log_weights(x, 2).shape == (2, 4)
    torch.manual_seed(5)
    loss = model.importance_weighted(Batch(x)).terms[("encoder", "generator")]["iwae"]
    torch.manual_seed(5)
    weights = model.log_weights(x, 3, prior="normal")
    assert loss.item() == pytest.approx(-(weights.logsumexp(0) - math.log(3)).mean().item(), rel=1e-4)


@torch.no_grad()
def test_density_is_float32_under_autocast():
    model, x = make(), images(4)
    torch.manual_seed(2)
    _, expected = model.encode(x).rsample_and_log_prob()
    torch.manual_seed(2)
    with torch.autocast("cpu", torch.bfloat16):
        z, log_q = model.encode(x).rsample_and_log_prob()
        canvas = model.generator(z)
    assert {v.dtype for v in (z, log_q, canvas)} == {torch.float32}
    assert torch.allclose(log_q, expected, atol=0.3)
    each = Independent(Normal(torch.zeros(12), torch.ones(12)), 1).log_prob(z)
    assert torch.isfinite(each).all()


@torch.no_grad()
def test_classes_matter_and_are_asked_for():
    model, z = make(conditional=True), torch.randn(3, 12)
    a, b = (model.decode(z, torch.full((3,), label)).mean for label in (0, 1))
    assert (a - b).abs().max() > 1e-2
    with pytest.raises(GvaeError, match="no labels"):
        model.decode(z)


def test_attention_is_for_images():
    assert isinstance(make().generator.write, WritePatch)
    assert isinstance(make(VOLUME).generator.write, WriteImage)
    assert isinstance(make(attention="off").encoder.read, ReadImage)
    with pytest.raises(GvaeError, match="--attention on is for images, and made has volumes of 4 x 4 x 4"):
        make(VOLUME, attention="on")


@pytest.mark.parametrize("name", ["glimpses", "hidden", "read", "write"])
def test_options_that_cannot_work_are_refused(name: str):
    with pytest.raises(GvaeError, match=f"--{name} is 0; it must be from 1 to "):
        make(**{name: 0})


@torch.no_grad()
def test_windows_see_and_paint_the_middle_from_the_first_step():
    torch.manual_seed(0)
    x = torch.zeros(1, 1, 28, 28)
    x[..., 9:19, 9:19] = 1  # nothing at the corners
    h = torch.zeros(1, 16)
    assert ReadPatch((28, 28), 16, 2)(x, h).min() > 0.15
    rows, columns, _ = window(WritePatch(1, (28, 28), 16, 5).where(h), 5, (28, 28))
    reach = (rows.sum(2)[0, 0] > 0.05).nonzero().flatten()
    assert (reach.min() <= 7, reach.max() >= 20) == (True, True)
    assert torch.allclose(rows, columns)
