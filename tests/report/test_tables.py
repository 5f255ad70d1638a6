"""The same table as Markdown, CSV, HTML and on the console."""

import io
from functools import partial

import pytest

from gvae.evaluation.compare import Cell, Column, Comparison, Row, compare
from gvae.evaluation.numbers import Number
from gvae.report import tables
from tests.report.report_runs import report_run


@pytest.fixture
def make_run(tmp_path):
    return partial(report_run, tmp_path)


@pytest.fixture
def table():
    columns = (Column("fd", "lower", "", 3.0, {}), Column("elbo", "higher", "nats", None, {}))
    rows = (
        Row("gvae, 3 seeds", (), (Cell((10.0, 12.0, 17.0), best=True), Cell((-90.25, -90.0, -89.75)))),
        Row("wgan-gp", (), (Cell((30.0,)), Cell((), "n/a (no encoder)"))),
    )
    return Comparison(columns, rows)


def text_of(view):
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=150).print(view)
    return out.getvalue()


def words(text):
    """Cells of each line of a console table."""
    return [[word.strip() for word in line.strip("│ ").split("│")] for line in text.splitlines()]


def test_markdown(table):
    assert tables.markdown(table).splitlines() == [
        "| run | Frechet distance (fd) ↓ | elbo [nats] ↑ |",
        "| --- | --- | --- |",
        "| real against real | 3 | - |",
        "| gvae, 3 seeds | **13 ± 3.6** | -90 ± 0.25 |",
        "| wgan-gp | 30 | n/a (no encoder) |",
    ]


def test_a_shared_first_place_is_told_and_explained(table):
    cells = (Cell((1.0,), tied=True), Cell((1.1,), tied=True), Cell((5.0,)))
    shared = Comparison(table.columns[:1], tuple(Row(n, (), (c,)) for n, c in zip("abc", cells, strict=True)))
    assert ["Frechet distance (fd)", "lower", "3", "1 =", "1.1 =", "5"] in words(text_of(tables.console(shared)))
    assert "shares the first place" in " ".join(text_of(tables.console(shared)).split())
    assert "Welch" in tables.html(shared)
    assert tables.legend(Comparison(table.columns[:1], (Row("a", (), (Cell((1.0,)),)),))) == []


def test_csv_keeps_full_precision(table):
    lines = tables.csv(table).splitlines()
    assert lines[0] == "run,fd,fd sd,fd seeds,elbo,elbo sd,elbo seeds"
    assert lines[1] == "real against real,3.0,,,,,"
    assert lines[2] == f'"gvae, 3 seeds",13.0,{13**0.5!r},3,-90.0,0.25,3'
    assert lines[3] == "wgan-gp,30.0,,1,,,0"


def test_console_has_a_line_per_metric_and_keeps_brackets(table):
    text = text_of(tables.console(table))
    assert ["elbo [nats]", "higher", "-", "-90 ± 0.25", "n/a (no encoder)"] in words(text)
    assert "real against real" in text
    assert text.index("13 ± 3.6") < text.index("-90 ± 0.25")


def test_html_escapes_and_marks_the_best(table):
    evil = Comparison((Column("<b>", "lower", "", None, {}),), (Row("<script>", (), (Cell((1.0,), best=True),)),))
    text = tables.html(evil)
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "<b>" not in text
    assert '<td class="best">1</td>' in text


def test_console_table_of_one_run(make_run):
    text = text_of(tables.table_for_console(make_run("a", model="wgan-gp")))
    assert ["Frechet distance (fd)", "11.8 ± 0.2", "3", "lower", "180"] in words(text)
    assert "n/a (no encoder)" in text


def test_tables_show_what_compare_found(make_run):
    table = compare([make_run("a", fd=9.0), make_run("b", model="wgan-gp", fd=18.0)])
    assert "| gvae | **9** |" in tables.markdown(table)


def test_numbers_of_any_size_stay_short():
    values = [0, 1e-7, -0.00123, 0.5, 123.456, 1234.5, -98765.4, None]
    assert [tables.number(v) for v in values] == ["0", "1e-07", "-0.00123", "0.5", "123", "1,234", "-98,765", "-"]


def test_what_is_missing_is_one_footnote_for_each_reason_and_no_line():
    numbers = [Number(name, None, reason="no encoder") for name in ("mse", "kl", "code-kl")]
    numbers += [Number("ms-ssim", None, reason="images are too small"), Number("mmd", 0.25, n=9)]
    assert [line[0] for line in tables.number_lines(numbers)] == ["mmd"]
    expected = ["n/a (no encoder): mse, kl, code-kl", "n/a (images are too small): ms-ssim"]
    assert tables.footnotes(numbers) == expected
    page = tables.html_of_numbers(numbers)
    assert page.count("no encoder") == 1
    assert "mse, kl, code-kl" in page


def test_nearly_blind_features_come_last_and_say_so():
    numbers = [Number("fd", 0.017, protocol={"features": "random-conv"}), Number("mmd", 0.25)]
    assert [line[0] for line in tables.number_lines(numbers)] == ["mmd", "Frechet distance (fd)"]
    (note,) = tables.footnotes(numbers)
    assert note.startswith("random-conv features (fd) hardly see what images show")
    assert tables.footnotes([Number("fd", 1.0, protocol={"features": "mnist-classifier"})]) == []


def test_numbers_of_one_name_say_in_their_heading_how_they_differ():
    numbers = [
        Number("fd", value, n=179, protocol={"seed": seed, "n_samples": n})
        for value, seed, n in ((1.0, 0, 1439), (2.0, 1, 1439), (3.0, 0, 200))
    ]
    titles = [line[0] for line in tables.number_lines(numbers)]
    assert titles == [
        "Frechet distance (fd), samples 1,439, seed 0",
        "Frechet distance (fd), samples 1,439, seed 1",
        "Frechet distance (fd), samples 200, seed 0",
    ]
