"""What directions are learned from: images in random order, labels in columns, codes until they suffice."""

from __future__ import annotations

import numpy as np
import torch

from gvae.latent.learning import DirectionConfig, held_out, labels, read_codes, shuffled
from gvae.latent.space import Space
from gvae.loaded import load


def test_images_are_read_in_a_random_order_that_follows_from_the_seed(digits):
    train, some = digits.split("train"), shuffled(digits, "train", 3)
    assert not np.array_equal(some, train)
    assert np.array_equal(np.sort(some), np.sort(train))
    assert np.array_equal(some, shuffled(digits, "train", 3))
    assert not np.array_equal(some, shuffled(digits, "train", 4))
    assert set(held_out(digits, 0)) == set(digits.split("test"))


def test_classes_are_columns_of_zeros_and_ones(digits):
    indices = np.array([5, 0, 7])
    number = np.asarray(digits.labels)[indices]
    assert labels(digits, ["7", "0"], indices).tolist() == [[int(n == 7), int(n == 0)] for n in number]


def test_codes_come_in_the_order_of_the_images_and_progress_is_told(saved, digits):
    space, told = Space(load(saved("pca"))), []

    def blocks(parts: range):
        for start in parts:
            told.append(start)
            yield start

    indices = shuffled(digits, "train", 0)[:600]
    z = read_codes(space, digits, indices, DirectionConfig(blocks=blocks))
    assert torch.allclose(z, space.encode(digits.batch(indices).x), atol=1e-6)
    assert told == [0, 250, 500]
