"""The explorer under load: many clients at once, then random and malformed requests; used by latency.py.

Requests are written byte by byte to the socket, because a well-behaved client would not send most of them.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import struct
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

LIMIT_MB = 50
"""the server may grow by so much"""
TOGETHER = 20
"""malformed requests under way at a time"""
LONGEST = 30.0
"""seconds that an answer may take before it counts as none"""
QUESTIONS = ("picture", "code", "look", "facts", "map/points", "map/at", "map/code", "components/effects",
             "components/traversal", "morph/at", "morph/row", "morph/about", "reconstruct/all", "training/curves",
             "training/grid", "attributes/known", "volume/slice", "volume/about", "nothing", "map/nothing")  # fmt: skip
WORDS = ("code", "set", "add", "y", "a", "b", "path", "step", "steps", "u", "v", "across", "up", "through", "component",
         "first", "count", "index", "axis", "centre", "width", "images", "kind", "client", "by")  # fmt: skip
VALUES = ("0", "1", "-1", "1e400", "nan", "inf", "", "seed:0", "seed:-1", "seed:1e99", "seed:999999999999999999999",
          "test:0", "test:-1", "test:99999999", "train:x", "up:", "up:../../etc/passwd", "z:", "z:AAAA", "z:" + "A" * 500,
          "0:1,1:2", "0:nan", "99999:1", "nobody:1", "linear", "density", "\x00", "\ud7ff", "%s%n", "'; drop", "../" * 9,
          )  # fmt: skip
PATHS = ("/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/run.json", "//etc/passwd", "/panels/../../server.py",
         "/api/0/../../run.json", "/api/0/training/grid?images=../../weights", "/static/../renderer.py", "/%00",
         "/api/%2e%2e/x", "/panels/..%5c..%5cserver.py", "/file:///etc/passwd",
         "/api/0/look?code=up:../../run.json")  # fmt: skip
HOSTS = (
    "evil.example",
    "127.0.0.1.evil.example",
    "",
    "localhost.evil",
    "[::1",
    "10.0.0.1:80",
    "a" * 3000,
    "127.0.0.1, evil",
)

Chance = random.Random


def request(path: str, host: str = "127.0.0.1", method: str = "GET", body: bytes = b"", more: str = "") -> bytes:
    """The bytes of a request, of which the server closes the connection."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{length}{more}\r\n"
    return head.encode("latin-1", "replace") + body


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that says it has side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    ends = chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + ends


def upload(body: bytes) -> bytes:
    """A picture that is sent."""
    return request("/api/0/upload", method="POST", body=body)


def strange(chance: Chance) -> bytes:
    """A request with random words."""
    words = [f"{chance.choice(WORDS)}={quote(chance.choice(VALUES), safe='')}" for _ in range(chance.randrange(5))]
    number = chance.choice(("0", "0", "0", "0", "1", "-1", "x", "9" * 30))
    return request(f"/api/{number}/{chance.choice(QUESTIONS)}?{'&'.join(words)}")


def broken(chance: Chance) -> bytes:
    """What is no proper request."""
    return chance.choice(
        (
            request("/", method=chance.choice(("PUT", "DELETE", "BREW", "OPTIONS", "GET\x00"))),
            request("/", more="Content-Length: -5\r\n"),
            request("/api/0/upload", method="POST", more="Transfer-Encoding: chunked\r\n")
            + b"zz\r\nhello\r\n0\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            request("/", more="".join(f"X-{k}: {'b' * 900}\r\n" for k in range(90))),
            request("/", more="Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
        )
    )


KINDS: dict[str, tuple[float, Callable[[Chance], bytes]]] = {
    "random words": (40, strange),
    "path traversal": (15, lambda chance: request(chance.choice(PATHS))),
    "wrong host": (12, lambda chance: request("/api/runs", host=chance.choice(HOSTS))),
    "random bytes": (12, lambda chance: chance.randbytes(chance.randrange(1, 400)) + b"\r\n\r\n"),
    "malformed": (12, broken),
    "bomb": (4, lambda chance: upload(bomb(chance.choice((7_000, 20_000, 60_000))))),
    "no picture": (4.5, lambda chance: upload(chance.randbytes(500))),
    "too large": (0.5, lambda chance: upload(bytes(16 * 2**20 + 1))),
}
"""how often, in per cent, and what"""


async def sent(port: int, content: bytes) -> str:
    """Class of the answer's status, as 4xx; `none` where the connection is closed, or left open, without an answer."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return "refused"
    try:
        writer.write(content)
        line = await asyncio.wait_for(reader.readline(), LONGEST)
        while await asyncio.wait_for(reader.read(65_536), LONGEST):
            pass
    except (OSError, TimeoutError, asyncio.LimitOverrunError):
        line = b""
    finally:
        writer.close()
    parts = line.split()
    return f"{parts[1][:1].decode('latin-1')}xx" if line.startswith(b"HTTP/") and len(parts) > 1 else "none"


async def drag(port: int, client: int, until: float, counts: Counter[str], waits: list[float]) -> None:
    """One page that asks for the next picture as soon as it has one."""
    step = 0
    while time.monotonic() < until:
        begin = time.monotonic()
        path = f"/api/0/picture?code=seed:{client}&set=0:{(step % 60) / 10 - 3:.1f}&client=c{client}"
        counts[await sent(port, request(path))] += 1
        waits.append(time.monotonic() - begin)
        step += 1


async def crowd(port: int, clients: int, seconds: float) -> dict[str, Any]:
    """Many pages at once."""
    counts, waits = Counter[str](), list[float]()
    until = time.monotonic() + seconds
    await asyncio.gather(*(drag(port, k, until, counts, waits) for k in range(clients)))
    waits.sort()
    return {
        "clients": clients,
        "seconds": seconds,
        "answers": dict(counts),
        "median_ms": round(1000 * waits[len(waits) // 2]),
        "p95_ms": round(1000 * waits[int(0.95 * len(waits))]),
    }


async def assault(port: int, count: int, seed: int) -> dict[str, dict[str, int]]:
    """Random and malformed requests; answers by kind."""
    chance, counts = Chance(seed), {kind: Counter[str]() for kind in KINDS}
    kinds = chance.choices(list(KINDS), [share for share, _ in KINDS.values()], k=count)
    waiting = asyncio.Semaphore(TOGETHER)

    async def one(kind: str) -> None:
        async with waiting:
            counts[kind][await sent(port, KINDS[kind][1](chance))] += 1

    await asyncio.gather(*map(one, kinds))
    return {kind: dict(sorted(found.items())) for kind, found in counts.items()}


def storm(process: int, address: str, args: argparse.Namespace) -> dict[str, Any]:
    """Both on a server that has answered everything once; asserts what has to hold.

    Args:
        process: number of the server's process.
        args: `clients`, `load_seconds`, `requests` and `seed`.
    """
    port = urlsplit(address).port or 80

    async def whole() -> dict[str, Any]:
        for question in QUESTIONS:  # what takes long is remembered
            await sent(port, request(f"/api/0/{question}?code=test:0&images=0"))
        before = resident(process)
        found = {"crowd": await crowd(port, args.clients, args.load_seconds)}
        bad = await assault(port, args.requests, args.seed)
        found |= {"bad_requests": bad, "growth_mb": round(resident(process) - before, 1)}
        assert await sent(port, request("/api/runs")) == "2xx", "the server no longer answers"
        return found

    found = asyncio.run(whole())
    everything = [found["crowd"]["answers"], *found["bad_requests"].values()]
    assert not any(answers.get("5xx") or answers.get("refused") for answers in everything), found
    for kind in ("path traversal", "wrong host", "bomb", "no picture", "too large"):
        assert not found["bad_requests"][kind].get("2xx"), f"{kind}: {found['bad_requests'][kind]}"
    assert found["growth_mb"] < LIMIT_MB, f"the server has grown by {found['growth_mb']} MB"
    return found


def resident(process: int) -> float:
    """Memory of a process in MB; Linux only."""
    text = Path(f"/proc/{process}/statm").read_text(encoding="ascii")
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def listed(folder: Path) -> dict[str, str]:
    """Checksum of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
