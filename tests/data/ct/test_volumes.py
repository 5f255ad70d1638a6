"""Volumes: one orientation whatever the file's, places kept, resampling that keeps means and straight lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvae.data.ct import volumes
from gvae.data.ct.volumes import Volume, oriented, resample, same_grid, whole
from gvae.errors import GvaeError
from tests.data.ct.ct_files import affine, body

pytest.importorskip("nibabel")
SCAN = Volume(body(), affine())


@settings(deadline=None, max_examples=60)
@given(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))
def test_every_orientation_of_a_file_gives_one_volume(order: list[int], flips: tuple[bool, bool, bool]):
    stored, grid = SCAN.values.transpose(order), SCAN.affine[:, [*order, 3]].copy()
    for axis, flip in enumerate(flips):
        if flip:
            grid[:, 3] += grid[:, axis] * (stored.shape[axis] - 1)
            grid[:, axis] *= -1
            stored = np.flip(stored, axis)
    turned = oriented(stored, grid, "scan")
    assert np.array_equal(turned.values, SCAN.values)
    assert np.allclose(turned.affine, SCAN.affine)


def test_axes_point_to_head_back_and_left():
    origin = SCAN.place((0, 0, 0))
    assert np.allclose(SCAN.place((1, 0, 0)) - origin, [0, 0, 2.5])
    assert np.allclose(SCAN.place((0, 1, 0)) - origin, [0, -0.8, 0])
    assert np.allclose(SCAN.place((0, 0, 1)) - origin, [-0.7, 0, 0])
    assert SCAN.spacing == pytest.approx((2.5, 0.8, 0.7))


def test_a_small_rotation_is_taken_along_its_own_axes():
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]
    turned = oriented(SCAN.values, turn @ SCAN.affine, "scan")
    assert np.array_equal(turned.values, SCAN.values)
    assert turned.spacing == pytest.approx(SCAN.spacing)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a * [1, 0, 1, 1], r"scan\.nii has no usable grid.*spacing of zero"),
        (lambda a: a[:, [0, 0, 2, 3]], r"scan\.nii has no usable grid.*convert it again"),
        (lambda a: a * np.nan, r"scan\.nii has no usable grid"),
        (lambda a: a + np.outer([0, 1, 0, 0], [0.5, 0, 0, 0]), r"tilted gantry.* 11\.3 degrees.*straighten"),
    ],
)
def test_grids_without_a_volume(change, message: str):
    with pytest.raises(GvaeError, match=message):
        oriented(SCAN.values, change(SCAN.affine), "scan.nii")


def test_the_same_grid_to_a_tenth_of_a_voxel():
    def moved(by: float) -> Volume:
        grid = SCAN.affine.copy()
        grid[0, 3] += by
        return Volume(SCAN.values, grid)

    assert same_grid(SCAN, moved(0.05))
    assert not same_grid(SCAN, moved(0.1))
    assert same_grid(SCAN, moved(300), anywhere=True)
    assert not same_grid(SCAN, Volume(SCAN.values[1:], SCAN.affine), anywhere=True)
    assert not same_grid(SCAN, Volume(SCAN.values, affine((2.5, 0.8, 0.75))), anywhere=True)


spacings = st.tuples(*[st.floats(0.4, 6)] * 3)


@settings(deadline=None, max_examples=40)
@given(spacings)
def test_resampling_keeps_constants_size_and_middle(spacing: tuple[float, float, float]):
    flat = Volume(np.full(SCAN.values.shape, 73, np.int16), SCAN.affine)
    moved = resample(flat, spacing)
    assert (moved.values == 73).all()
    assert moved.values.dtype == np.int16
    assert moved.spacing == pytest.approx(spacing, rel=1e-3)
    sizes = np.array(SCAN.values.shape) * SCAN.spacing
    assert (np.abs(np.array(moved.values.shape) * moved.spacing - sizes) <= np.maximum(spacing, 0.5)).all()
    middles = [v.place(tuple((n - 1) / 2 for n in v.values.shape)) for v in (flat, moved)]
    assert np.allclose(*middles, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2), st.floats(0.2, 0.95))
def test_a_straight_line_stays_one_when_the_grid_gets_finer(axis: int, part: float):
    line = np.arange(SCAN.values.shape[axis]) * 50
    shape = np.ones(3, int)
    shape[axis] = len(line)
    scan = Volume(np.broadcast_to(line.reshape(shape), SCAN.values.shape).astype(np.int16), SCAN.affine)
    spacing = tuple(s * (part if a == axis else 1) for a, s in enumerate(SCAN.spacing))
    finer = resample(scan, spacing)  # pyright: ignore[reportArgumentType]
    values = np.moveaxis(finer.values, axis, 0)[:, 0, 0].astype(float)
    n, m = len(line), len(values)
    places = (np.arange(m) - (m - 1) / 2) * part + (n - 1) / 2
    assert np.abs(values - 50 * places.clip(0, n - 1)).max() <= 0.51


def test_a_coarser_grid_averages_instead_of_picking():
    stripes = np.zeros((8, 8, 8), np.int16)
    stripes[:, :, ::2] = 1000
    coarse = resample(Volume(stripes, np.diag([1.0, 1, 1, 1])[[2, 1, 0, 3]]), (1, 1, 4)).values
    assert coarse.shape == (8, 8, 2)
    assert np.abs(coarse - 500).max() <= 72  # picking voxels would give 0 or 1000
    assert abs(float(resample(SCAN, (5, 1.6, 1.4)).values.mean()) - float(SCAN.values.mean())) < 30


@settings(deadline=None, max_examples=40)
@given(spacings)
def test_labels_stay_labels(spacing: tuple[float, float, float]):
    labels = np.random.default_rng(0).choice([0, 3, 17], SCAN.values.shape).astype(np.uint8)
    moved = resample(Volume(labels, SCAN.affine), spacing, nearest=True)
    assert set(np.unique(moved.values)) <= {0, 3, 17}
    assert moved.values.shape == resample(SCAN, spacing).values.shape


def test_the_same_spacing_changes_nothing():
    assert resample(SCAN, SCAN.spacing).values is SCAN.values


def test_numbers_that_are_no_hounsfield_units():
    assert whole(np.array([1.5, 2.5, -0.4]), "x").tolist() == [2, 2, 0]
    with pytest.raises(GvaeError, match=r"x holds 2 voxels that are NaN or infinite; replace them"):
        whole(np.array([1.0, np.nan, np.inf]), "x")
    with pytest.raises(GvaeError, match=r"x holds values from 0 to 70000, HU lie in -32768 to 32767"):
        whole(np.array([0, 70000]), "x")


def test_a_package_that_is_missing_is_named():
    with pytest.raises(GvaeError, match=r'reading scans needs no_such, .*pip install "gvae\[medical\]"'):
        volumes.medical("no_such.module")
