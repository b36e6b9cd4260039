"""Who may read the page: host, origin, rate and token are judged here, before any route sees a request.

Loopback may read. Anybody else, and whoever comes through a proxy, needs a token or a trusted proxy's word for who they are.
The Host header is checked, so that a name that a stranger points at 127.0.0.1 opens nothing (DNS rebinding).
"""

import ipaddress
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from adaptd.gateway.web.tokens import Caller, Rates, Tokens

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "adaptd_token"
OPEN = frozenset({"/health"})
LOOPBACK = frozenset({"127.0.0.1", "::1"})
LOCAL_NAMES = frozenset({"localhost"})
MAX_BODY_BYTES = 64 * 1024
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "x-ingress-path")
_INGRESS = re.compile(r"(/[A-Za-z0-9_-]{1,128}){1,8}")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {frame}"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the owner allows. ``proxies`` are the addresses whose ``proxy_header`` is believed."""

    tokens: Tokens
    hosts: frozenset[str] = frozenset()
    proxy_header: str | None = None
    proxies: frozenset[str] = LOOPBACK


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer instead of the page: one line with the remedy."""

    status: int
    words: str


@dataclass(slots=True)
class Guard:
    """ASGI middleware: judge first, then let ``app`` answer, and put the security headers on whatever leaves."""

    app: App
    rules: Rules
    rates: Rates = field(default_factory=Rates)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        judged = self.judge(scope, headers, time.monotonic_ns() // 1000)
        scope["prefix"] = ingress_path(headers)
        sealed = _sealed(send, framed=bool(scope["prefix"]), path=scope["path"])
        if isinstance(judged, Refusal):
            await refuse(sealed, judged)
            return
        scope["caller"] = judged
        await self.app(scope, receive, sealed)

    def judge(self, scope: Scope, headers: dict[str, str], now_us: int) -> Caller | Refusal:
        """Who asks, or why they get no answer."""
        peer = (scope.get("client") or ("", 0))[0]
        if not self.rates.allow(peer, now_us):
            return Refusal(429, "too many requests, ask less often")
        if scope["path"] in OPEN:
            return Caller("anybody")
        refusal = self._wrong_place(headers) or _foreign_page(scope, headers) or _too_large(headers)
        if refusal is not None:
            return refusal
        return self._caller(peer, scope, headers, now_us)

    def _wrong_place(self, headers: dict[str, str]) -> Refusal | None:
        name = host_name(headers.get("host", ""))
        if name in LOCAL_NAMES or name in self.rules.hosts or address_of(name) is not None:
            return None
        return Refusal(421, "this name is not this gateway's, start it with --allow-host and the name")

    def _caller(self, peer: str, scope: Scope, headers: dict[str, str], now_us: int) -> Caller | Refusal:
        presented = presented_token(scope, headers)
        if presented is not None:
            if not self.rates.may_guess(peer, now_us):
                return Refusal(429, "too many wrong tokens, try again in a minute")
            caller = self.rules.tokens.find(presented)
            if caller is not None:
                return caller
            self.rates.guessed(peer, now_us)
            return Refusal(401, "this token is not known, look into the gateway's --token-file")
        forwarded = any(name in headers for name in FORWARDED)
        if self.rules.proxy_header is not None and peer in self.rules.proxies:
            user = headers.get(self.rules.proxy_header.lower(), "").strip()
            if user:
                return Caller(user[:64])
        if is_loopback(peer) and not forwarded:
            return Caller("loopback")
        return Refusal(401, "a token is needed here: open ?token=... once, or send Authorization: Bearer ...")


def presented_token(scope: Scope, headers: dict[str, str]) -> str | None:
    """The token of a request: its header, else its cookie, else ``?token=`` where the page is opened."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value:
        return value.strip()
    query = scope.get("query_string", b"").decode("latin-1")
    if scope["path"] == "/" and query.startswith("token="):
        return str(query.removeprefix("token="))
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if cookie is None else str(cookie.value)


def ingress_path(headers: dict[str, str]) -> str:
    """The path under which Home Assistant's ingress shows the page; empty where it is none or no path."""
    path = headers.get("x-ingress-path", "").rstrip("/")
    return path if _INGRESS.fullmatch(path) else ""


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _foreign_page(scope: Scope, headers: dict[str, str]) -> Refusal | None:
    """A page of another origin may neither read nor ask."""
    origin = headers.get("origin")
    same = origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    site = headers.get("sec-fetch-site", "same-origin")
    opened = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
    if not same or (site == "cross-site" and not opened):
        return Refusal(403, "this was asked by a page of another origin, open the gateway's own page")
    if scope["method"] not in ("GET", "HEAD") and headers.get("x-adaptd-ask") != "1":
        return Refusal(403, "a change needs the header X-Adaptd-Ask: 1, which no foreign page can send")
    return None


def _too_large(headers: dict[str, str]) -> Refusal | None:
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdigit() or int(length[:9]) > MAX_BODY_BYTES:
        return Refusal(413, f"the body is larger than {MAX_BODY_BYTES} bytes or has no length, send less")
    return None


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that ``text`` is; None where it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_loopback(text: str) -> bool:
    """Whether that is an address of this machine alone."""
    address = address_of(text)
    return address is not None and address.is_loopback


async def refuse(send: Send, refusal: Refusal) -> None:
    payload = f"{refusal.words}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(payload)).encode())]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="adaptd"'))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})


def _sealed(send: Send, *, framed: bool, path: str) -> Send:
    policy = POLICY.format(frame="'self'" if framed else "'none'")
    fixed = [
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"cache-control", b"no-cache" if path.startswith("/static/") else b"no-store"),
    ]

    async def sealed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            own = any(name == b"content-security-policy" for name, _ in given)
            message["headers"] = given + fixed + ([] if own else [(b"content-security-policy", policy.encode())])
        await send(message)

    return sealed
