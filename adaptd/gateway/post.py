"""The outside over HTTP, bounded in time and size, without redirects: a request, or one file that is known before.

Only the rooms ``gateway`` and ``fleet`` open network sockets; the commands and helper processes that need one come through here.
"""

import hashlib
import http.client
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from adaptd.gateway import one_line

DEADLINE_S = 10.0
MAX_ANSWER = 65_536
PIECE = 1 << 16
LONGEST_S = 3_600.0  # for the whole of a file, however slowly it comes


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
        answer = _asked(url, "POST", body, {"Content-Type": kind})
        return Answer(answer.status, answer.read(MAX_ANSWER + 1)[:MAX_ANSWER])
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or " ".join(f"{error}".split()) or "the connection ended"
        raise UnreachableError(f"{url}: no answer ({why}), check the address and that it is running there") from None


def _asked(url: str, method: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
    where = urlsplit(url)
    if where.scheme not in ("http", "https") or not where.hostname or where.username is not None:
        raise ValueError("not an http or https address")
    line = http.client.HTTPConnection(where.hostname, where.port, timeout=DEADLINE_S)
    if where.scheme == "https":
        context = ssl.create_default_context()
        line = http.client.HTTPSConnection(where.hostname, where.port, timeout=DEADLINE_S, context=context)
    path = f"{where.path or '/'}{'?' + where.query if where.query else ''}"
    line.request(method, path, body, {"User-Agent": "adaptd", **headers})
    return line.getresponse()


def fetch(url: str, target: Path, length: int, digest: str) -> None:
    """Write what an http or https address gives to ``target``, which is there only if every byte is right. No redirects.

    Raises:
        UnreachableError: nobody answered, or it is not the file that was announced. One line.
    """
    draft = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        answer = _asked(url, "GET", None, {})
        if answer.status != 200:
            raise ValueError(f"answered {answer.status}")
        if _written(answer, draft, length) != digest:
            raise ValueError("is not the file that was announced")
        draft.replace(target)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnreachableError(f"{url}: cannot be had ({one_line(error)})") from None
    finally:
        draft.unlink(missing_ok=True)


def _written(answer: http.client.HTTPResponse, draft: Path, length: int) -> str:
    """The hash of what came, which is ``length`` bytes exactly."""
    found, count, ends_s = hashlib.sha256(), 0, time.monotonic() + LONGEST_S
    with draft.open("wb") as file:
        while piece := answer.read(PIECE):
            count += len(piece)
            if count > length or time.monotonic() > ends_s:
                raise ValueError(f"more than {length} bytes, or longer than {LONGEST_S:g} s")
            found.update(piece)
            file.write(piece)
    if count != length:
        raise ValueError(f"{count} bytes of {length}")
    return found.hexdigest()
