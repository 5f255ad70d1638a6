"""Who may ask the explorer: the right host, no other site's page, the token where there is one, and no endless body."""

from __future__ import annotations

import ipaddress
import json
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "gvae-explorer"
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""go with every answer: the page loads nothing from elsewhere, and no other page shows or reads it"""


class Guard:
    """Lets a request through to the app, or answers it with a sentence.

    A page elsewhere that has its name point to this machine (DNS rebinding) is told apart by the Host header: a number
    cannot be rebound, and the names are listed.

    Args:
        app: what answers.
        names: host names that may be asked for, besides IP addresses and localhost.
        token: what every request has to know; "" on loopback.
    """

    def __init__(self, app: App, names: Iterable[str] = (), token: str = "") -> None:
        self.app, self.token = app, token
        self.names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        problem = self.problem(headers, scope)
        if problem:
            await refuse(send, *problem)
        elif given(scope) is not None and self.token:
            await redirect(send, self.token, scope)
        else:
            await self.app(scope, receive, stamped(send))

    def problem(self, headers: dict[bytes, str], scope: Scope) -> tuple[int, str] | None:
        """Status and sentence for a request that is refused."""
        if not self.host_allowed(headers.get(b"host", "")):
            return 421, "this host name is not served; open the address that gvae explore has printed"
        if headers.get(b"sec-fetch-site") == "cross-site" and scope["path"] != "/":
            return 403, "another site's page may not ask this one"
        if self.token and not self.knows(headers, scope):
            return 401, "the token is missing; open the whole address that gvae explore has printed"
        return None

    def host_allowed(self, host: str) -> bool:
        """Whether a Host header is an address or a known name, with any port: ssh may have forwarded another.

        >>> guard = Guard(None)
        >>> [guard.host_allowed(host) for host in ("127.0.0.1:8000", "[::1]:80", "localhost", "evil.example")]
        [True, True, True, False]
        """
        name = host[1:].partition("]")[0] if host.startswith("[") and "]" in host else host.partition(":")[0]
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self.names
        return address.is_loopback or bool(self.token)

    def knows(self, headers: dict[bytes, str], scope: Scope) -> bool:
        """Whether the token is in the address or in the cookie."""
        try:
            cookie = SimpleCookie(headers.get(b"cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        said = [given(scope) or "", cookie.value if cookie else ""]
        return any(secrets.compare_digest(word.encode(), self.token.encode()) for word in said)


def given(scope: Scope) -> str | None:
    """The token in the address of the page."""
    words = parse_qs(scope["query_string"].decode("latin-1")) if scope["path"] == "/" else {}
    return words["token"][0] if "token" in words else None


def own_names(host: str) -> list[str]:
    """Names that a machine which listens on `host` may be asked for by."""
    return [host, socket.gethostname(), socket.getfqdn()]


def stamped(send: Send) -> Send:
    """Adds the headers that go with every answer."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *HEADERS]}
        await send(message)

    return sent


async def refuse(send: Send, status: int, sentence: str) -> None:
    """Answer with a sentence as JSON."""
    body = json.dumps({"error": sentence}).encode()
    await answer(send, status, body, [(b"content-type", b"application/json")])


async def redirect(send: Send, token: str, scope: Scope) -> None:
    """Put the token into a cookie that scripts cannot read, and out of the address; what follows # stays."""
    cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
    await answer(send, 303, b"", [(b"location", b"/"), (b"set-cookie", cookie.encode())])


async def answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send a whole answer."""
    length = (b"content-length", str(len(body)).encode())
    await stamped(send)({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
