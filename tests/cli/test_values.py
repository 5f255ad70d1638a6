"""Words to values: what is written reads back, and nothing else is accepted in silence."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvae.commands.options import DataOptions
from gvae.commands.parsing import parse
from gvae.commands.values import count, number, one_of, reader
from gvae.errors import GvaeError


@given(st.integers(-(10**15), 10**15))
def test_a_written_number_reads_back(value):
    assert count(str(value)) == value
    assert count(f"{value:_}") == value
    assert count(f"{value}k") == 1_000 * value
    assert count(f"{value}M") == 1_000_000 * value


@given(st.integers(0, 10**6), st.integers(0, 999))
def test_a_fraction_is_exact(whole, thousandths):
    assert count(f"{whole}.{thousandths:03d}k") == 1_000 * whole + thousandths
    assert count(f"-{whole}.{thousandths:03d}M") == -(1_000_000 * whole + 1_000 * thousandths)


@given(st.text(max_size=8))
def test_anything_else_is_a_value_error(text):
    with contextlib.suppress(ValueError):
        assert isinstance(count(text), int)


@pytest.mark.parametrize("text", ["", "k", "60x", "1.5", "1.2345k", "1e3", "3 M", "--3", "0x10", "inf", "60kk", "1__0"])
def test_not_a_count(text):
    with pytest.raises(ValueError, match="is not a whole number"):
        count(text)


@pytest.mark.parametrize(("text", "value"), [("60k", 60_000), ("3M", 3_000_000), ("1.5M", 1_500_000), (" 7 ", 7)])
def test_counts_as_in_the_documentation(text, value):
    assert count(text) == value


def test_numbers():
    assert number("1e-4") == 1e-4
    with pytest.raises(ValueError, match="'abc' is not a number; write it like"):
        number("abc")


def test_one_of_keeps_the_type_and_names_the_nearest():
    assert one_of((2, 3))("3") == 3
    with pytest.raises(ValueError, match="did you mean 'crop'"):
        one_of(("crop", "pad", "stretch"))("corp")


def test_reader_sees_through_none():
    assert reader(int | None)[1]("60k") == 60_000
    assert reader(Literal["a", "b"] | None)[0] == "a|b"
    assert reader(Path)[1]("~") == Path.home()
    assert reader(str)[1]("3M") == "3M"


def test_a_window_is_a_pair_of_numbers():
    assert parse(DataOptions(), ["--window=-600,1500"], "gvae train").given() == {"window": (-600.0, 1500.0)}
    with pytest.raises(GvaeError, match="'40' is not a pair of numbers; write it like 40,400"):
        parse(DataOptions(), ["--window", "40"], "gvae train")
