"""Configuration as frozen dataclasses: default, type, help and JSON in one place. Imports no torch."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from gvae.errors import GvaeError, choose

T = TypeVar("T")


@dataclass(frozen=True)
class NetConfig:
    """Which networks a model is built from; their sizes follow from the data."""

    family: Literal["auto", "small", "conv", "resnet", "mlp"] = "auto"
    """auto: small up to 64 pixels, resnet above; conv: the papers' four stride-2 convolutions; mlp: no convolutions"""
    width: int = 64
    """channels of the first stage, later stages are multiples of it; mlp: units per hidden layer"""
    depth: int = 0
    """small: residual blocks at the middle resolution; mlp: hidden layers, 2 if 0; others: not used"""
    spectral: bool = False
    """spectral normalisation of critics: every layer's largest gain is 1"""
    block: Literal["residual", "paper"] = "residual"
    """resnet only: pre-activation residual block, or the papers' block with pooling, BatchNorm and dropout"""
    up: Literal["auto", "nearest", "transposed"] = "auto"
    """small, conv: how generators enlarge, by nearest neighbour and a convolution (auto for conv) or transposed (small)"""


@dataclass(frozen=True)
class ModelConfig:
    """Options that every model has."""

    latent: int = 64
    """number of latent dimensions, Z"""
    lr: float = 1e-3
    """Adam step size"""
    conditional: bool = False
    """tell every network the class label"""
    net: NetConfig = field(default_factory=NetConfig)


@dataclass(frozen=True)
class CriticConfig:
    """Options of models with a critic of images."""

    augment: Literal["none", "shift", "diff", "adaptive"] = "none"
    """change what the critic sees: shift against checkerboards; for data below about 20,000 images, diff always or
    adaptive as often as it needs"""


@dataclass(frozen=True)
class GanConfig(ModelConfig, CriticConfig):
    """Options of gan and cgan."""

    lr: float = 2e-4
    """Adam step size"""
    loss: Literal["nonsaturating", "hinge", "relativistic"] = "nonsaturating"
    """what critic and generator minimise"""
    smooth: float = 0.0
    """nonsaturating: how far below 1 the critic's target for real images lies; 0.1 is usual"""
    noise: float = 0.0
    """standard deviation at the start of noise on all that the critic sees, pixels in [-1, 1]; falls to 0 at the end"""
    penalty: float = 1.0
    """weight of the critic's zero-centred gradient penalty; 0: none"""
    penalise: Literal["real", "fake", "both"] = "real"
    """where the critic's gradient is penalised: on data (R1), on fakes (R2), or on both"""
    penalty_every: int = 8
    """rounds from one penalty to the next (its weight is corrected)"""


@dataclass(frozen=True)
class LatentConfig(ModelConfig):
    """Options of models with an encoder."""

    latent: int = 32
    """number of latent dimensions, Z"""
    likelihood: Literal[
        "auto", "gaussian", "gaussian-learned", "laplace", "bernoulli", "discretised-logistic"
    ] = "auto"
    """p(x|z); auto: bernoulli for binarised data, else gaussian with the scale of the data's own errors"""
    sigma: float = 0.0
    """gaussian, laplace: fixed scale for pixels in [-1, 1]; 0: the scale of the data's own errors"""
    beta: float = 1.0
    """weight of the KL term: above 1 the code carries fewer nats and its prior is easier to learn"""
    kl_warmup: float = 0.05
    """first fraction of the budget, over which beta rises from 0: prevents posterior collapse"""
    prior: Literal["mixture", "realnvp", "flow", "vamp", "layered", "normal"] = "mixture"
    """density fitted to the codes, from which samples are drawn"""
    components: int = 0
    """Gaussians of the mixture prior, pseudo-inputs of the vamp prior; 0: as many as suit the latent size, and 400"""


@dataclass(frozen=True)
class BoundConfig(LatentConfig):
    """Options of models that are trained on a bound of log p(x)."""

    bound: Literal["elbo", "iwae"] = "elbo"
    """elbo: one code per image; iwae: the importance-weighted bound with k codes per image"""
    k: int = 5
    """codes per image of the importance-weighted bound"""
    learn_prior: bool = False
    """learn the prior together with encoder and decoder, in place of N(0, I), rather than afterwards"""


@dataclass(frozen=True)
class DrawConfig(BoundConfig):
    """Options of models that paint an image in several glimpses."""

    latent: int = 10
    """number of latent dimensions of one glimpse, Z; the code has glimpses times as many"""
    glimpses: int = 10
    """how often the model looks and paints, T"""
    hidden: int = 256
    """length of the state of each of the two LSTMs"""
    attention: Literal["auto", "on", "off"] = "auto"
    """look at and paint patches in place of whole images; auto: on for images, off for volumes"""
    read: int = 5
    """side of the patch that is read, in pixels of its own grid"""
    write: int = 5
    """side of the patch that is painted, in pixels of its own grid"""


@dataclass(frozen=True)
class TrainConfig:
    """Options of one training, whatever the model."""

    images: int | None = None
    """budget in training images seen (3M and 60k are understood)"""
    minutes: float | None = None
    """budget in minutes of training, instead of images"""
    batch: int = 64
    """images per step, over all processes"""
    seed: int = 0
    """seed of weights, data order and noise"""
    ema: int = 20_000
    """half-life in images of the moving average that samples; 0: none"""
    lr_warmup: float = 0.02
    """first fraction of the budget, over which the step size rises from zero"""
    lr_decay: float = 0.3
    """last fraction of the budget, over which the step size falls to zero"""
    clip: float = 0.0
    """largest gradient norm of a player; 0: no limit"""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 where the processor has the instructions for it"""
    flip: bool = False
    """mirror half of the training images left to right; refused for digits, letters and CT"""
    log_every: int = 50
    """rounds between two lines of log.jsonl"""
    save_every: float = 60.0
    """seconds between two checkpoints"""
    grid_every: float = 60.0
    """seconds between two sample grids"""
    tensorboard: bool = False
    """write TensorBoard event files as well (extra: track)"""


def to_json(config: Any) -> dict[str, Any]:
    """A dataclass as a plain dict."""
    return dataclasses.asdict(config)


def from_json(kind: type[T], data: dict[str, Any], where: str = "") -> T:
    """Build a dataclass from a plain dict, strictly: an unknown key is an error.

    Raises:
        GvaeError: an unknown key, with the nearest known one.

    >>> from_json(NetConfig, {"width": 32}).width
    32
    >>> from_json(NetConfig, {"wdith": 32})
    Traceback (most recent call last):
    gvae.errors.GvaeError: there is no option 'wdith'; did you mean 'width'? Known: block, depth, family, spectral, up, width
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}  # pyright: ignore[reportArgumentType]
    hints = typing.get_type_hints(kind)
    values = {}
    for name, value in data.items():
        choose("option", name, fields)
        values[name] = _read(hints[name], value, f"{where}{name}")
    return kind(**values)


def _read(kind: Any, value: Any, where: str) -> Any:
    """Check `value` against the annotation `kind` and return it as that type."""
    if dataclasses.is_dataclass(kind):
        return from_json(kind, value, f"{where}.")  # pyright: ignore[reportArgumentType]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return choose(where, value, args)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in args:
            return None
        return _read(next(a for a in args if a is not type(None)), value, where)
    if origin is tuple:
        return tuple(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise GvaeError(f"option {where} is {value!r}; it must be of type {kind.__name__}")
    return value
