"""Which options of a training contradict each other or its data."""

from __future__ import annotations

import importlib.util
from typing import Any

from gvae.config import TrainConfig
from gvae.config import check as check_ranges
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.types import DataSpec

ONE_WAY = ("digits", "mnist", "char74k", "toy4")
"""beginnings of the names of data sets whose mirror images are no members of them"""
SIDE = 8
"""pixels of the shortest side below which an eighth is none"""


def check(model_config: Any, train: TrainConfig, dataset: Dataset) -> None:
    """Refuse options that cannot work.

    Raises:
        GvaeError: what is wrong and what to type.
    """
    for options in (train, *([] if model_config is None else [model_config])):
        check_ranges(options)
    if train.images is not None and train.minutes is not None:
        raise GvaeError("both --images and --minutes were given; give one budget")
    if getattr(model_config, "conditional", False) and not dataset.spec.conditions:
        raise GvaeError(
            f"--conditional needs classes or attributes, and {dataset.spec.name} has none; put each class in a sub-folder"
        )
    check_augmentation(model_config, train, dataset.spec)
    if train.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise GvaeError("--tensorboard needs the extra `track`; type: pip install 'gvae[track]'")


def check_augmentation(model_config: Any, train: TrainConfig, spec: DataSpec) -> None:
    """Refuse changes of images after which they are no images of this kind.

    Raises:
        GvaeError: which, and what is possible.
    """
    if train.flip and spec.name.startswith(ONE_WAY):
        raise GvaeError(
            f"--flip mirrors images, and a mirrored image is none of {spec.name}: characters have a left and a right; "
            "leave --flip out"
        )
    augment, side = getattr(model_config, "augment", "none"), min(spec.shape)
    if augment in ("none", "shift"):
        return
    if side < SIDE:
        raise GvaeError(
            f"--augment {augment} shifts images by an eighth of a side, and {spec.name} has a side of {side}; it needs "
            f"{SIDE} or more: leave --augment out"
        )
    if spec.binary:
        raise GvaeError(
            f"--augment {augment} changes brightness and contrast, and {spec.name} is black and white; train on gray "
            "values, as mnist, or leave --augment out"
        )
