"""Every view in a real browser: what one does changes the picture to the one that the model gives, and nothing else."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch
from PIL import Image

from gvae.explorer.panels.code import code
from gvae.explorer.panels.volume import stored, windowed
from gvae.explorer.queries import Query
from gvae.latent.directions import Direction
from gvae.latent.store import keep
from gvae.loaded import load
from gvae.types import DataSpec
from tests.explorer.conftest import asked, gray, opened, painted, pixels

VOLUME = DataSpec("scan", channels=1, shape=(8, 8, 8), low=-160.0, high=240.0, unit="HU")


def meant(shown, **words: str) -> torch.Tensor:
    """The code (1, Z) that words mean."""
    return torch.tensor([code(shown, Query(words))["values"]])


def decoded(shown, z: torch.Tensor, y: torch.Tensor | None = None) -> np.ndarray:
    """The picture that a run opened on its own gives for a code."""
    return gray(load(shown.run.path).decode(z, y))


def addressed(page, word: str) -> None:
    """Wait until the address says something."""
    page.wait_for_function("word => decodeURIComponent(location.hash).includes(word)", arg=word)


def test_slices_of_a_volume_follow_their_sliders_and_the_window(page, site, renderer):
    shown = renderer("vae", VOLUME)
    hu = stored(shown, load(shown.run.path).decode(meant(shown, code="seed:3")))
    opened(page, site(shown) + "#panel=volume&code=seed:3&centre=40&width=30")
    first = painted(page, "axial")
    assert np.array_equal(first, windowed(hu[4], 40, 30))
    page.get_by_label("axial slice").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert np.array_equal(painted(page, "axial"), windowed(hu[6], 40, 30))
    assert not np.array_equal(painted(page, "axial"), first)
    page.get_by_label("width").fill("90")
    cuts = {"axial": hu[6], "coronal": hu[::-1, 4], "sagittal": hu[::-1, :, 4]}
    addressed(page, "width=90")
    for _ in range(2):  # as they are, and when the address is opened again
        for name, values in cuts.items():
            assert np.array_equal(painted(page, name), windowed(values, 40, 90)), name
        opened(page, page.url)


def test_a_painted_cell_is_that_component_of_the_code(page, site, renderer):
    shown = renderer()
    opened(page, site(shown) + "#panel=paint&code=seed:1")
    z = meant(shown, code="seed:1")
    assert np.array_equal(painted(page, "painted"), decoded(shown, z))
    box = page.locator("canvas.cells").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])  # the third of 2 x 2
    z[0, 2] = 3
    after = painted(page, "painted")
    assert np.array_equal(after, decoded(shown, z))
    addressed(page, asked(page, "painted")["code"])
    opened(page, page.url)
    assert np.array_equal(painted(page, "painted"), after)


def test_an_attribute_is_added_as_strongly_as_its_slider_says(page, site, renderer):
    shown, vector = renderer(), torch.tensor([1.0, -2.0, 0.5, 0.0])
    keep(shown.run, [Direction("odd", vector, "mean", "digits", 30, 40, auc=0.75)])
    opened(page, site(shown) + "#panel=attributes&code=test:2")
    z = meant(shown, code="test:2")
    assert np.array_equal(painted(page, "after"), decoded(shown, z))
    page.get_by_label("odd", exact=True).check()
    assert np.array_equal(painted(page, "after"), decoded(shown, z + vector))
    page.get_by_label("strength of odd").fill("-1.5")
    after = painted(page, "after")
    assert np.array_equal(after, decoded(shown, z - 1.5 * vector))
    assert np.array_equal(painted(page, "before"), decoded(shown, z))
    addressed(page, "odd:-1.5")
    opened(page, page.url)
    assert np.array_equal(painted(page, "after"), after)


def test_the_scrubber_of_a_morph_goes_from_one_end_to_the_other(page, site, renderer):
    shown = renderer()
    opened(page, site(shown) + "#panel=morph&a=test:0&b=seed:3&path=linear")
    assert np.array_equal(painted(page, "morph"), decoded(shown, meant(shown, code="test:0")))
    page.get_by_label("step of the morph").focus()
    page.keyboard.press("End")
    end = painted(page, "morph")
    assert np.array_equal(end, decoded(shown, meant(shown, code="seed:3")))
    assert painted(page, "morph strip").shape == (8, 72)
    addressed(page, "step=60")
    opened(page, page.url)
    assert np.array_equal(painted(page, "morph"), end)
    with page.expect_download() as film:
        page.get_by_text("save GIF").click()
    with Image.open(film.value.path()) as image:
        assert (image.format, image.size) == ("GIF", (256, 256))


def test_runs_are_compared_on_the_same_seeds(page, site, renderer):
    both = [renderer(), renderer("autoencoder")]
    opened(page, site(*both) + "#panel=compare&count=2")
    page.get_by_label("from").fill("5")
    for shown in both:
        for k in (0, 1):
            got = painted(page, f"{shown.run.path.name} {k}")
            assert np.array_equal(got, decoded(shown, meant(shown, code=f"seed:{5 + k}"))), shown.run.model


def test_neighbours_come_nearest_first(page, site, renderer):
    shown = renderer()
    opened(page, site(shown) + "#panel=neighbours&code=seed:4")
    page.get_by_text("Searched: ").wait_for()
    images = page.locator("section img")
    assert images.count() == 9
    own = base64.b64decode(images.first.get_attribute("src").partition(",")[2])
    assert np.array_equal(pixels(own), decoded(shown, meant(shown, code="seed:4")))
    near = [float(text.rpartition(" ")[2]) for text in page.locator("section figcaption").all_inner_texts()[1:]]
    assert near == sorted(near)
    assert near[0] > 0


def test_curves_grow_while_the_run_trains(page, site, renderer):
    shown = renderer()
    address = site(shown) + "#panel=training"
    opened(page, address)
    page.get_by_text("There are no curves yet.").wait_for()
    lines = [json.dumps({"images": 64 * k, "terms": {"kl": 10.0 * k}}) + "\n" for k in (1, 2, 3)]
    shown.run.log.write_text("".join(lines[:2]))
    picture = shown.run.samples(128)
    picture.parent.mkdir()
    Image.new("L", (5, 4), 77).save(picture)
    page.get_by_text("10 to 20; last 20").wait_for()
    page.get_by_text("after 128 images").wait_for()
    assert page.get_by_alt_text("grid of that moment").evaluate("node => [node.naturalWidth, node.naturalHeight]") == [
        5,
        4,
    ]
    shown.run.log.write_text("".join(lines))
    page.get_by_text("10 to 30; last 30").wait_for()


def test_the_wheel_changes_the_class_on_the_map(page, site, renderer):
    shown = renderer(latent=2, conditional=True)
    opened(page, site(shown) + "#panel=map")
    painted(page, "under the pointer")
    box = page.locator("canvas.map").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    page.mouse.wheel(0, 50)
    page.wait_for_function("() => document.getElementById('class').value === '1'")
    addressed(page, "y=1")
    got, words = painted(page, "under the pointer"), asked(page, "under the pointer")
    z = torch.tensor([[float(words["u"]), float(words["v"])]])
    assert words["y"] == "1"
    assert np.array_equal(got, decoded(shown, z, torch.tensor([1])))


def test_a_lost_connection_is_a_sentence_and_the_page_goes_on(page, site, renderer):
    shown = renderer()
    opened(page, site(shown) + "#panel=components")
    painted(page, "sample")
    page.context.set_offline(True)
    page.get_by_text("random", exact=True).first.click()
    page.get_by_text("no connection: gvae explore has ended").wait_for()
    page.context.set_offline(False)
    page.get_by_label("component z0", exact=True).fill("1.5")
    got = painted(page, "sample")
    page.wait_for_function("() => document.getElementById('status').textContent === ''")
    words = asked(page, "sample")
    assert words["set"] == "0:1.5"
    assert np.array_equal(got, decoded(shown, meant(shown, code=words["code"], set="0:1.5")))


@pytest.mark.parametrize("latent", [4, 40])
def test_sliders_are_sorted_by_effect(page, site, renderer, latent):
    shown = renderer(latent=latent)
    opened(page, site(shown) + "#panel=components")
    page.wait_for_function("() => document.querySelector('.slider span').title !== ''")
    names = page.locator(".slider > span").all_inner_texts()
    shares = [
        float(title.split()[0]) for title in page.locator(".slider > span").evaluate_all("all => all.map(n => n.title)")
    ]
    assert sorted(names) == sorted(f"z{k}" for k in range(latent))
    assert shares == sorted(shares, reverse=True)
