"""The page is complete, self-contained and safe to open."""

import base64
import io
import json
import re
from functools import partial
from html.parser import HTMLParser

import pytest
from PIL import Image

from gvae.atomic import write_text
from gvae.errors import GvaeError
from gvae.report import curves
from gvae.report.page import page, write_report
from tests.report.report_runs import report_run

VOID = {"meta", "img"}


@pytest.fixture
def make_run(tmp_path):
    return partial(report_run, tmp_path)


class Reader(HTMLParser):
    """Checks that tags nest, and collects addresses."""

    def __init__(self):
        super().__init__()
        self.stack, self.addresses, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action", "data", "xlink:href")]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def read(text):
    reader = Reader()
    reader.feed(text)
    assert reader.stack == []
    return reader


def test_one_run(make_run, tmp_path):
    out = write_report([make_run("a")], tmp_path / "report.html")
    text = out.read_text()
    reader = read(text)
    assert reader.tags.count("img") == 2
    assert "gvae on digits" in text
    assert "11.8\u00a0±\u00a00.2" in text
    assert "gvae train gvae --data digits" in text
    assert "features.sha256" in text
    assert "loss.nats" in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


def test_nothing_comes_from_elsewhere(make_run):
    text = page([make_run("a"), make_run("b", model="wgan-gp")])
    reader = read(text)
    assert len(reader.addresses) == 3
    assert all(address.startswith("data:image/png;base64,") for address in reader.addresses)
    assert {"script", "link", "iframe"}.isdisjoint(reader.tags)
    assert "url(" not in text
    assert "@import" not in text


def test_pictures_are_the_run_s_own(make_run):
    run = make_run("a")
    inside = read(page([run])).addresses[0].partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(inside))) as got, Image.open(run.samples(1000)) as expected:
        assert got.tobytes() == expected.tobytes()


def test_wide_pictures_are_reduced(make_run):
    run = make_run("a")
    Image.new("L", (3000, 30)).save(run.samples(2000))
    inside = read(page([run])).addresses[0].partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(inside))) as got:
        assert got.size == (1000, 10)


def test_everything_is_escaped(make_run):
    evil = "<img src=x onerror=alert(1)>"
    text = page([make_run("a", data=evil, command=f"gvae train '{evil}'", model="vae")])
    assert evil not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") > 2


def test_several_runs_group_seeds_and_name_each_picture(make_run):
    text = page([make_run("a", fd=9.0), make_run("b", seed=1, fd=11.0), make_run("c", model="vae", fd=40.0)])
    read(text)
    assert "gvae, vae on digits" in text
    assert "10\u00a0±\u00a01.4" in text
    assert re.findall(r"<summary>(.*?)</summary>", text)[1::2] == [
        "gvae, 2 seeds: seed 0",
        "gvae, 2 seeds: seed 1",
        "vae",
    ]


def test_a_run_that_was_neither_evaluated_nor_sampled(make_run):
    run = make_run("a")
    for file in (run.metrics, run.log, run.samples(1000), run.reconstructions(1000)):
        file.unlink()
    text = page([run])
    read(text)
    assert "gvae evaluate" in text
    assert "The log is too short for curves." in text


def test_only_html_is_written(make_run, tmp_path):
    with pytest.raises(GvaeError, match=r"ends in \.html"):
        write_report([make_run("a")], tmp_path / "report.pdf")
    with pytest.raises(GvaeError, match="at least one run"):
        write_report([], tmp_path / "report.html")
    assert write_report([make_run("b")], tmp_path) == tmp_path / "report.html"


def test_a_broken_picture_is_named(make_run):
    run = make_run("a")
    run.samples(1000).write_bytes(b"not a picture")
    with pytest.raises(GvaeError, match=r"000001000\.png cannot be read"):
        page([run])


def test_the_log_is_read_by_dotted_name_and_a_cut_line_is_left_out(make_run):
    run = make_run("a")
    lines = [
        json.dumps({"images": k, "round": k, "skipped": 0, "terms": {"critic": {"loss": float(k)}}, "ok": True})
        for k in (1, 2, 3)
    ]
    write_text(run.log, "\n".join([*lines, '{"images": 4, "ter']))
    assert curves.read_log(run) == {"critic.loss": [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]}


def test_a_chart_spans_its_box():
    text = curves.chart("a < b", [(0.0, 1.0), (10.0, 3.0)])
    assert f'points="0.0,{curves.HEIGHT - 4:.1f} {curves.WIDTH:.1f},4.0"' in text
    assert "a &lt; b" in text
    assert "1 to 3; last 3" in text
    assert "log axis" in curves.chart("x", [(0.0, 1.0), (1.0, 10.0), (2.0, 100.0)])
    assert f"120.0,{curves.HEIGHT / 2:.1f}" in curves.chart("x", [(0.0, 1.0), (1.0, 10.0), (2.0, 100.0)])
    assert "nan" not in curves.chart("flat", [(0.0, 2.0), (1.0, 2.0)])
