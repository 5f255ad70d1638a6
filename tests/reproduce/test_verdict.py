"""The verdicts on the papers' claims say what the numbers say."""

from __future__ import annotations

import dataclasses

import pytest

from gvae.evaluation.numbers import Number
from gvae.reproduce.experiments import EXPERIMENTS
from gvae.reproduce.table import Measured, markdown
from gvae.reproduce.verdict import difference, latent_size


def row(smallest: float, fd: float = 50.0, ms_ssim: float = 0.3) -> Measured:
    best = Number("smallest class", 0.5, protocol={"weights": "best"})  # of other weights: not in the table
    named = {"fd": fd, "ms-ssim": ms_ssim, "smallest class": smallest}
    return Measured(0, 1000, (*(Number(name, value) for name, value in named.items()), best))


@pytest.mark.parametrize(
    ("small", "large", "claim"),
    [
        ((0.05, 0.06, 0.0), (0.05, 0.05, 0.07), "z 100 does not collapse"),
        ((0.005, 0.0, 0.08), (0.05, 0.05, 0.07), "z 100 collapses, and z 1000 does not"),
        ((0.0, 0.0, 0.0), (0.0, 0.009, 0.07), "z 100 collapses, and so do all others"),
    ],
)
def test_a_row_collapses_if_most_of_its_trainings_lose_a_class(small, large, claim):
    text = latent_size({"z 1000": [row(v) for v in large], "z 100": [row(v) for v in small]})
    assert text.startswith(f"**Verdict**: {claim}")
    lost = [sum(v < 0.01 for v in shares) for shares in (small, large)]
    assert f"z 100: {lost[0]} of 3, z 1000: {lost[1]} of 3." in text


def test_the_verdict_tells_differences_with_their_intervals_in_the_table_of_the_papers():
    experiment = EXPERIMENTS["table4"]
    rows = {
        "z 100": [row(0.05, 52.0, 0.31), row(0.05, 54.0, 0.33)],
        "z 1000": [row(0.05, 50.0, 0.30), row(0.05, 50.0, 0.30)],
    }
    # of two seeds beside two equal ones: 1 degree of freedom, t = 12.706, error sqrt(2 / 2) = 1
    assert "z 100 less z 1000: Frechet distance +3.0 ± 12.7, MS-SSIM +0.020 ± 0.127" in markdown(experiment, rows)
    assert "Verdict" not in markdown(experiment, {"z 100": rows["z 100"]})
    assert "Verdict" not in markdown(dataclasses.replace(experiment, verdict=None), rows)


def test_intervals_need_two_values_and_a_spread():
    assert difference([1.0], [2.0], 1) == "-1.0"
    assert difference([1.0, 1.0], [2.0, 2.0], 1) == "-1.0 ± 0.0"
    assert difference([], [2.0], 1) == "n/a"


def model(fd: float, coverage: float, ms_ssim: float, mse: float | None = None) -> Measured:
    named = {"fd": fd, "coverage": coverage, "mse": mse}
    real = Number("ms-ssim", ms_ssim, floor=0.24)
    return Measured(0, 1000, (*(Number(name, value) for name, value in named.items()), real))


def test_the_verdict_says_where_gvae_is_first_tied_or_behind():
    rows = {
        "gvae": [model(0.5, 0.93, 0.25, 3.0), model(0.6, 0.95, 0.25, 3.0)],
        "vae, fitted": [model(0.4, 0.945, 0.27, 2.0), model(0.6, 0.945, 0.24, 2.0)],
        "gan": [model(9.0, 0.93, 0.2), model(9.0, 0.95, 0.2)],
    }
    # MS-SSIM is 0.01 and 0.015 away from the images' own; Frechet distance against gan's 8.45 / 0.05, p = 0.004, twice
    text = markdown(EXPERIMENTS["table3"], rows)
    assert 'is tied with "vae, fitted" in Frechet distance and MS-SSIM; tied with "vae, fitted" and "gan"' in text
    assert 'behind "vae, fitted" in reconstruction error (tied: no significant' in text
    assert "Verdict" not in markdown(EXPERIMENTS["table3"], {"gvae": rows["gvae"]})
    assert "Verdict" not in markdown(EXPERIMENTS["table3"], {"gan": rows["gan"]})


def single(fd: float, error: float | None) -> list[Measured]:
    return [Measured(0, 1000, (Number("fd", fd, error=error),))]


@pytest.mark.parametrize(
    ("error", "place"), [(0.01, 'behind "gan"'), (0.08, 'tied with "gan"'), (None, 'tied with "gan"')]
)
def test_rows_of_one_seed_differ_only_beyond_their_intervals_over_images(error, place):
    rows = {"gvae": single(0.6, error), "gan": single(0.5, error), "wgan": single(3.0, error)}
    beside = "" if error else ' and "wgan"'
    assert f"gvae is {place}{beside} in Frechet distance (" in markdown(EXPERIMENTS["table3"], rows)


def test_a_lead_that_chance_explains_is_no_first_place():
    """Frechet distances of three seeds each, p = 0.37: tied; and first where the gap is larger than the noise."""
    rows = {
        "gvae": [Measured(s, 1, (Number("fd", v),)) for s, v in enumerate((0.50, 0.56, 0.62))],
        "gan": [Measured(s, 1, (Number("fd", v),)) for s, v in enumerate((0.55, 0.60, 0.66))],
    }
    assert 'tied with "gan" in Frechet distance' in markdown(EXPERIMENTS["table3"], rows)
    rows["gan"] = [Measured(s, 1, (Number("fd", v + 0.5),)) for s, v in enumerate((0.55, 0.60, 0.66))]
    assert "gvae is first in Frechet distance" in markdown(EXPERIMENTS["table3"], rows)


def test_the_verdict_counts_trainings_that_came_to_nothing():
    rows = {
        "gvae": [model(0.5, 0.9, 0.2), model(0.5, 0.9, 0.2)],
        "gan": [model(250.0, 0.0, 0.9), model(9.0, 0.3, 0.2), model(250.0, 0.0049, 0.9)],
        "wgan, clipped": [model(250.0, 0.005, 0.9)],
    }
    text = markdown(EXPERIMENTS["table3"], rows)
    assert 'Trainings that came to nothing (coverage below 0.005): 2 of 3 of "gan".' in text
    assert "came to nothing" not in markdown(EXPERIMENTS["table3"], {**rows, "gan": rows["gan"][1:2]})
