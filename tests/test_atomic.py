"""Files that survive a kill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvae.atomic import json_lines


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False) | st.text(max_size=5))),
    cut=st.integers(0, 40),
)
def test_json_lines_lose_no_more_than_what_was_cut(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict], cut: int
):
    file = tmp_path_factory.getbasetemp() / "rows.jsonl"
    whole = "".join(f"{json.dumps(row)}\n" for row in rows)
    left = whole[: len(whole) - cut]
    file.write_text(left, encoding="utf-8")
    found = json_lines(file)
    assert found == rows[: len(found)]
    assert len(found) >= left.count("\n")


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path):
    assert json_lines(tmp_path / "log.jsonl") == []
