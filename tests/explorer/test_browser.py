"""A real browser drives the page: every view draws, pictures are those of the model, and an address shows them again."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch

from gvae.explorer.panels.code import code
from gvae.explorer.queries import Query
from gvae.loaded import load
from tests.explorer.conftest import asked, gray, opened, painted, pixels, png_of


def test_a_slider_shows_what_load_decodes_and_its_address_shows_it_again(page, site, renderer):
    shown = renderer()
    opened(page, site(shown) + "#panel=components")
    first = painted(page, "sample")
    slider = page.get_by_label("component z2", exact=True)
    slider.focus()
    for _ in range(5):
        page.keyboard.press("PageUp")
    moved = painted(page, "sample")
    assert not np.array_equal(first, moved)
    words = asked(page, "sample")
    z = torch.tensor([code(shown, Query(words))["values"]])
    start = code(shown, Query({"code": words["code"]}))["values"]
    assert [k for k in range(4) if z[0, k] != start[k]] == [2]
    assert z[0, 2] == pytest.approx(float(slider.input_value()))
    assert np.array_equal(moved, gray(load(shown.run.path).decode(z)))
    page.wait_for_function(f"() => new URLSearchParams(location.hash).get('set') === '{words['set']}'")
    opened(page, page.url)
    assert np.array_equal(painted(page, "sample"), moved)


def test_dragging_never_queues_and_ends_on_the_last_position(page, site, renderer):
    shown, requests = renderer(), []
    page.on("request", lambda request: requests.append(request.url) if "/picture" in request.url else None)
    opened(page, site(shown) + "#panel=components")
    painted(page, "sample")
    requests.clear()
    page.get_by_label("component z0", exact=True).evaluate(
        """async node => {
            for (let k = 0; k <= 100; k++) {
                node.value = -2 + 0.04 * k;
                node.dispatchEvent(new Event("input"));
                if (k % 10 == 0) await new Promise(done => setTimeout(done, 10));
            }
        }"""
    )
    last = painted(page, "sample")
    assert asked(page, "sample")["set"] == "0:2"
    z = torch.tensor([code(shown, Query({"set": "0:2"}))["values"]])
    assert np.array_equal(last, gray(load(shown.run.path).decode(z)))
    assert len(requests) < 60


def test_the_map_tells_what_lies_under_the_pointer(page, site, renderer, digits):
    shown = renderer(latent=2)
    opened(page, site(shown) + "#panel=map")
    points = shown.cache["map"].z
    painted(page, "under the pointer")
    before = asked(page, "under the pointer")
    box = page.locator("canvas.map").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3)
    page.wait_for_function(
        f"() => !document.querySelector('canvas[data-address]').dataset.address.includes('u={before['u']}&')"
    )
    got = painted(page, "under the pointer")
    words = asked(page, "under the pointer")
    z = torch.tensor([[float(words["u"]), float(words["v"])]])
    assert np.array_equal(got, gray(load(shown.run.path).decode(z)))
    near = int((points - z).norm(dim=1).argmin())
    label = np.asarray(digits.labels)[digits.split("test")][near]
    assert page.locator("#lies").inner_text() == f"Nearest image: {label}"
    page.mouse.down()
    page.mouse.up()
    page.get_by_text("pin 1", exact=True).wait_for()
    assert np.array_equal(painted(page, "pin 1"), got)


def test_an_upload_comes_back_reconstructed(page, site, renderer, digits):
    shown = renderer()
    opened(page, site(shown) + "#panel=reconstruct")
    x = digits.batch(digits.split("test")[9:10]).x
    content = png_of(gray(x))
    page.get_by_label("your picture").set_input_files({"name": "nine.png", "mimeType": "image/png", "buffer": content})
    page.wait_for_function("() => location.hash.includes('up%3A')")
    assert np.array_equal(painted(page, "original"), pixels(content))
    seen = torch.from_numpy(pixels(content).copy()).float()[None, None] / 127.5 - 1
    assert np.abs(painted(page, "reconstruction").astype(int) - gray(load(shown.run.path).reconstruct(seen))).max() <= 1
    page.get_by_label("your picture").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"nonsense"})
    page.wait_for_function(
        "() => document.getElementById('status').textContent.includes('cannot be read as a picture')"
    )


@pytest.mark.parametrize("width", [400, 3840])
def test_nothing_is_wider_than_the_window(page, site, renderer, width):
    page.set_viewport_size({"width": width, "height": 900})
    address = site(renderer())
    for view in ("map", "components", "morph", "reconstruct", "training", "attributes", "paint", "neighbours"):
        opened(page, f"{address}#panel={view}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view


def test_a_movement_is_followed_in_drafts_and_ends_on_the_picture(page, site, renderer, monkeypatch):
    shown, requests = renderer(), []
    monkeypatch.setattr(shown, "drafts", True)
    page.on("request", lambda request: requests.append(request.url) if "/picture" in request.url else None)
    opened(page, site(shown) + "#panel=components")
    page.get_by_label("component z0", exact=True).fill("2")
    page.wait_for_function(
        """() => {
            const { address, request, painted } = document.querySelector("canvas[aria-label='sample']").dataset;
            return address?.includes("set=0%3A2") && !address.includes("draft") && request === painted;
        }"""
    )
    z = torch.tensor([code(shown, Query({"set": "0:2"}))["values"]])
    assert np.array_equal(painted(page, "sample"), gray(load(shown.run.path).decode(z)))
    followed = [parse_qs(urlsplit(url).query) for url in requests]
    assert any("draft" in words and words.get("set") == ["0:2"] for words in followed)
