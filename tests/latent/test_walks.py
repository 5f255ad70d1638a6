"""Walks are closed, smooth and of steady length; a traversal changes one component."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gvae.errors import GvaeError
from gvae.latent.walks import STRETCH, loop, traverse


def anchors(count: int = 6, latent: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, latent, generator=torch.Generator().manual_seed(seed))


def test_it_passes_through_every_anchor_and_starts_at_the_first():
    z = anchors()
    assert torch.allclose(loop(z, 60)[::10], z, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 7), st.integers(0, 50))
def test_it_is_closed_the_step_from_the_last_frame_to_the_first_is_like_all_others(count, seed):
    walk = loop(anchors(count, seed=seed), 40 * count)
    steps = (walk.roll(-1, 0) - walk).norm(dim=1)
    assert float(steps[-1]) <= float(steps[:-1].max()) * 1.2


def test_it_is_smooth_steps_turn_little_from_frame_to_frame():
    walk = loop(anchors(), 600)
    steps = walk.roll(-1, 0) - walk
    turn = (steps.roll(-1, 0) - steps).norm(dim=1)
    assert float(turn.max()) < 0.05 * float(steps.norm(dim=1).mean()) * 2


def test_where_it_starts_does_not_change_the_walk():
    z = anchors()
    assert torch.allclose(loop(z.roll(-2, 0), 60), loop(z, 60).roll(-20, 0), atol=1e-5)


def test_twice_the_frames_are_the_same_walk():
    assert torch.allclose(loop(anchors(), 120)[::2], loop(anchors(), 60), atol=1e-5)


def test_its_codes_are_as_long_as_those_of_the_prior():
    z = anchors()
    length, walk = z.norm(dim=1), loop(z, 300).norm(dim=1)
    assert float(length.min()) - 1e-4 <= float(walk.min())
    assert float(walk.max()) <= float(length.max()) + 1e-4


def test_through_zero_it_stays_continuous():
    walk = loop(torch.tensor([[1.0], [-1.0]]), 400)
    assert float((walk.roll(-1, 0) - walk).abs().max()) < 0.03
    assert float(walk.abs().max()) <= STRETCH


def test_a_walk_between_equal_codes_stands_still():
    assert torch.allclose(loop(torch.ones(3, 4), 9), torch.ones(9, 4))
    assert torch.equal(loop(torch.zeros(2, 4), 6), torch.zeros(6, 4))


@pytest.mark.parametrize(("count", "frames"), [(1, 10), (4, 3)])
def test_too_little_for_a_walk(count, frames):
    with pytest.raises(GvaeError, match="give at least 2 anchors, and a frame for each"):
        loop(anchors(count), frames)


def test_a_traversal_changes_one_component():
    z = torch.tensor([1.0, 5.0, -2.0])
    rows = traverse(z, 2, steps=5)
    assert rows[:, 2].tolist() == [-3.0, -1.5, 0.0, 1.5, 3.0]
    assert torch.equal(rows[:, :2], z[:2].expand(5, 2))
    assert z.tolist() == [1.0, 5.0, -2.0]
    for component, steps, told in ((3, 5, "0 to 2"), (-1, 5, "no component -1"), (0, 1, "at least 2 steps")):
        with pytest.raises(GvaeError, match=told):
            traverse(z, component, steps)
