"""Downloads, against a server on this machine."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gvae.data.fetch import fetch
from gvae.data.files.download import download
from gvae.data.sources.mnist import open_files
from gvae.errors import GvaeError


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that counts what it serves."""

    served: list[str] = []

    def log_message(self, format: str, *args) -> None:
        """Remember the path instead of printing it."""
        Quiet.served.append(self.path)


@pytest.fixture
def mirror(tiny) -> Iterator[str]:
    """Address of a server of the tiny data set's files."""
    handler = functools.partial(Quiet, directory=str(tiny[1] / "tiny" / "raw"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Quiet.served.clear()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reach this machine directly."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_fetched_files_open(tiny, mirror: str, tmp_path: Path):
    files, _, arrays = tiny
    got = download(files, tmp_path / "new", ["http://127.0.0.1:9/", mirror])
    assert [path.name for path in got] == list(files.packed)
    data = open_files(files, tuple("0123456789"), tmp_path / "new")
    assert (data.images[:24, ..., 0] == arrays["train-images-idx3-ubyte"]).all()
    assert len(Quiet.served) == 4
    download(files, tmp_path / "new", [mirror])
    assert len(Quiet.served) == 4  # what is there and right is not fetched again


def test_wrong_checksum_is_refused_and_removed(tiny, mirror: str, tmp_path: Path):
    files, _, _ = tiny
    name = "train-images-idx3-ubyte.gz"
    wrong = replace(files, packed={**files.packed, name: "0" * 32})
    with pytest.raises(GvaeError, match=f"could not fetch {name}.*wrong checksum"):
        download(wrong, tmp_path / "new", [mirror])
    assert list((tmp_path / "new" / "tiny" / "raw").iterdir()) == []


def test_damaged_file_is_replaced(tiny, mirror: str, tmp_path: Path):
    files, _, _ = tiny
    first = download(files, tmp_path / "new", [mirror])[0]
    whole = first.read_bytes()
    first.write_bytes(whole[:50])
    assert download(files, tmp_path / "new", [mirror])[0].read_bytes() == whole


def test_no_mirror_answers(tiny, mirror: str, tmp_path: Path):
    files, _, _ = tiny
    with pytest.raises(
        GvaeError, match=r"could not fetch train-images.*127\.0\.0\.1:9/: does not answer; .*missing/: .*404.*yourself"
    ):
        download(files, tmp_path / "new", ["http://127.0.0.1:9/", f"{mirror}missing/"])


def test_names():
    with pytest.raises(GvaeError, match="nothing to fetch for digits"):
        fetch("digits")
    with pytest.raises(GvaeError, match="did you mean 'mnist'"):
        fetch("mnits")
