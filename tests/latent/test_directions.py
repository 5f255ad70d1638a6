"""Directions of attributes: running means against direct ones, and planted directions found again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cosine_similarity

from gvae.errors import GvaeError
from gvae.latent.directions import (
    MeanDifference,
    add,
    check_counts,
    judge,
    learn,
    logistic,
    mean_difference,
    regression,
)


def planted(noise: float, n: int = 4000, latent: int = 8) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Codes z = c + sum_a y_a d_a + noise of two attributes that mostly come together: codes, labels, directions."""
    random = torch.Generator().manual_seed(0)
    first = torch.rand(n, generator=random) < 0.4
    second = torch.where(torch.rand(n, generator=random) < 0.85, first, ~first)
    y = torch.stack([first, second], 1).long()
    d = torch.zeros(2, latent)
    d[0, 0], d[1, 1], d[1, 2] = 2.0, 3.0, 1.0
    z = y.float() @ d + noise * torch.randn(n, latent, generator=random) + 1
    return z, y, d


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_the_running_difference_is_the_direct_one_however_the_codes_are_cut(seed, sizes):
    random = torch.Generator().manual_seed(seed)
    n = sum(sizes) + 2
    z, y = torch.randn(n, 3, generator=random), (torch.rand(n, 2, generator=random) < 0.3).long()
    y[0], y[1] = 0, 1  # some of both
    running = MeanDifference(2, 3)
    for part, labels in zip(z.split([2, *sizes]), y.split([2, *sizes]), strict=True):
        running.add(part, labels)
    for k in range(2):
        assert torch.allclose(running.vectors[k].float(), mean_difference(z, y[:, k]), atol=1e-5)
    assert running.counts[0].tolist() == y.sum(0).tolist()
    assert running.counts.sum(0).tolist() == [n, n]


def test_it_settles_when_new_codes_no_longer_move_it():
    running = MeanDifference(1, 2)
    z, y = torch.tensor([[3.0, 0.0], [1.0, 0.0]]), torch.tensor([[1], [0]])
    settled = [running.settled(running.add(z, y)) for _ in range(12)]
    assert settled == [False] * 9 + [True] * 3  # ten images of each are the least
    assert not running.settled(running.add(z + torch.tensor([[9.0, 0.0], [0.0, 0.0]]), y))


def test_the_mean_difference_carries_a_whole_step():
    z, y, _ = planted(0.5)
    d = mean_difference(z, y[:, 0])
    assert torch.allclose(z[y[:, 0] == 0].mean(0) + d, z[y[:, 0] == 1].mean(0), atol=1e-5)


def test_logistic_regression_keeps_apart_what_the_mean_difference_mixes():
    z, y, d = planted(noise=0.3)
    for k in range(2):
        assert cosine_similarity(mean_difference(z, y[:, k]), d[k], 0) < 0.93
        assert cosine_similarity(logistic(z, y[:, k]), d[k], 0) > 0.97


def test_logistic_steps_are_as_far_as_the_means_lie_apart_along_them():
    z, y, _ = planted(0.3)
    d = logistic(z, y[:, 0])
    assert float(d @ d) == pytest.approx(float(mean_difference(z, y[:, 0]) @ d), rel=1e-4)
    assert float(mean_difference(z, y[:, 0]) @ d) > 0


def test_regression_finds_the_planted_steps_where_codes_overlap_and_logistic_regression_no_longer_does():
    z, y, d = planted(noise=3.0, n=40_000)
    found = regression(z, y)
    assert torch.allclose(found, d, atol=0.15)
    assert cosine_similarity(logistic(z, y[:, 0]), d[0], 0) < 0.9


def test_regression_on_one_attribute_is_the_mean_difference():
    z, y, _ = planted(0.5)
    assert torch.allclose(regression(z, y[:, :1])[0], mean_difference(z, y[:, 0]), atol=1e-4)


def test_regression_on_classes_goes_from_the_mean_of_all_classes_to_one():
    random = torch.Generator().manual_seed(0)
    label = torch.randint(3, (300,), generator=random)
    z = torch.randn(300, 4, generator=random) + label[:, None]
    means = torch.stack([z[label == k].mean(0) for k in range(3)])
    y = torch.nn.functional.one_hot(label, 3)
    assert torch.allclose(regression(z, y), means - means.mean(0), atol=1e-4)


def test_learn_takes_the_columns_that_are_asked_for():
    z, y, _ = planted(0.3)
    for method, one in (("mean", mean_difference), ("logistic", logistic)):
        assert torch.equal(learn(method, z, y, [1]), one(z, y[:, 1])[None])
    assert torch.equal(learn("regression", z, y, [1]), regression(z, y)[1:])
    with pytest.raises(GvaeError, match="did you mean 'mean'"):
        learn("meen", z, y, [0])


def test_judge_by_hand():
    axis = torch.tensor([1.0])
    z, y = torch.tensor([[0.0], [2.0]]), torch.tensor([0, 1])  # the midpoint is 1
    held, held_y = torch.tensor([[0.5], [2.0], [0.0], [2.0], [0.3]]), torch.tensor([1, 1, 0, 0, 0])
    found = judge(axis, z, y, held, held_y)
    assert found["accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found["auc"] == pytest.approx((2 + 2.5) / 6)  # 0.5 is above two; 2 is above two and equals one
    assert judge(axis, z, y, held, torch.ones(5)) == {"accuracy": None, "auc": None}


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    z, y, _ = planted(3.0, 500)
    d = mean_difference(z, y[:, 0])
    expected = roc_auc_score(y[:, 0].numpy(), (z @ d).numpy())
    assert judge(d, z, y[:, 0], z, y[:, 0])["auc"] == pytest.approx(float(expected))


def test_add_is_a_sum_over_directions_for_every_step():
    z, vectors = torch.ones(1, 3), torch.eye(3)[:2]
    alphas = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    assert add(z, vectors, alphas).tolist() == [[1.0, 1.0, 1.0], [2.0, -1.0, 1.0]]


@pytest.mark.parametrize("counts", [(9, 100), (100, 9), (0, 0)])
def test_too_few_images_are_refused(counts):
    with pytest.raises(
        GvaeError, match=rf"{counts[0]} images with Bald and {counts[1]} without .* at least 10 of each"
    ):
        check_counts("Bald", *counts)
    check_counts("Bald", 10, 10)


def test_dimensions_that_hardly_vary_do_not_take_over():
    z, y, _ = planted(0.3)
    z = torch.cat([z, 1e-3 * torch.randn(len(z), 20, generator=torch.Generator().manual_seed(1))], 1)
    assert np.abs(logistic(z, y[:, 0]).numpy()[8:]).max() < 0.01
