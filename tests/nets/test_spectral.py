"""Spectral normalisation of critics."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gvae import nets
from gvae.config import NetConfig
from gvae.errors import GvaeError
from gvae.models import resolve
from gvae.types import DataSpec

SPEC = DataSpec("made", 1, (8, 8), classes=("a", "b"))


@pytest.mark.parametrize("family", ["small", "conv", "resnet", "mlp"])
def test_every_layer_of_a_critic_has_gain_one(family):
    torch.manual_seed(0)
    critic = nets.critic(SPEC, NetConfig(family, width=8, spectral=True))
    x = torch.randn(4, 1, 8, 8)
    for _ in range(60):  # one power iteration each
        critic(x)
    critic.eval()
    layers = [m for m in critic.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert layers
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)


def test_only_critics_are_normalised_and_only_if_asked():
    plain = nets.critic(SPEC, NetConfig("small", width=8))
    encoder = nets.encoder(SPEC, NetConfig("small", width=8, spectral=True), 6)
    assert not any("parametrizations" in name for m in (plain, encoder) for name, _ in m.named_parameters())


def test_clipped_weights_and_spectral_normalisation_exclude_each_other():
    wgan = resolve("wgan")
    with pytest.raises(GvaeError, match=r"use wgan-gp or gan"):
        wgan(SPEC, wgan.Config(net=NetConfig(spectral=True)))


def test_a_normalised_critic_learns():
    torch.manual_seed(0)
    kind = resolve("gan")
    model = kind(SPEC, kind.Config(latent=4, loss="hinge", net=NetConfig(width=8, spectral=True)))
    x = torch.rand(32, 1, 8, 8) * 2 - 1
    optimiser = torch.optim.Adam(model.critic.parameters(), 1e-2)
    first = None
    for _ in range(60):
        optimiser.zero_grad()
        loss = (1 - model.critic(x)[0]).relu().mean() + (1 + model.critic(0.3 * x)[0]).relu().mean()
        loss.backward()
        optimiser.step()
        first = loss.item() if first is None else first
    assert loss.item() < 0.7 * first
