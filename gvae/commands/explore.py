"""gvae explore RUN [RUN ...]: open runs in the browser and move through their codes."""

from __future__ import annotations

import getpass
import ipaddress
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Interval

from gvae.commands.parsing import REQUIRED, WORD, parse
from gvae.errors import GvaeError
from gvae.runs import Run


@dataclass(frozen=True)
class Explore:
    """Open runs in the browser: move through their codes and see at once what changes. Writes nothing."""

    runs: Annotated[tuple[Path, ...], WORD] = REQUIRED
    """run folders; with several, Compare shows them side by side"""
    port: Annotated[int, Interval(ge=0, le=65_535)] = 0
    """where to listen; 0 for any port that is free"""
    host: str = "127.0.0.1"
    """address to listen on; other than a loopback address, whoever has the printed address can use the explorer"""
    data_root: Path | None = None
    """folder with data sets, for views that show data; without it the environment variable GVAE_DATA"""


def run(words: list[str]) -> None:
    """Explore as the command line says."""
    args = parse(Explore(), words, "gvae explore")
    if not args.runs:
        raise GvaeError("name a run folder, as in `gvae explore runs/mnist-vae-0`")
    opened = [Run.open(path) for path in args.runs]
    listening = listen(args.host, args.port)
    with listening:
        serve(args, opened, listening)


def listen(host: str, port: int) -> socket.socket:
    """A socket at that place.

    Raises:
        GvaeError: no such address here, or the port is taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # head and body of an answer leave in two pieces; the second would wait 40 ms for the browser's word on the first
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind((host, port))
    except OSError as error:
        raise GvaeError(
            f"cannot listen on {host}, port {port} ({error}); "
            "leave out --port for a free one, and --host for this machine alone"
        ) from None
    return listening


def serve(args: Explore, opened: list[Run], listening: socket.socket) -> None:
    """Load the runs and answer until interrupted.

    Raises:
        GvaeError: a package is not installed, or a run cannot be opened.
    """
    try:
        import uvicorn

        from gvae.explorer.server import build
    except ModuleNotFoundError as error:
        if error.name not in ("uvicorn", "fastapi", "starlette", "pydantic"):
            raise
        raise GvaeError(f'{error.name} is not installed; `pip install "gvae[explore]"`') from None
    from gvae.explorer.guard import Guard, own_names
    from gvae.explorer.renderer import Renderer
    from gvae.explorer.worker import Worker

    renderers = [Renderer(run.path, args.data_root) for run in opened]
    token = "" if loopback(args.host) else secrets.token_urlsafe(24)
    app: Any = Guard(build(renderers, Worker()), own_names(args.host) if token else (), token)
    listening.listen()  # from here on whoever opens the address waits rather than being refused
    print("\n".join(greeting(args.host, listening.getsockname()[1], token, os.environ)), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False)).run([listening])


def loopback(host: str) -> bool:
    """Whether only this machine can reach that host.

    >>> loopback("localhost"), loopback("::1"), loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def greeting(host: str, port: int, token: str, environment: Mapping[str, str]) -> list[str]:
    """What is printed: the address, over SSH the line for the other machine, and a warning where others can reach it.

    >>> greeting("127.0.0.1", 8123, "", {})
    ['http://127.0.0.1:8123/   (Ctrl-C ends it)']
    """
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/{f'?token={token}' if token else ''}"
    lines = [f"{address}   (Ctrl-C ends it)"]
    if token:
        print(
            f"gvae: listening on {host}: whoever has the address below can use the explorer, and it is not encrypted",
            file=sys.stderr,
        )
    elif "SSH_CONNECTION" in environment:
        server = environment["SSH_CONNECTION"].split()[2:3] or [socket.gethostname()]
        lines.append(f"on your own machine first: ssh -L {port}:{host}:{port} {getpass.getuser()}@{server[0]}")
    return lines
