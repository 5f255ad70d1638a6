"""gvae explore: where it listens, what it prints, and what it says where something is missing."""

from __future__ import annotations

import builtins
import socket

import pytest

from gvae.commands.explore import greeting, listen, loopback
from gvae.errors import GvaeError


def test_mistakes_are_sentences(gvae, tiny_run, tmp_path):
    assert "name a run folder" in gvae("explore").error
    assert "is not a run folder" in gvae("explore", str(tmp_path)).error
    assert "--port is 70000" in gvae("explore", str(tiny_run), "--port", "70000").error
    assert (
        "cannot listen on no.such.host.invalid"
        in gvae("explore", str(tiny_run), "--host", "no.such.host.invalid").error
    )


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(GvaeError, match="leave out --port for a free one"):
            listen("127.0.0.1", taken.getsockname()[1])


def test_without_the_extra_it_says_what_to_install(gvae, tiny_run, monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name == "uvicorn":
            raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    answer = gvae("explore", str(tiny_run))
    assert (answer.code, 'uvicorn is not installed; `pip install "gvae[explore]"`' in answer.error) == (2, True)


def test_over_ssh_the_line_for_the_other_machine_is_printed():
    lines = greeting("127.0.0.1", 8123, "", {"SSH_CONNECTION": "10.0.0.2 50000 10.0.0.9 22"})
    assert "ssh -L 8123:127.0.0.1:8123 " in lines[1]
    assert lines[1].endswith("@10.0.0.9")


def test_others_can_reach_it_only_with_a_token_and_a_warning(capsys):
    (line,) = greeting("0.0.0.0", 8123, "abc", {})
    assert line.startswith(f"http://{socket.gethostname()}:8123/?token=abc ")
    assert "whoever has the address below" in capsys.readouterr().err
    assert [loopback(host) for host in ("127.0.0.2", "::1", "example.org", "10.0.0.1")] == [True, True, False, False]
