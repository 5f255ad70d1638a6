"""A real browser drives the page: every view draws, pictures are those of the model, and an address shows them again."""

from __future__ import annotations

import base64
import io
import shutil
import socket
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import torch
from PIL import Image

from gvae.api import load
from gvae.explorer.asks import Ask
from gvae.explorer.panels.code import code
from gvae.latent.directions import Direction
from gvae.latent.shelf import keep
from tests.explorer.conftest import gray, pixels, png_of

pytest.importorskip("fastapi", reason='the explorer needs fastapi: pip install "gvae[explore]"')
sync_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
PATIENCE = 120_000  # milliseconds: the machine may be busy
PIXELS = "node => node.toDataURL('image/png')"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def site(renderer, worker):
    """Serves renderers on a free port: site(renderer, ...) -> address."""
    import uvicorn

    from gvae.explorer.guard import Guard
    from gvae.explorer.server import build

    servers = []

    def serve(*renderers) -> str:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(Guard(build(renderers, worker)), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.02)
        return f"http://127.0.0.1:{listening.getsockname()[1]}/"

    yield serve
    for server, thread in servers:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def page(browser):
    """A page that fails the test when a script does."""
    page, failures = browser.new_page(), []
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    page.close()
    assert failures == []


def opened(page, address: str) -> None:
    """Open an address anew and wait until the view is there and painted."""
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("section[data-ready=yes]")


def idle(page) -> None:
    """Wait until nothing is asked for and everything is painted."""
    page.wait_for_function("() => document.body.getAttribute('aria-busy') === 'false'")


def asked(page, label: str) -> dict[str, str]:
    """The words that the picture shown now was asked for with."""
    address = page.locator(f"canvas[aria-label='{label}']").get_attribute("data-address")
    return dict(parse_qsl(urlsplit(address).query))


def painted(page, label: str) -> np.ndarray:
    """The pixels of a picture once it has been painted and nothing is under way, gray levels."""
    canvas = page.locator(f"canvas[aria-label='{label}'][data-painted]")
    canvas.wait_for()
    idle(page)
    text = canvas.evaluate(PIXELS)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2]))).convert("L"))


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
    z = torch.tensor([code(shown, Ask(words))["values"]])
    start = code(shown, Ask({"code": words["code"]}))["values"]
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
    z = torch.tensor([code(shown, Ask({"set": "0:2"}))["values"]])
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
    page.get_by_label("your picture").set_input_files(
        {"name": "nine.png", "mimeType": "image/png", "buffer": content}
    )
    page.wait_for_function("() => location.hash.includes('up%3A')")
    assert np.array_equal(painted(page, "original"), pixels(content))
    seen = torch.from_numpy(pixels(content).copy()).float()[None, None] / 127.5 - 1
    assert (
        np.abs(
            painted(page, "reconstruction").astype(int) - gray(load(shown.run.path).reconstruct(seen))
        ).max()
        <= 1
    )
    page.get_by_label("your picture").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": b"nonsense"}
    )
    page.wait_for_function(
        "() => document.getElementById('status').textContent.includes('no picture that can be read')"
    )


@pytest.mark.parametrize(
    ("view", "label"),
    [("morph", "morph"), ("attributes", "after"), ("paint", "painted"), ("compare", "RUN 0")],
)
def test_every_other_view_draws(page, site, renderer, view, label):
    shown = renderer()
    keep(shown.run, [Direction("odd", torch.ones(4), "mean", "digits", 30, 40, auc=0.75)])
    opened(page, site(shown, renderer("gan")) + f"#panel={view}")
    assert painted(page, label.replace("RUN", shown.run.path.name)).shape == (8, 8)
    assert page.locator("#status").inner_text() == ""


def test_neighbours_and_training_draw(page, site, renderer):
    shown = renderer()
    address = site(shown)
    opened(page, address + "#panel=neighbours")
    page.get_by_text("Searched: ").wait_for()
    assert page.locator("section img").count() == 9
    opened(page, address + "#panel=training")
    page.get_by_text("There are no curves yet.").wait_for()


@pytest.mark.parametrize("width", [400, 3840])
def test_nothing_is_wider_than_the_window(page, site, renderer, width):
    page.set_viewport_size({"width": width, "height": 900})
    address = site(renderer())
    for view in (
        "map",
        "components",
        "morph",
        "reconstruct",
        "training",
        "attributes",
        "paint",
        "neighbours",
    ):
        opened(page, f"{address}#panel={view}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view
