"""WGAN-GP steps of other libraries on our networks, for step.py.

The libraries are not part of any extra: `pip install torch-mimicry torchgan torchvision` in an environment beside gvae's.
What they import beside that, but a step does not use, may be missing: see `without`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from unittest.mock import MagicMock

import torch
from torch import Tensor

from benchmarks.speed.rounds import Draw, Step

UNUSED = "tensorflow", "skimage", "torch._six"
"""imported by mimicry for its metrics, pictures and data sets"""
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")


def without() -> None:
    """Let the libraries be imported where torchvision's compiled operators do not load, or `UNUSED` is not installed."""
    for name in UNUSED:
        if name not in sys.modules and find_spec(name) is None:
            sys.modules[name] = MagicMock(__spec__=ModuleSpec(name, None))
    try:
        import torchvision  # pyright: ignore[reportMissingImports] # noqa: F401
    except RuntimeError:  # made for another build of torch; only the names of two operators are asked for
        for name in ("nms", "qnms"):
            OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def mimicry(model, draw: Draw) -> Step:
    """mimicry's `train_step` of both players, five of the critic for one of the generator."""
    without()
    from torch_mimicry.nets.wgan_gp.wgan_gp_base import WGANGPBaseDiscriminator, WGANGPBaseGenerator  # pyright: ignore[reportMissingImports]
    from torch_mimicry.training.metric_log import MetricLog  # pyright: ignore[reportMissingImports]

    c = model.config

    class Generator(WGANGPBaseGenerator):
        def __init__(self) -> None:
            super().__init__(nz=c.latent, ngf=1, bottom_width=1)
            self.net = model.generator

        def forward(self, z: Tensor) -> Tensor:
            return torch.tanh(self.net(z))

    class Critic(WGANGPBaseDiscriminator):
        def __init__(self) -> None:
            super().__init__(ndf=1, gp_scale=c.penalty)
            self.net = model.critic

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)[0].view(-1, 1)

    generator, critic = Generator(), Critic()
    optimizers = [torch.optim.Adam(net.parameters(), c.lr, (0.5, 0.9)) for net in (generator, critic)]

    def step() -> None:
        log = MetricLog()
        for _ in range(c.critic_steps):
            critic.train_step((draw(), None), generator, optimizers[1], log, device=torch.device("cpu"))
        generator.train_step((draw(), None), critic, optimizers[0], log, device=torch.device("cpu"))

    return step


def torchgan(model, draw: Draw) -> Step:
    """torchgan's `train_ops` of both losses and the penalty, five of the critic for one of the generator."""
    without()
    from torchgan import losses  # pyright: ignore[reportMissingImports]
    from torchgan.models import Discriminator, Generator  # pyright: ignore[reportMissingImports]

    c = model.config

    class Maker(Generator):
        def __init__(self) -> None:
            super().__init__(c.latent, "none")
            self.net = model.generator

        def forward(self, z: Tensor) -> Tensor:
            return torch.tanh(self.net(z))

    class Judge(Discriminator):
        def __init__(self) -> None:
            super().__init__(1, "none")
            self.net = model.critic

        def forward(self, x: Tensor, feature_matching: bool = False) -> Tensor:
            return self.net(x)[0]

    maker, judge, device = Maker(), Judge(), torch.device("cpu")
    generator, critic = (torch.optim.Adam(net.parameters(), c.lr, (0.5, 0.9)) for net in (maker, judge))
    g_adv = losses.WassersteinGeneratorLoss()
    d_adv = losses.WassersteinDiscriminatorLoss(), losses.WassersteinGradientPenalty(lambd=c.penalty)

    def step() -> None:
        for _ in range(c.critic_steps):
            x = draw()
            for loss in d_adv:
                loss.train_ops(maker, judge, critic, x, device)
        g_adv.train_ops(maker, judge, generator, device, len(draw()))

    return step


LIBRARIES: dict[str, Callable[..., Step]] = {"mimicry": mimicry, "torchgan": torchgan}
