"""What the tests of the explorer share: untrained runs on digits, a worker, a client of the app, and a real browser."""

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

PATIENCE = 120_000  # milliseconds: the machine may be busy
PIXELS = "node => node.toDataURL('image/png')"


@pytest.fixture
def worker():
    from gvae.explorer.worker import Worker

    worker = Worker()
    yield worker
    worker.stop()


@pytest.fixture
def renderer(saved):
    """Opens an untrained model of 4 latent dimensions: (model, *spec, **options)."""
    from gvae.explorer.renderer import Renderer

    return lambda name="vae", *spec, **options: Renderer(saved(name, *spec, **options))


@pytest.fixture
def served(worker):
    """A client of some renderers: served(renderer, ..., token="", names=())."""
    pytest.importorskip("fastapi", reason='the explorer needs fastapi: pip install "gvae[explore]"')
    pytest.importorskip("httpx", reason="the test client needs httpx")
    from fastapi.testclient import TestClient

    from gvae.explorer.guard import Guard
    from gvae.explorer.server import build

    def serve(*renderers, token: str = "", names=()) -> TestClient:
        app = Guard(build(renderers, worker), names, token)
        return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)

    return serve


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium; skips where it, playwright or fastapi is missing."""
    pytest.importorskip("fastapi", reason='the explorer needs fastapi: pip install "gvae[explore]"')
    sync_api = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
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


def pixels(content: bytes) -> np.ndarray:
    """Gray levels of an encoded picture."""
    return np.asarray(Image.open(io.BytesIO(content)))


def gray(x: torch.Tensor) -> np.ndarray:
    """What a picture of an image (1, 1, H, W) has to be."""
    from gvae.plots.grids import to_uint8

    return to_uint8(x)[0, ..., 0]


def png_of(array: np.ndarray, kind: str = "PNG") -> bytes:
    """An encoded picture."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()


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
