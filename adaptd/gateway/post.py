"""One HTTP request to the outside, bounded in time and size, without redirects: how a checkpoint reaches a witness.

Only the rooms ``gateway`` and ``fleet`` open network sockets; the commands and helper processes that need one come through here.
"""

import http.client
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

DEADLINE_S = 10.0
MAX_ANSWER = 65_536


class UnreachableError(RuntimeError):
    """Nobody answered in time. One line."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body, at most ``MAX_ANSWER`` bytes of it."""

    status: int
    body: bytes


def post(url: str, body: bytes, kind: str) -> Answer:
    """Send ``body`` of media type ``kind`` to an http or https address.

    Raises:
        UnreachableError: the address is none, or nobody answered within ``DEADLINE_S``.
    """
    try:
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname or where.username is not None:
            raise ValueError("not an http or https address")
        line = _connection(where.scheme, where.hostname, where.port)
        path = f"{where.path or '/'}{'?' + where.query if where.query else ''}"
        line.request("POST", path, body, {"Content-Type": kind, "User-Agent": "adaptd"})
        answer = line.getresponse()
        return Answer(answer.status, answer.read(MAX_ANSWER + 1)[:MAX_ANSWER])
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or " ".join(f"{error}".split()) or "the connection ended"
        raise UnreachableError(f"{url}: no answer ({why}), check the address and that it is running there") from None


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=DEADLINE_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=DEADLINE_S)
