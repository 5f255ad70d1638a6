"""Words of a request: limits, and codes that an address holds exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvae.errors import GvaeError
from gvae.explorer.queries import Query, packed, unpacked

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(FLOATS, min_size=1, max_size=40))
def test_a_code_comes_back_from_its_address_bit_for_bit(values):
    z = np.array(values, np.float32)
    assert unpacked(packed(z), len(z)).tobytes() == z.tobytes()


@given(st.text(max_size=60))
def test_any_other_text_is_refused_with_a_sentence_or_is_a_code(text):
    outcome = None
    try:
        values = unpacked(text, 4)
    except GvaeError as error:
        outcome = str(error)
    if outcome is None:
        assert (values.shape, np.isfinite(values).all()) == ((4,), True)
    else:
        assert "is not 4 finite numbers" in outcome


@pytest.mark.parametrize("text", ["nan", "inf", "1e99", "-1", "two", "", "0x1"])
def test_numbers_out_of_range_are_named(text):
    with pytest.raises(GvaeError, match=f"^t is '{text}'; it must be a number from 0 to 1$"):
        Query({"t": text}).real("t", 0.5, 0, 1)


def test_whole_numbers_are_whole():
    with pytest.raises(GvaeError, match=r"^steps is 2\.5; it must be a whole number from 2 to 60$"):
        Query({"steps": "2.5"}).whole("steps", 9, 2, 60)


def test_pairs_need_numbers():
    assert Query({"add": "Big:Nose:1.5"}).pairs("add", -9, 9) == [("Big:Nose", 1.5)]
    with pytest.raises(GvaeError, match=r"^add Smiling is 'much'"):
        Query({"add": "Smiling:much"}).pairs("add", -9, 9)


def test_choices_name_the_nearest():
    with pytest.raises(GvaeError, match="did you mean 'linear'"):
        Query({"path": "liner"}).text("path", "auto", ("auto", "linear"))
