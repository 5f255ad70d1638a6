"""What tells two data sets apart, and what does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gvae.data import DATASETS, open_data
from gvae.data.dataset import Dataset
from gvae.data.identity import content, identity, memberships, official
from gvae.types import DataSpec


def made(seed: int = 0, **spec) -> Dataset:
    pixels = np.random.default_rng(seed).integers(0, 255, (30, 4, 4, 1), np.uint8)
    splits = {"train": np.arange(20), "test": np.arange(20, 30)}
    return Dataset(DataSpec("made", 1, (4, 4), classes=("a", "b"), **spec), pixels, np.arange(30) % 2, splits)


def test_equal_images_have_one_checksum_which_is_noted_among_the_facts():
    one, two = made(), made()
    assert identity(one) == identity(two)
    assert one.facts["checksum"].startswith("sha256:")


@pytest.mark.parametrize(
    "other", [made(1), replace(made(), labels=np.zeros(30, np.int64)), made(high=200.0), made(binary="dynamic")]
)
def test_other_images_labels_values_or_binarisation_are_other_data(other):
    assert identity(made()) != identity(other)


def test_one_pixel_of_one_image_makes_other_data():
    other = made()
    np.asarray(other.images)[17, 2, 3, 0] ^= 1
    assert identity(made())["data_checksum"] != identity(other)["data_checksum"]


def test_the_same_files_read_in_another_way_are_other_data():
    """A checksum of files knows nothing of cuts and colours: the stored values of some images do."""
    one, two = (replace(made(seed), facts={"checksum": "sha256:of the files"}) for seed in (0, 1))
    assert content(one) == content(two)
    assert identity(one)["data_checksum"] != identity(two)["data_checksum"]


def test_membership_is_of_splits_not_of_their_names():
    first, second = memberships(made()), memberships(replace(made(), splits={"train": np.arange(20)}))
    assert first["train"] == second["train"] != first["test"]


@pytest.mark.parametrize("name", DATASETS)
def test_only_what_comes_from_its_source_is_official(name):
    assert official(name, {"source": DATASETS[name].about}) == name
    for facts in ({}, {"source": "a folder of images"}, {"source": DATASETS["folder"].about + "!"}):
        assert official(name, facts) == ""


def test_the_digits_are_official():
    assert official("digits", open_data("digits").facts) == "digits"
