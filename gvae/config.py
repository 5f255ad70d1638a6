"""Configuration as frozen dataclasses: default, type, help and JSON in one place. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Interval

from gvae.errors import choose
from gvae.fields import check, from_json, nested, to_json
from gvae.ranges import Fraction, Images, Minutes, NonNegativeFloat, PositiveFloat, PositiveInt, Repeats, Seed, Units

__all__ = [
    "BoundConfig",
    "CriticConfig",
    "DrawConfig",
    "GanConfig",
    "LatentConfig",
    "ModelConfig",
    "NetConfig",
    "PenaltyConfig",
    "TrainConfig",
    "check",
    "from_json",
    "to_json",
    "with_changes",
]

M = TypeVar("M")


@dataclass(frozen=True)
class NetConfig:
    """Which networks a model is built from; their sizes follow from the data."""

    family: Literal["auto", "small", "conv", "resnet", "mlp"] = "auto"
    """auto: small up to 64 pixels, resnet above; conv: the papers' four stride-2 convolutions; mlp: no convolutions"""
    width: Annotated[int, Interval(ge=1, le=4_096)] = 64
    """channels of the first stage, later stages are multiples of it; mlp: units per hidden layer"""
    depth: Annotated[int, Interval(ge=0, le=100)] = 0
    """small: residual blocks at the middle resolution; mlp: hidden layers, 2 if 0; others: not used"""
    spectral: bool = False
    """spectral normalisation of critics: every layer's largest gain is 1"""
    block: Literal["residual", "paper"] = "residual"
    """resnet: pre-activation residual block, or the papers' with pooling, BatchNorm and dropout; conv: paper gives the
    critic BatchNorm, too"""
    up: Literal["auto", "nearest", "transposed"] = "auto"
    """small, conv: how generators enlarge, by nearest neighbour and a convolution (auto for conv) or transposed (small)"""


@dataclass(frozen=True)
class ModelConfig:
    """Options that every model has."""

    latent: Units = 64
    """number of latent dimensions, Z"""
    lr: PositiveFloat = 1e-3
    """Adam step size"""
    conditional: bool = False
    """make every network conditional on the class label or the attributes"""
    net: NetConfig = field(default_factory=NetConfig)


@dataclass(frozen=True)
class CriticConfig:
    """Options of models with a critic of images."""

    augment: Literal["none", "shift", "diff", "adaptive"] = "none"
    """change what the critic sees: shift against checkerboards; for data below about 20,000 images, diff always or
    adaptive as often as it needs"""


@dataclass(frozen=True)
class PenaltyConfig(ModelConfig):
    """Options of wgan-gp and ac-wgan."""

    lr: PositiveFloat = 2e-4
    """Adam step size"""
    penalty: NonNegativeFloat = 10.0
    """weight of the gradient penalty"""
    critic_steps: Repeats = 5
    """critic steps for each generator step"""
    augment: Literal["none", "shift", "diff"] = "none"
    """change what the critic sees, for data below about 20,000 images"""


@dataclass(frozen=True)
class GanConfig(ModelConfig, CriticConfig):
    """Options of gan and cgan."""

    lr: PositiveFloat = 2e-4
    """Adam step size"""
    loss: Literal["nonsaturating", "hinge", "relativistic"] = "nonsaturating"
    """what critic and generator minimise"""
    smooth: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    """nonsaturating: how far below 1 the critic's target for real images lies; 0.1 is usual"""
    noise: NonNegativeFloat = 0.0
    """standard deviation at the start of noise on all that the critic sees, pixels in [-1, 1]; falls to 0 at the end"""
    penalty: NonNegativeFloat = 1.0
    """weight of the critic's zero-centred gradient penalty; 0: none"""
    penalise: Literal["real", "fake", "both"] = "real"
    """where the critic's gradient is penalised: on data (R1), on fakes (R2), or on both"""
    penalty_every: PositiveInt = 8
    """rounds from one penalty to the next (its weight is corrected)"""


@dataclass(frozen=True)
class LatentConfig(ModelConfig):
    """Options of models with an encoder."""

    latent: Units = 32
    """number of latent dimensions, Z"""
    likelihood: Literal["auto", "gaussian", "gaussian-learned", "laplace", "bernoulli", "discretised-logistic"] = "auto"
    """p(x|z); auto: bernoulli for binarised data, else gaussian with the scale of the data's own errors"""
    sigma: Annotated[float, Interval(ge=0, le=100)] = 0.0
    """gaussian, laplace: fixed scale for pixels in [-1, 1]; 0: the scale of the data's own errors"""
    beta: NonNegativeFloat = 1.0
    """weight of the KL term: above 1 the code carries fewer nats and its prior is easier to learn"""
    kl_warmup: Fraction = 0.05
    """first fraction of the budget, over which beta rises from 0: prevents posterior collapse"""
    prior: Literal["mixture", "realnvp", "flow", "vamp", "layered", "normal"] = "mixture"
    """density fitted to the codes, from which samples are drawn"""
    components: Annotated[int, Interval(ge=0, le=100_000)] = 0
    """Gaussians of the mixture prior, pseudo-inputs of the vamp prior; 0: as many as suit the latent size, and 400"""


@dataclass(frozen=True)
class BoundConfig(LatentConfig):
    """Options of models that are trained on a bound of log p(x)."""

    bound: Literal["elbo", "iwae"] = "elbo"
    """elbo: one code per image; iwae: the importance-weighted bound with k codes per image"""
    k: Annotated[int, Interval(ge=1, le=10_000)] = 5
    """codes per image of the importance-weighted bound"""
    learn_prior: bool = False
    """learn the prior together with encoder and decoder, in place of N(0, I), rather than afterwards"""


@dataclass(frozen=True)
class DrawConfig(BoundConfig):
    """Options of models that paint an image in several glimpses."""

    latent: Units = 10
    """number of latent dimensions of one glimpse, Z; the code has glimpses times as many"""
    glimpses: Repeats = 10
    """how often the model looks and paints, T"""
    hidden: Units = 256
    """length of the state of each of the two LSTMs"""
    attention: Literal["auto", "on", "off"] = "auto"
    """look at and paint patches in place of whole images; auto: on for images, off for volumes"""
    read: Annotated[int, Interval(ge=1, le=1_024)] = 5
    """side of the patch that is read, in pixels of its own grid"""
    write: Annotated[int, Interval(ge=1, le=1_024)] = 5
    """side of the patch that is painted, in pixels of its own grid"""


@dataclass(frozen=True)
class TrainConfig:
    """Options of one training, whatever the model."""

    images: Images | None = None
    """budget in training images seen (3M and 60k are understood)"""
    minutes: Minutes | None = None
    """budget in minutes of training, instead of images"""
    batch: Annotated[int, Interval(ge=1, le=1_000_000)] = 64
    """images per step, over all processes"""
    seed: Seed = 0
    """seed of weights, data order and noise"""
    ema: Annotated[int, Interval(ge=0, le=10**12)] = 20_000
    """half-life in images of the moving average that samples; 0: none"""
    lr_warmup: Fraction = 0.02
    """first fraction of the budget, over which the step size rises from zero"""
    lr_decay: Fraction = 0.3
    """last fraction of the budget, over which the step size falls to zero"""
    clip: NonNegativeFloat = 0.0
    """largest gradient norm of a player; 0: no limit"""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 where the processor has the instructions for it"""
    flip: bool = False
    """mirror half of the training images left to right; refused for digits, letters and CT"""
    log_every: PositiveInt = 50
    """rounds between two lines of log.jsonl"""
    save_every: NonNegativeFloat = 60.0
    """seconds between two checkpoints"""
    grid_every: NonNegativeFloat = 60.0
    """seconds between two sample grids"""
    tensorboard: bool = False
    """write TensorBoard event files as well (extra: track)"""


def with_changes(kind: type[M], changes: Mapping[str, Any]) -> tuple[M, TrainConfig]:
    """A model's and the training's options with changes by flat names, as `net.family`.

    Raises:
        GvaeError: neither has an option of such a name, or a value is out of range.

    >>> model, train = with_changes(ModelConfig, {"net.width": 8, "batch": 32})
    >>> model.net.width, train.batch
    (8, 32)
    """
    known = {f.name for part in (kind, TrainConfig) for f in fields(part)}  # pyright: ignore[reportArgumentType]
    for name in changes:
        choose("option", name.partition(".")[0], known)
    training = {name: value for name, value in changes.items() if name in TrainConfig.__annotations__}
    others = {name: value for name, value in changes.items() if name not in training}
    return from_json(kind, nested(others)), from_json(TrainConfig, training)
