"""Features of images, in which distributions are compared.

Where gvae ships a small classifier of the data set (`CLASSIFIERS`), the features are its penultimate layer:
64 non-negative values per image that tell digits (or clothes) apart. Elsewhere they come from `random-conv`,
convolutions with fixed random weights, whose distances mean something only between runs on the same data.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from gvae.errors import GvaeError

WEIGHTS = Path(__file__).parent / "weights"
CLASSIFIERS = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "fashion-mnist": (1, 28, 28)}
"""data sets with a shipped classifier, and the image shape (C, H, W) it reads"""
FEATURES = 64
"""features per image, F"""
CONV = {2: nn.Conv2d, 3: nn.Conv3d}


class Classifier(nn.Module):
    """Three convolutions, a feature layer with ReLU, and ten logits; about 190,000 parameters at 28 pixels.

    Args:
        shape: (C, H, W) of the images; below 16 pixels the first convolution keeps the resolution.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int = 10) -> None:
        super().__init__()
        channels, height, width = shape
        first = 2 if min(height, width) >= 16 else 1
        rows, columns = (-(-side // (2 * first)) for side in (height, width))
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 3, first, 1),
            nn.ReLU(),
            nn.Conv2d(32, 48, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(48, 48, 3, 1, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(48 * rows * columns, FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, C, H, W) in [-1, 1] -> features (B, F) and logits (B, K)."""
        features = self.body(x)
        return features, self.head(features)


class RandomConv(nn.Module):
    """Stride-2 convolutions with fixed random weights; mean and spread over space of the last stage.

    The weights are orthogonal and drawn from seed 0, so that every machine has the same network.
    """

    def __init__(self, channels: int, spatial: int, size: int) -> None:
        super().__init__()
        stages = max(2, min(6, size.bit_length() - 3))
        generator = torch.Generator().manual_seed(0)
        layers: list[nn.Module] = []
        for _ in range(stages):
            layer = CONV[spatial](channels, FEATURES // 2, 3, 2, 1)
            nn.init.orthogonal_(layer.weight, 2**0.5, generator)
            nn.init.zeros_(layer.bias)
            layers += [layer, nn.LeakyReLU(0.2)]
            channels = FEATURES // 2
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Images (B, C, *S) in [-1, 1] -> features (B, F), and no logits."""
        maps = self.body(x).flatten(2)
        return torch.cat([maps.mean(2), maps.std(2, correction=0)], 1), None


class Extractor(NamedTuple):
    """A feature network and the words that name it in a protocol."""

    net: nn.Module
    protocol: dict[str, str]
    classes: bool
    """whether it predicts classes"""


@lru_cache
def extractor(data: str, shape: tuple[int, ...]) -> Extractor:
    """The feature network for a data set.

    Args:
        data: name of the data set whose classifier is meant, one of `CLASSIFIERS`; anything else, and images of another
            shape, get `random-conv`. Data that are merely called so are none of it: see `gvae.data.identity.official`.
        shape: (C, *S) of its images.

    Raises:
        GvaeError: the installed package lost its weights.

    >>> extractor("faces", (3, 64, 64)).protocol["features"]
    'random-conv'
    """
    if CLASSIFIERS.get(data) != tuple(shape):
        net: nn.Module = RandomConv(shape[0], len(shape) - 1, max(shape[1:]))
        return Extractor(net.eval(), {"features": "random-conv", "features_seed": "0"}, False)
    from safetensors.torch import load

    file = WEIGHTS / f"{data}.safetensors"
    if not file.exists():
        raise GvaeError(f"{file} is missing; reinstall gvae, or run benchmarks/data/train_features.py --data {data}")
    content = file.read_bytes()
    net = Classifier(CLASSIFIERS[data])
    net.load_state_dict(load(content))
    net = net.to(memory_format=torch.channels_last).eval()  # pyright: ignore[reportCallIssue]
    digest = hashlib.sha256(content).hexdigest()[:16]
    return Extractor(net, {"features": f"{data}-classifier", "features_sha256": digest}, True)


@torch.inference_mode()
def extract(x: Tensor, data: str, block: int = 500) -> tuple[np.ndarray, np.ndarray | None]:
    """Features and class probabilities of images.

    Args:
        x: images (N, C, *S) in [-1, 1].
        data: whose classifier, see `extractor`.
        block: images per forward pass.

    Returns:
        features (N, F) float64; probabilities (N, K) float64, or None where no classifier is shipped.

    Raises:
        GvaeError: not a batch of images.

    >>> features, probabilities = extract(torch.zeros(3, 1, 28, 28), "mnist")
    >>> features.shape, round(float(probabilities.sum()), 6)
    ((3, 64), 3.0)
    """
    if x.ndim not in (4, 5) or not len(x):
        raise GvaeError(f"features need images (N, C, *S); got an array of shape {tuple(x.shape)}")
    net = extractor(data, tuple(x.shape[1:])).net
    parts = [net(_layout(part.float())) for part in x.split(block)]
    features = torch.cat([features for features, _ in parts]).double().numpy()
    if parts[0][1] is None:
        return features, None
    return features, torch.cat([logits for _, logits in parts]).double().softmax(1).numpy()


def _layout(x: Tensor) -> Tensor:
    """Channels-last storage, in which convolutions are faster; same values."""
    return x.to(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)
