"""The routes behind the guard: who may ask, what is refused, and that every mistake is one sentence."""

from __future__ import annotations

import asyncio
import shutil

import numpy as np
import pytest

from gvae.errors import GvaeError
from gvae.explorer.renderer import Renderer
from tests.explorer.conftest import gray, pixels, png_of

pytest.importorskip("fastapi", reason='the explorer needs fastapi: pip install "gvae[explore]"')


@pytest.fixture
def client(served, renderer):
    return served(renderer())


def listed(path) -> dict[str, int]:
    """Every file below a folder and when it was written."""
    return {str(file): file.stat().st_mtime_ns for file in path.rglob("*")}


def test_the_page_and_all_it_loads_is_here(client):
    page = client.get("/").text
    assert 'src="app.js"' in page
    assert "http" not in page  # nothing is fetched from outside
    for name in ("app.js", "style.css", "icon.svg", "net.js", "dom.js", "sources.js"):
        assert client.get(f"/{name}").status_code == 200
    assert "javascript" in client.get("/app.js").headers["content-type"]
    assert "default-src 'self'" in client.get("/").headers["content-security-policy"]


def test_every_view_has_its_script(client):
    summary = client.get("/api/runs").json()
    for view in summary["panels"]:
        assert "export" in client.get(f"/panels/{view['name']}.js").text
    assert "compare" not in summary["runs"][0]["panels"]  # one run is nothing to compare


def test_two_runs_can_be_compared(served, renderer):
    two = served(renderer(), renderer("gan"))
    runs = two.get("/api/runs").json()["runs"]
    assert ["compare" in run["panels"] for run in runs] == [True, True]
    assert two.get("/api/0/picture").content != two.get("/api/1/picture").content
    answer = two.get("/api/1/map/points")
    assert (answer.status_code, "Map does not fit" in answer.json()["error"]) == (400, True)


def test_an_upload_comes_back_as_the_network_sees_it(client, digits):
    x = digits.batch(digits.split("test")[:1]).x
    name = client.post("/api/0/upload", content=png_of(gray(x))).json()["name"]
    assert np.array_equal(pixels(client.get("/api/0/look", params={"code": name}).content), gray(x))
    found = client.get("/api/0/reconstruct/all", params={"code": name}).json()
    assert set(found["pictures"]) == {"original", "reconstruction", "difference"}


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/api/1/picture", 404, "there is no run 1; runs are 0 to 0"),
        ("/api/-1/picture", 404, "there is no run -1"),
        ("/api/0/nothing", 404, "there is no question 'nothing'"),
        ("/api/0/map/nothing", 404, "there is no question 'map/nothing'"),
        ("/api/0/volume/slice", 400, "Volume does not fit"),
        ("/api/0/picture?code=seed:x", 400, "seed is 'x'"),
        ("/api/0/training/grid?images=../../etc/passwd", 400, "images is '../../etc/passwd'"),
        ("/nothing", 404, "there is nothing at this address; start at /"),
        ("/..%2f..%2fserver.py", 404, "there is nothing at this address"),
        ("/panels/../../server.py", 404, "there is nothing at this address"),
        ("/docs", 404, "there is nothing at this address"),
        ("/openapi.json", 404, "there is nothing at this address"),
    ],
)
def test_mistakes_are_sentences(client, path, status, sentence):
    answer = client.get(path)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]


def test_a_number_that_is_none_is_refused(client):
    answer = client.get("/api/x/picture")
    assert (answer.status_code, "by its number" in answer.json()["error"]) == (404, True)


def test_bodies_and_addresses_that_are_too_long_are_refused(client, monkeypatch):
    monkeypatch.setattr("gvae.explorer.server.BYTES", 1000)
    answer = client.post("/api/0/upload", content=b"x" * 1001)
    assert (answer.status_code, "MiB; make it smaller" in answer.json()["error"]) == (413, True)
    monkeypatch.setattr("gvae.explorer.server.LONGEST", 100)
    answer = client.get("/api/0/picture", params={"code": "z" * 101})
    assert (answer.status_code, "longer than 100 characters" in answer.json()["error"]) == (414, True)


def test_an_upload_that_breaks_off_is_no_fault(served, renderer):
    async def gone() -> dict:
        return {"type": "http.disconnect"}

    sent: list[dict] = []

    async def send(message) -> None:
        sent.append(message)

    app = served(renderer()).app
    head = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/api/0/upload", "query_string": b"", "headers": head}
    asyncio.run(app({**scope, "http_version": "1.1", "scheme": "http", "raw_path": b"", "root_path": ""}, gone, send))
    assert sent[0]["status"] == 400


def test_a_damaged_upload_is_a_sentence(client):
    answer = client.post("/api/0/upload", content=b"\x89PNG\r\n\x1a\n nonsense")
    assert answer.status_code == 400
    assert "the file cannot be read as a picture" in answer.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1:9", "localhost", "[::1]:8000"])
def test_hosts_that_are_this_machine(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.7:80", "", "[::1", "localhost.evil"]
)
def test_other_hosts_are_refused(client, host):
    answer = client.get("/api/runs", headers={"host": host})
    assert (answer.status_code, "this host name is not served" in answer.json()["error"]) == (421, True)


def test_other_sites_may_not_ask(client):
    other = {"sec-fetch-site": "cross-site"}
    assert client.get("/api/runs", headers=other).status_code == 403
    assert client.post("/api/0/upload", content=b"x", headers=other).status_code == 403
    assert client.get("/", headers=other).status_code == 200  # a link that was followed


def test_the_token_is_asked_for_and_then_kept_in_a_cookie(served, renderer):
    client = served(renderer(), token="secret", names=["box"])
    assert client.get("/api/runs").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    answer = client.get("/?token=secret", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert client.get("/api/runs").status_code == 200  # the client keeps cookies
    assert client.get("/api/runs", headers={"host": "192.168.1.7"}).status_code == 200
    assert client.get("/api/runs", headers={"host": "box:80"}).status_code == 200
    assert client.get("/api/runs", headers={"host": "evil.example"}).status_code == 421


def test_nothing_is_written_into_the_run(served, renderer, digits):
    shown = renderer()
    before = listed(shown.run.path.parent)
    client = served(shown)
    client.post("/api/0/upload", content=png_of(gray(digits.batch([0]).x)))
    for question in ("picture", "facts", "map/points", "components/effects", "morph/animation?a=seed:0&b=test:1",
                     "reconstruct/all", "training/curves", "attributes/known", "neighbours/nearest"):  # fmt: skip
        assert client.get(f"/api/0/{question}").status_code == 200, question
    assert listed(shown.run.path.parent) == before


def test_a_run_that_was_deleted_is_a_sentence(served, renderer):
    shown = renderer()
    client = served(shown)
    shutil.rmtree(shown.run.path)
    assert "has been deleted or moved" in client.get("/api/0/facts").json()["stale"]
    answer = client.get("/api/0/training/curves")
    assert (answer.status_code, "has been deleted or moved" in answer.json()["error"]) == (400, True)
    assert client.get("/api/0/picture").status_code == 200


def test_data_that_is_not_there_is_a_sentence(served, renderer, monkeypatch):
    def gone(self):
        raise GvaeError("there is no data here")

    monkeypatch.setattr(Renderer, "data", property(gone))
    answer = served(renderer()).get("/api/0/map/points")
    assert (answer.status_code, answer.json()) == (400, {"error": "there is no data here"})


def test_a_fault_is_told_without_details(served, renderer, monkeypatch):
    shown = renderer()
    monkeypatch.setattr(shown, "decode", lambda z, y: 1 / 0)
    answer = served(shown).get("/api/0/picture")
    assert (answer.status_code, "in the terminal" in answer.json()["error"]) == (500, True)


def test_numbers_that_json_has_no_word_for_are_a_sentence(served, renderer):
    shown = renderer()
    for parameter in shown.space.model.encoder.parameters():
        parameter.data.fill_(float("nan"))
    answer = served(shown).get("/api/0/code?code=test:0")
    assert (answer.status_code, "its training has diverged" in answer.json()["error"]) == (400, True)
