"""Tests of differences: against scipy, and by how often they find one where there is none."""

import math

import numpy as np
import pytest
from scipy import stats

from gvae.metrics.significance import LEVEL, Row, against, chance, difference, holm, leaders


def test_seeds_are_compared_by_welchs_test():
    rng = np.random.default_rng(0)
    for n, m in ((3, 3), (2, 5), (10, 4)):
        a, b = rng.normal(0, 1, n).tolist(), rng.normal(1, 3, m).tolist()
        expected = stats.ttest_ind(a, b, equal_var=False)
        found = difference(Row(a), Row(b))
        assert chance(Row(a), Row(b)) == pytest.approx(expected.pvalue)
        low, high = expected.confidence_interval()
        assert (found.gap - found.half_width, found.gap + found.half_width) == pytest.approx((low, high))


def test_single_runs_are_compared_by_their_intervals_over_images():
    found = chance(Row([10.0], [1.959964 * 3]), Row([20.0], [1.959964 * 4]))  # standard errors 3 and 4: of the gap 5
    assert found == pytest.approx(2 * stats.norm.sf(2.0))
    assert chance(Row([10.0], [0.1]), Row([20.0], [None])) == 1
    assert chance(Row([10.0]), Row([20.0])) == 1


def test_one_run_beside_several_seeds_is_one_more_draw_of_their_spread():
    many = [1.0, 2.0, 3.0]
    found = difference(Row([6.0], [0.01]), Row(many))
    assert (found.gap, found.error, found.freedom) == (4.0, pytest.approx(math.sqrt(4 / 3)), 2)
    assert found.p == pytest.approx(2 * stats.t.sf(4 / math.sqrt(4 / 3), 2))


def test_equal_seeds_differ_surely_or_not_at_all_and_a_row_without_values_never():
    assert chance(Row([1.0, 1.0]), Row([2.0, 2.0])) == 0
    assert chance(Row([1.0, 1.0]), Row([1.0, 1.0])) == 1
    assert chance(Row([]), Row([1.0, 2.0])) == 1


def test_holms_correction_equals_its_definition():
    rng = np.random.default_rng(0)
    for k in (1, 2, 7):
        p = rng.random(k) ** 3
        order = np.argsort(p)
        expected = np.empty(k)
        expected[order] = np.maximum.accumulate(np.minimum(1, (k - np.arange(k)) * p[order]))
        assert holm(p.tolist()) == pytest.approx(expected)


def equal_rows(rng, rows, seeds):
    """Rows of one distribution: seeds' values, or one value with its interval."""
    values = rng.normal(size=(rows, seeds))
    return [Row(row.tolist(), [1.959964] if seeds == 1 else []) for row in values]


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_equal_rows_are_told_apart_in_at_most_one_of_twenty_tables(seeds):
    rng, tables = np.random.default_rng(seeds), 1000
    wrong = {"first": 0, "against": 0}
    for _ in range(tables):
        rows = equal_rows(rng, 5, seeds)
        wrong["first"] += len(leaders(rows)) < 5
        wrong["against"] += min(against(rows[0], rows[1:])) < LEVEL
    allowed = 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / tables)
    assert max(wrong.values()) / tables <= allowed, wrong


def test_rows_far_apart_are_told_apart():
    rng = np.random.default_rng(0)
    found = [leaders([Row(rng.normal(at, 1, 3).tolist()) for at in (0, 20, 30)]) for _ in range(100)]
    assert sum(first == [0] for first in found) >= 95


def test_the_first_place_is_shared_by_all_that_may_have_it():
    rows = [Row([2.0], [0.1]), Row([1.02], [0.1]), Row([]), Row([1.0], [0.1])]
    assert leaders(rows) == [1, 3]
    assert leaders([Row([]), Row([])]) == []
    assert leaders([Row([1.0])]) == [0]
