"""Quality over training: scores joined with seconds, the table's means, the CSV, the figure."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image

from gvae.errors import GvaeError
from gvae.reproduce.quality import Point, curve, quality, to_csv
from gvae.reproduce.quality_page import draw_quality
from tests.evaluation.evaluation_runs import evaluated_run

SLOW = [Point(100, 10.0, 120.0), Point(200, 20.0, 25.0), Point(300, 30.0, 50.0)]
FAST = [Point(100, 5.0, 60.0), Point(200, 15.0, 20.0), Point(300, 25.0, 20.0)]


def test_scores_meet_the_seconds_at_which_they_were_taken(tmp_path):
    run = evaluated_run(tmp_path, "r")
    rows = [{"images": n, **({"score": float(n)} if n % 200 == 0 else {})} for n in (100, 200, 300, 400)]
    run.log.write_text("\n".join(json.dumps(row) for row in rows))
    run.timing.write_text("\n".join(json.dumps({"images": n, "seconds": n / 100}) for n in (100, 200, 300, 400)))
    assert curve(run) == [Point(200, 2.0, 200.0), Point(400, 4.0, 400.0)]
    assert curve(evaluated_run(tmp_path, "none")) == []


def test_the_table_has_means_over_seeds_and_says_never():
    lines = quality({"a": [SLOW, FAST], "b": [SLOW], "none": [[]]})
    assert lines[1:] == [
        ["a", "35.0 ± 21.2", "22.5 ± 3.5", "1.50 ± 0.71", "12 ± 11", "18 ± 4", "never"],
        ["b", "50.0", "25.0", "2.00", "20", "20", "never"],
    ]
    assert [len(line) for line in lines] == [7, 7, 7]


def test_every_point_is_in_the_csv_and_the_figure_is_a_picture(tmp_path):
    rows = list(csv.DictReader(to_csv({"a": [SLOW, FAST]}).splitlines()))
    assert [float(row["score"]) for row in rows] == [120.0, 25.0, 50.0, 60.0, 20.0, 20.0]
    assert [row["run"] for row in rows] == ["0"] * 3 + ["1"] * 3
    draw_quality({"a": [SLOW, FAST], "b": [FAST]}, tmp_path / "c.png")
    assert Image.open(tmp_path / "c.png").size == (1320, 550)
    with pytest.raises(GvaeError, match="no run has a score to draw"):
        draw_quality({"a": [[]]}, tmp_path / "d.png")
