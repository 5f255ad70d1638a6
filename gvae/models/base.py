"""The contract of a model: players (networks that learn), turns (which of them step when), and what the model can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from gvae.config import ModelConfig, check, from_json
from gvae.errors import GvaeError, choose
from gvae.fields import nested
from gvae.nets.own import OwnNetwork
from gvae.types import Batch, DataSpec, Terms

Player = str | tuple[str, ...]
"""the name of a player, or of several that minimise one loss together (one backward pass for all of them)"""


EXAMPLES = 256
"""training images whose attributes a model keeps"""


class Losses(NamedTuple):
    """What one turn computed.

    Attributes:
        terms: for each player (or group) its named, already weighted scalar terms; their sum is what it minimises.
        diagnostics: scalars worth a look that nobody minimises.
    """

    terms: dict[Player, Terms]
    diagnostics: Terms = {}


@dataclass(frozen=True)
class Turn:
    """One step of a training round.

    Args:
        losses: the losses of this turn's players on a fresh batch.
        repeat: how many times in a row, each on a fresh batch.
        every: only in every n-th round (lazy penalties).
        start: fraction of the training budget after which this turn takes part.
        stop: fraction of the training budget after which it no longer does.
        on_start: called once, before this turn's first step, with an iterator over batches of training data.
    """

    losses: Callable[[Batch], Losses]
    repeat: int = 1
    every: int = 1
    start: float = 0.0
    stop: float = float("inf")
    on_start: Callable[[Iterable[Batch]], None] | None = None


@dataclass(frozen=True)
class Optim:
    """Optimiser of one player."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam: decay of the means of gradients and of their squares; RMSprop: only the second"""
    weight_decay: float = 0.0
    kind: Literal["adam", "rmsprop"] = "adam"
    constant_updates: int = 0
    """updates at the full step size, which falls with the root of their number from then on; 0: it does not"""


class Model(nn.Module):
    """A generative model of images.

    A turn returns each player's named, already weighted terms; the trainer differentiates each sum with respect to
    that player's parameters only. So an algorithm never detaches, freezes or calls `backward`.

    Args:
        spec: what its images look like.
        config: its options, a `Config`; or give them by name.
        options: options by name, as `latent=48`, `net={"width": 32}`; and networks of your own: `encoder=`, `generator=`
            or `critic=` a module, called with (x, y) where the model is conditional, else with x.

    Raises:
        GvaeError: an option out of range, options that do not go together, a network that the model has not.

    Besides `sample`, a model has the methods of what it can do:
        `encode(x, y=None) -> q`: the distribution q(z|x), event shape (Z,);
        `decode(z, y=None) -> p`: the distribution p(x|z), event shape (C, *S), whose `.mean` is the image;
        `log_weights(x, k, y=None) -> (k, B)`: log p(x, z) - log q(z|x), in nats;
        `fit_prior(batches)`: fit the learned prior to the codes of training data.
    """

    Config: ClassVar[Any] = ModelConfig
    """frozen dataclass of the model's options"""
    averaged: tuple[str, ...] = ()
    """players whose exponential moving average is what samples"""

    own_networks: tuple[str, ...] = ("encoder", "generator", "critic")
    """networks that may be given in place of those that the options describe"""

    def __init__(self, spec: DataSpec, config: Any = None, **options: Any) -> None:
        super().__init__()
        if not isinstance(spec, DataSpec):
            raise GvaeError(
                f"a model begins with what its images look like, not with {type(spec).__name__}: "
                f"{type(self).__name__}(data.spec, latent=32)"
            )
        self.spec = spec
        self.own = {name: given for name, given in options.items() if isinstance(given, nn.Module)}
        """networks that were given, by name"""
        values = {name: value for name, value in options.items() if name not in self.own}
        self.config = check(from_json(type(self).Config, nested(values)) if config is None else config)
        if config is not None and values:
            raise GvaeError(f"both a Config and {', '.join(values)}= were given; give options in one way")
        self.check_options()
        for name in self.own:
            choose("network to give", name, [n for n in self.own_networks if hasattr(self, f"make_{n}")])
        self.progress = 1.0
        """fraction of the training budget that is done; the trainer sets it before every round"""
        if self.condition and not self.classes:
            self.register_buffer("examples", torch.zeros(EXAMPLES, self.condition))
        self.examples: Tensor
        """attributes of some training images, which samples have if nobody asks for others; set by the trainer"""

    def check_options(self) -> None:
        """Refuse options that do not go together.

        Raises:
            GvaeError: which, and what to type.
        """

    def network(self, name: str) -> nn.Module:
        """The network of that name: the one that was given, else what `make_NAME` builds.

        Raises:
            GvaeError: the one that was given returns another shape than the model needs.
        """
        if name not in self.own:
            return getattr(self, f"make_{name}")()
        return OwnNetwork(name, self.own[name], self.returned(name), bool(self.condition))

    def returned(self, name: str) -> tuple[int, ...]:
        """Shape of what a network returns for one image or code: parameters of q(z|x), an image, a score."""
        image = (self.spec.channels, *self.spec.shape)
        return {"encoder": (getattr(self, "encoder_dim", 0),), "generator": image, "critic": ()}[name]

    @property
    def condition(self) -> int:
        """Number of classes or attributes that the networks are conditional on; 0 for an unconditional model."""
        return len(self.spec.conditions) if self.config.conditional else 0

    @property
    def classes(self) -> int:
        """Number of classes that the networks are conditional on; 0 for attributes, which are no classes."""
        return self.condition if self.spec.classes else 0

    def in_turn(self, n: int) -> Tensor | None:
        """The default condition of n samples: all classes in turn (n,), or attributes of training images (n, A)."""
        if not self.condition:
            return None
        i = torch.arange(n, device=self.device)
        return i % self.classes if self.classes else self.examples[i % EXAMPLES]

    def players(self) -> dict[str, nn.Module]:
        """Modules that learn, by name; no two share a parameter."""
        raise NotImplementedError

    def turns(self) -> list[Turn]:
        """Who steps when."""
        raise NotImplementedError

    def optim(self, player: str) -> Optim:
        """Optimiser settings of a player; the step size may depend on `progress`, the rest is read once."""
        return Optim(self.config.lr)

    def sample(self, n: int, y: Tensor | None = None) -> Tensor:
        """Draw n images (n, C, *S) in [-1, 1], of classes y (n,) or attributes y (n, A) if conditional."""
        raise NotImplementedError

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.parameters()).device
