"""Options that are wrong for the data are refused before anything is written."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gvae.config import NetConfig, TrainConfig
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.models import resolve
from gvae.training import train
from gvae.training.checks import check
from gvae.types import DataSpec


def data(name: str = "made", side: int = 16, spatial: int = 2, **spec) -> Dataset:
    shape = (side,) * spatial
    return Dataset(DataSpec(name, 1, shape, **spec), np.zeros((4, *shape, 1), np.uint8), splits={"train": np.arange(4)})


def config(**options):
    return resolve("gan").Config(net=NetConfig(width=8), **options)


@pytest.mark.parametrize(
    ("dataset", "options", "message"),
    [
        (data("mnist-dynamic"), {}, "a mirrored image is none of mnist-dynamic"),
        (data("char74k-fnt"), {}, "a mirrored image is none of char74k-fnt"),
    ],
)
def test_mirroring_what_has_a_left_and_a_right(dataset, options, message):
    with pytest.raises(GvaeError, match=message):
        check(config(**options), TrainConfig(images=10, flip=True), dataset)


@pytest.mark.parametrize("augment", ["diff", "adaptive"])
@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (data(side=7), "made has a side of 7; it needs 8 or more: leave --augment out"),
        (data(side=4, spatial=3), "made has a side of 4"),
        (data(binary="static"), "made is black and white; train on gray values"),
    ],
)
def test_changes_that_an_image_has_no_room_or_no_gray_for(dataset, augment, message):
    with pytest.raises(GvaeError, match=message):
        check(config(augment=augment), TrainConfig(images=10), dataset)


def test_what_suits_the_data_passes():
    check(config(), TrainConfig(images=10, flip=True), data("fashion-mnist"))
    check(config(), TrainConfig(images=10, flip=True), data("celeba"))
    check(config(), TrainConfig(images=10, flip=True), data("scans", spatial=3, unit="HU"))  # asked for, so done
    for dataset in (data(side=8), data(side=16, spatial=3), data("scans", spatial=3, unit="HU")):
        check(config(augment="adaptive"), TrainConfig(images=10), dataset)
    check(config(), TrainConfig(images=10), data(side=2, binary="static"))
    check(config(augment="shift"), TrainConfig(images=10), data(side=2, binary="static"))


def test_conditional_training_needs_something_to_tell_and_writes_nothing(tmp_path):
    options = dataclasses.replace(TrainConfig(), images=10)
    with pytest.raises(GvaeError, match="--conditional needs classes or attributes, and made has none"):
        train("gan", config(conditional=True), options, data(), "made", tmp_path / "r")
    assert list(tmp_path.iterdir()) == []
