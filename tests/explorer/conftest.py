"""What the tests of the explorer share: untrained runs on digits, a worker, and a client of the app behind its guard."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image


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


def pixels(content: bytes) -> np.ndarray:
    """Gray levels of an encoded picture."""
    return np.asarray(Image.open(io.BytesIO(content)))


def gray(x: torch.Tensor) -> np.ndarray:
    """What a picture of an image (1, 1, H, W) has to be."""
    from gvae.report.figures import to_uint8

    return to_uint8(x)[0, ..., 0]


def png_of(array: np.ndarray, kind: str = "PNG") -> bytes:
    """An encoded picture."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()
