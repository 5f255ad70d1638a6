"""The doctor names a trouble where there is one, and is silent where there is none."""

from __future__ import annotations

import re

import pytest
import torch

from gvae.config import GanConfig, NetConfig, TrainConfig
from gvae.models import MODELS, resolve
from gvae.models.gvae import Config
from gvae.models.vae_gan import Config as VAEGAN
from gvae.training.monitors.advice import REMEDIES, advice
from gvae.training.monitors.doctor import Doctor, diagnose


class Sampler(torch.nn.Module):
    """Stands for a model that draws what it is told to."""

    condition, progress, device, config = 0, 0.5, torch.device("cpu"), GanConfig()

    def __init__(self, draw):
        super().__init__()
        self.draw = draw

    def in_turn(self, n):
        return None

    def sample(self, n, y=None):
        return self.draw(n)


@pytest.fixture
def data():
    torch.manual_seed(0)
    return torch.rand(200, 1, 8, 8) * 2 - 1


def names(data, draw, terms=None, diagnostics=None, progress=0.5):
    model = Sampler(draw)
    model.progress = progress
    return [f.name for f in Doctor(data).examine(model, terms or {}, diagnostics or {})[1]]


def test_samples_like_the_data_are_healthy_and_measured_as_such(data):
    vitals, findings = Doctor(data).examine(Sampler(lambda n: torch.rand(n, 1, 8, 8) * 2 - 1), {}, {})
    assert vitals["diversity"] == pytest.approx(1, abs=0.1)
    assert vitals["contrast"] == pytest.approx(1, abs=0.05)
    assert findings == []


def test_one_image_again_and_again_is_mode_collapse_and_gray_is_gray(data):
    assert names(data, lambda n: data[:1].expand(n, 1, 8, 8)) == ["mode collapse"]
    assert names(data, lambda n: 0.01 * torch.randn(n, 1, 8, 8)) == ["low contrast"]
    flat = torch.linspace(-1, 1, 64).reshape(64, 1, 1, 1).expand(64, 1, 8, 8)
    assert names(data, lambda n: flat[:n]) == ["low contrast"]  # they differ, but each is a blank


def test_nothing_is_named_at_the_start(data):
    assert names(data, lambda n: torch.zeros(n, 1, 8, 8), progress=0.05) == []


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"kl_nats": 0.1}, "posterior collapse"),
        ({"critic/penalty": 5e4}, "exploding penalty"),
        ({"critic/r1": 2e3}, "exploding penalty"),
        ({"norm/critic": 1e-9}, "dead critic"),
        ({"norm/code_critic": 0.0}, "dead critic"),
    ],
)
def test_terms_tell_their_trouble(values, name):
    (finding,) = diagnose(values, GanConfig())
    assert finding.name == name
    assert str(finding) == f"{name}: {finding.seen}; try {advice(name, GanConfig())}"


def test_usual_terms_tell_none():
    assert (
        diagnose(
            {"kl_nats": 95, "critic/penalty": 6.0, "critic/r1": 0.1, "norm/critic": 2.0, "norm/generator": 0},
            GanConfig(),
        )
        == []
    )


def test_a_look_moves_neither_noise_nor_mode(data):
    model = Sampler(lambda n: torch.rand(n, 1, 8, 8)).train()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Doctor(data).examine(model, {}, {})
    assert torch.equal(torch.rand(3), expected)
    assert model.training


@pytest.mark.parametrize("trouble", REMEDIES)
@pytest.mark.parametrize("name", MODELS)
def test_only_options_that_the_model_has_are_named(name, trouble):
    config = resolve(name).Config()
    text = advice(trouble, config)
    assert text
    for option in re.findall(r"--([\w.-]+)", text):
        first, *inner = option.replace("-", "_").split(".")
        assert hasattr(config, first) or first in TrainConfig.__dataclass_fields__, text
        assert not inner or hasattr(config.net, inner[0])


def test_what_a_training_does_already_is_not_named():
    assert advice("mode collapse", VAEGAN()) == "a lower --lr or gvae"
    assert advice("mode collapse", Config()) == "a larger --penalty or a lower --critic-lr"
    assert advice("mode collapse", Config(adversarial="wasserstein")).endswith("or --adversarial relativistic")
    assert advice("low contrast", GanConfig(net=NetConfig("conv"))).endswith("small up to 64 pixels")
    assert advice("low contrast", GanConfig()) == "a lower --lr"
    assert "--sigma 0" in advice("posterior collapse", VAEGAN(sigma=1.0))
    assert "--sigma" not in advice("posterior collapse", VAEGAN())
