"""Datasets: what networks see, splits that cannot overlap, an order that resumes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gvae.data.dataset import Dataset, Order, part_by_part
from gvae.data.splits import PARTS, by_class, by_group, place
from gvae.errors import GvaeError
from gvae.types import DataSpec


def dataset(images: np.ndarray, **more) -> Dataset:
    """A data set around an array (N, *S, C)."""
    options = {key: more.pop(key) for key in ("low", "high", "classes") if key in more}
    return Dataset(DataSpec("tiny", images.shape[-1], images.shape[1:-1], **options), images, **more)


def test_batch_values_and_memory():
    images = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    images[0, 0, 0] = (0, 255, 51)
    data = dataset(images, labels=np.array([1, 0]), classes=("a", "b"))
    x, y = data.batch([0, 1, 0])
    assert x.shape == (3, 3, 3, 4)
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert x[0, :, 0, 0].tolist() == [-1.0, 1.0, pytest.approx(-0.6, abs=1e-6)]
    assert torch.equal(x, torch.from_numpy(images)[[0, 1, 0]].permute(0, 3, 1, 2).float() * 2 / 255 - 1)
    assert y is not None
    assert y.dtype == torch.int64
    assert y.tolist() == [1, 0, 1]


def test_batch_of_volumes_with_a_window_clips():
    images = np.array([-1200, -1000, -300, 400, 3000], np.int16).reshape(5, 1, 1, 1, 1)
    x, y = dataset(images, low=-1000.0, high=400.0).batch(np.arange(5))
    assert x.shape == (5, 1, 1, 1, 1)
    assert y is None
    assert x.flatten().tolist() == [-1.0, -1.0, 0.0, 1.0, 1.0]


def test_batch_leaves_the_stored_images_alone():
    images = np.full((2, 2, 2, 1), 7, np.uint8)
    dataset(images).batch([0, 1]).x.zero_()
    assert (images == 7).all()


def test_contradictions_are_refused():
    images = np.zeros((4, 2, 2, 1), np.uint8)
    with pytest.raises(GvaeError, match="must be uint8 or int16"):
        dataset(images.astype(np.float32))
    with pytest.raises(GvaeError, match=r"shape \(N, 2, 3, 1\)"):
        Dataset(DataSpec("tiny", 1, (2, 3)), images)
    with pytest.raises(GvaeError, match="its spec names 1 classes"):
        dataset(images, labels=np.array([0, 0, 0, 1]), classes=("a",))
    with pytest.raises(GvaeError, match="must be int64"):
        dataset(images, labels=np.zeros(3, np.int64), classes=("a",))
    with pytest.raises(GvaeError, match="splits overlap"):
        dataset(images, splits={"train": np.array([0, 1]), "test": np.array([1])})
    with pytest.raises(GvaeError, match=r"outside 0\.\.3"):
        dataset(images, splits={"train": np.array([4])})


def test_attributes_have_a_name_and_a_number_for_every_image():
    spec = DataSpec("faces", 1, (2, 2), attributes=("smiling", "hat"))
    images = np.zeros((3, 2, 2, 1), np.uint8)
    kept = Dataset(spec, images, attributes=np.array([[0, 1], [1, 1], [0, 0]], np.uint8))
    assert kept.attributes is not None
    assert kept.attributes[1].tolist() == [1, 1]
    for wrong, message in (
        (None, "names attributes, but there are none"),
        (np.zeros((3, 1), np.uint8), r"must be uint8 of shape \(3, 2\)"),
        (np.zeros((3, 2), np.int64), "attributes are int64"),
        (np.full((3, 2), 2, np.uint8), "must be 0 or 1"),
    ):
        with pytest.raises(GvaeError, match=message):
            Dataset(spec, images, attributes=wrong)


def test_split_errors_name_what_there_is():
    data = dataset(np.zeros((4, 2, 2, 1), np.uint8), splits={"train": np.arange(4), "val": np.arange(0)})
    assert data.split("train").tolist() == [0, 1, 2, 3]
    with pytest.raises(GvaeError, match=r"no test images .*train 4, val 0"):
        data.split("test")
    with pytest.raises(GvaeError, match="did you mean 'train'"):
        data.split("trian")


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 23), batch=st.integers(1, 50), seed=st.integers(0, 99), steps=st.integers(1, 12))
def test_order_resumes_exactly_and_visits_everything(n: int, batch: int, seed: int, steps: int):
    straight = Order(n, batch, seed)
    drawn = [straight.next() for _ in range(steps)]
    stopped = steps // 2
    resumed = Order(n, batch, seed)
    resumed.position = stopped
    assert all(np.array_equal(resumed.next(), drawn[i]) for i in range(stopped, steps))
    assert resumed.position == straight.position == steps
    stream = np.concatenate(drawn)
    assert len(stream) == batch * steps
    for start in range(0, len(stream) - n + 1, n):
        assert sorted(stream[start : start + n]) == list(range(n))


def test_order_shuffles_differently_by_epoch_and_seed():
    order = Order(100, 100, seed=3)
    first, second = order.next(), order.next()
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, Order(100, 100, seed=4).next())
    assert np.array_equal(order.at(0), first)
    first[:] = 0
    assert sorted(order.at(0)) == list(range(100))


def test_order_is_the_same_on_every_machine():
    assert Order(10, 6, seed=0).next().tolist() == [8, 0, 3, 7, 6, 4]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(0, 99))
def test_order_by_parts_needs_two_parts_at_a_time(parts: list[int], seed: int):
    order = Order(len(parts), len(parts), seed, parts=np.array(parts))
    for epoch in range(3):
        drawn = order.next()
        assert sorted(drawn) == list(range(len(parts)))
        seen = np.array(parts)[drawn]
        last, first = ({p: np.flatnonzero(seen == p)[end] for p in set(parts)} for end in (-1, 0))
        at_once = [sum(first[p] <= k <= last[p] for p in set(parts)) for k in range(len(parts))]
        assert max(at_once) <= 2
        assert np.array_equal(drawn, part_by_part(np.array(parts), seed, epoch))


def test_order_by_parts_mixes_within_and_between():
    parts = np.repeat(np.arange(6), 50)
    first, second = (Order(300, 300, seed, parts=parts).next() for seed in (0, 1))
    assert parts[first].tolist() != parts[second].tolist()
    window = first[:100]
    assert len(set(parts[window])) == 2
    assert 15 < sum(parts[window[:50]] == parts[window[0]]) < 35
    assert not np.array_equal(first, np.sort(first))


@pytest.mark.parametrize("wrong", [{"n": 0}, {"batch": 0}, {"seed": -1}])
def test_order_refuses(wrong: dict[str, int]):
    with pytest.raises(GvaeError, match="cannot draw"):
        Order(**{"n": 5, "batch": 2, "seed": 0, **wrong})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 20), max_size=60),
    st.sampled_from([PARTS, {"val": 0.1}, {"test": 0.1}, {"val": 0.5, "test": 0.5}]),
)
def test_splits_are_disjoint_complete_and_keep_copies_together(keys: list[int], wanted: dict[str, float]):
    array = np.array(keys, np.int64)
    parts = by_group(array, wanted)
    assert list(parts) == ["train", *wanted]
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(keys)))
    groups = [set(array[part].tolist()) for part in parts.values()]
    assert len(set.union(*groups)) == sum(map(len, groups))
    if len(set(keys)) > len(wanted):
        assert all(len(part) for part in parts.values())
    else:
        assert len(parts["train"]) == len(keys)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 2**60), min_size=40), st.sets(st.integers(0, 2**60), max_size=30))
def test_no_image_moves_when_others_come_or_go(some: set[int], others: set[int]):
    places = [place(key) for key in some]
    assume(min(places) < 0.1 and max(places) >= 0.9)  # no part had to be filled up
    before, after = member(some), member(some | others)
    assert {key: after[key] for key in some} == before


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 2**60), min_size=3, max_size=12), st.integers(0, 2**60))
def test_of_few_images_none_comes_from_train_to_what_is_held_out(keys: set[int], another: int):
    before, after = member(keys), member(keys | {another})
    assume(all(0.1 <= place(key) < 0.9 for key in keys if before[key] == "train"))  # train was not filled up
    assert all(after[key] == "train" for key in keys if before[key] == "train")
    assert set(after.values()) == {"train", "val", "test"}


def member(keys: set[int]) -> dict[int, str]:
    """The split of each key."""
    some = [*keys]
    return {some[i]: name for name, part in by_group(np.array(some)).items() for i in part}


def test_fractions_hold_on_average():
    for name, part in by_group(np.arange(20_000), {"val": 0.05, "test": 0.2}).items():
        assert len(part) / 20_000 == pytest.approx({"train": 0.75, "val": 0.05, "test": 0.2}[name], abs=0.01)


def test_splits_by_class_hold_out_a_tenth_of_each():
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [100, 50, 10]))
    parts = by_class(labels)
    assert np.bincount(labels[parts["val"]]).tolist() == [10, 5, 1]
    assert np.bincount(labels[parts["test"]]).tolist() == [10, 5, 1]
    assert np.bincount(labels[parts["train"]]).tolist() == [80, 40, 8]
