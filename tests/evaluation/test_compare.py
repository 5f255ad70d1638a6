"""Groups of seeds, the best of a column, and columns that must not be filled."""

import json
from dataclasses import replace
from functools import partial

import pytest

from gvae.errors import GvaeError
from gvae.evaluation.compare import compare
from gvae.evaluation.numbers import Number, read_numbers, write_numbers
from tests.evaluation.evaluation_runs import evaluated_run, fd


@pytest.fixture
def make_run(tmp_path):
    return partial(evaluated_run, tmp_path)


def test_seeds_of_one_configuration_share_a_row(make_run):
    runs = [make_run(f"g{seed}", [fd(value)], seed=seed) for seed, value in enumerate((10.0, 12.0, 17.0))]
    table = compare([*runs, make_run("v", [fd(30.0)], model="vae")])
    assert [row.label for row in table.rows] == ["gvae, 3 seeds", "vae"]
    cell = table.rows[0].cells[0]
    assert cell.values == (10.0, 12.0, 17.0)
    assert cell.mean == pytest.approx(13.0)
    assert cell.sd == pytest.approx(13.0**0.5)  # deviations -3, -1, 4: (9 + 1 + 16) / 2
    assert table.rows[1].cells[0].sd is None
    assert table.columns[0].floor == 3.0


def test_options_that_differ_name_the_rows(make_run):
    table = compare([make_run("a", [fd(1.0)], latent=16), make_run("b", [fd(2.0)], latent=32)])
    assert [row.label for row in table.rows] == ["gvae, latent 16", "gvae, latent 32"]


def test_the_same_seed_twice_is_a_row_of_its_own(make_run):
    table = compare([make_run("a", [fd(1.0)]), make_run("b", [fd(2.0)])])
    assert [row.label for row in table.rows] == ["gvae (a)", "gvae (b)"]


@pytest.mark.parametrize(
    ("better", "marks"),
    [("lower", [True, False, False]), ("higher", [False, False, True]), ("target", [False, True, False])],
)
def test_best_is_marked_by_direction(make_run, better, marks):
    models = {"vae": 0.10, "gvae": 0.28, "wgan-gp": 0.90}
    score = partial(Number, "score", better=better, floor=0.25, error=0.01)
    runs = [make_run(m, [score(v)], model=m) for m, v in models.items()]
    assert [row.cells[0].best for row in compare(runs).rows] == marks


def test_a_single_row_or_a_tie_of_all_has_no_best(make_run):
    one = make_run("a", [fd(1.0)])
    assert not compare([one]).rows[0].cells[0].best
    assert not any(row.cells[0].best for row in compare([one, make_run("b", [fd(1.0)], model="vae")]).rows)


@pytest.mark.parametrize(
    ("error", "best", "tied"),
    [
        (0.1, [True, False, False], [False, False, False]),
        (0.5, [False, False, False], [True, True, False]),  # 1 and 1.5: p = 0.17
        (9.0, [False, False, False], [False, False, False]),  # nothing differs: nothing is marked
        (None, [False, False, False], [False, False, False]),
    ],
)
def test_only_differences_beyond_chance_mark_a_row_of_one_seed(make_run, error, best, tied):
    models = {"vae": 1.0, "gvae": 1.5, "wgan-gp": 9.0}
    runs = [make_run(m, [replace(fd(v), error=error)], model=m) for m, v in models.items()]
    cells = [row.cells[0] for row in compare(runs).rows]
    assert [cell.best for cell in cells] == best
    assert [cell.tied for cell in cells] == tied


def test_seeds_decide_where_there_are_several(make_run):
    """Intervals over images are narrow, and yet other seeds may turn the order round."""
    seeds = {"vae": (1.0, 3.0, 2.0), "gvae": (2.5, 1.5, 3.5), "wgan-gp": (90.0, 91.0, 92.0)}
    runs = [
        make_run(f"{m}{s}", [replace(fd(v), error=0.001)], model=m, seed=s)
        for m, values in seeds.items()
        for s, v in enumerate(values)
    ]
    assert [row.cells[0].tied for row in compare(runs).rows] == [True, True, False]


def test_unlike_protocols_are_left_out_with_the_command_that_measures_alike(make_run):
    runs = [make_run("a", [fd(1.0)]), make_run("b b", [fd(2.0, n=90, seed=1)], model="vae")]
    table = compare(runs)
    assert [[cell.values for cell in row.cells] for row in table.rows] == [[(1.0,)], [()]]
    (note,) = table.notes
    assert note.startswith(f"fd of {runs[1].path}: left out (n 90, not n 180; seed 1, not seed 0).")
    assert note.endswith(f"`gvae evaluate '{runs[1].path}' --metrics fd --samples 180`")
    assert "features" not in note


def test_the_protocol_of_most_runs_is_that_of_the_column(make_run):
    runs = [make_run(name, [fd(v, n=n)], latent=v) for name, v, n in (("a", 1, 90), ("b", 2, 180), ("c", 3, 180))]
    assert [row.cells[0].values for row in compare(runs).rows] == [(), (2,), (3,)]


def test_rows_that_are_asked_for_are_shown_and_no_others(make_run):
    numbers = [fd(1.0), Number("coverage", 0.9, "higher", protocol={"metric": "prdc"})]
    numbers += [Number("recall", 0.8, "higher", protocol={"metric": "prdc"})]
    run = make_run("a", numbers)

    def shown(*names):
        return [column.title for column in compare([run], names).columns]

    assert shown("coverage") == ["coverage"]
    assert shown("prdc", "fd") == ["fd", "coverage", "recall"]
    with pytest.raises(GvaeError, match="did you mean 'coverage'"):
        shown("covrage")
    with pytest.raises(GvaeError, match=f"gvae evaluate {run.path} --metrics mse"):
        shown("mse")


def test_validation_numbers_have_columns_of_their_own(make_run):
    runs = [make_run("a", [fd(1.0)]), make_run("b", [fd(2.0, split="val")], model="vae")]
    assert [column.title for column in compare(runs).columns] == ["fd", "fd, val split"]


def test_a_missing_protocol_key_is_unlike(make_run):
    runs = [make_run("a", [fd(1.0, k=5)]), make_run("b", [fd(2.0)], model="vae")]
    (note,) = compare(runs).notes
    assert "(no k, not k 5)" in note
    assert all(f"`gvae evaluate {run.path} --metrics fd --samples 180`" in note for run in runs)  # either may be old


def test_prior_and_versions_may_differ(make_run):
    a = make_run("a", [fd(1.0, prior="mixture", versions={"torch": "2.9"})])
    b = make_run("b", [fd(2.0, prior="normal", versions={"torch": "2.13"})], model="wgan-gp")
    assert len(compare([a, b]).columns) == 1


def test_what_a_model_cannot_do_is_told_in_its_cell(make_run):
    without = Number("mse", None, reason="no encoder")
    a = make_run("a", [fd(1.0), Number("mse", 0.01, n=180, protocol={"split": "test"})])
    b = make_run("b", [fd(2.0), without], model="wgan-gp")
    c = make_run("c", [fd(3.0)], model="vae")
    mse = [row.cells[1] for row in compare([a, b, c]).rows]
    assert [cell.note for cell in mse] == ["", "n/a (no encoder)", "n/a (not measured)"]


def bound(value, likelihood, reason=""):
    return Number("elbo", value, "higher", reason=reason, n=9, protocol={"likelihood": likelihood})


def test_bounds_of_unlike_likelihoods_have_columns_of_their_own(make_run):
    a = make_run("a", [bound(-90.0, "bernoulli")])
    b = make_run("b", [bound(700.0, "gaussian")], model="vae")
    c = make_run("c", [bound(None, None, "no likelihood")], model="wgan-gp")
    table = compare([c, a, b])
    assert [column.title for column in table.columns] == ["elbo, bernoulli", "elbo, gaussian"]
    other = "n/a (on other data, or under another likelihood, prior or split)"
    notes = [[cell.note for cell in row.cells] for row in table.rows]
    assert notes == [["n/a (no likelihood)"] * 2, ["", other], [other, ""]]


def test_what_no_run_has_is_a_note(make_run):
    missing = Number("ms-ssim", None, reason="images are too small")
    table = compare([make_run("a", [fd(1.0), missing]), make_run("b", [missing], model="vae")])
    assert [column.title for column in table.columns] == ["fd"]
    assert table.notes == ("ms-ssim: n/a (images are too small)",)
    assert [row.cells for row in compare([make_run("c", [missing])]).rows] == [()]


def test_a_model_that_always_samples_from_the_normal_prior_fills_both_columns(make_run):
    beside = replace(fd(200.0, prior="normal"), variant="normal")
    a = make_run("a", [fd(10.0, prior="mixture"), beside])
    b = make_run("b", [fd(20.0, prior="N(0, I)")], model="wgan-gp")
    c = make_run("c", [fd(30.0, prior="mixture")], model="vae")
    values = [[cell.values for cell in row.cells] for row in compare([a, b, c]).rows]
    assert values == [[(10.0,), (200.0,)], [(20.0,), (20.0,)], [(30.0,), ()]]


def test_a_run_that_was_not_evaluated_says_what_to_type(make_run):
    bare = make_run("bare")
    with pytest.raises(GvaeError, match=f"gvae evaluate {bare.path}"):
        compare([make_run("a", [fd(1.0)]), bare])


def test_no_runs_or_one_run_twice(make_run):
    run = make_run("a", [fd(1.0)])
    for runs in ([], [run, run]):
        with pytest.raises(GvaeError, match="each once"):
            compare(runs)


def test_numbers_are_merged_by_column(make_run):
    run = make_run("a", [fd(9.0), Number("kd", 0.5)])
    write_numbers(run, [fd(4.0), Number("fd", 90.0, variant="normal")])
    assert {x.column: x.value for x in read_numbers(run)} == {"fd": 4.0, "kd": 0.5, "fd, N(0, I)": 90.0}


def test_a_value_that_is_not_finite_is_kept_as_missing(make_run):
    run = make_run("a", [Number("fd", float("nan"))])
    assert (read_numbers(run)[0].value, read_numbers(run)[0].reason) == (None, "the result is nan")


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 1, "numbers": [{"nme": 1}]}'])
def test_damaged_metrics_are_refused(make_run, text):
    run = make_run("a")
    run.metrics.write_text(text)
    with pytest.raises(GvaeError, match="damaged"):
        read_numbers(run)


def test_metrics_of_another_format_are_refused(make_run):
    run = make_run("a")
    run.metrics.write_text(json.dumps({"format": 99, "numbers": []}))
    with pytest.raises(GvaeError, match="format 99"):
        read_numbers(run)
