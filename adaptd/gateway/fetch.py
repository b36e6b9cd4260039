"""One file from the outside, of a length and a hash that are known before: nothing else ever gets its name."""

import hashlib
import http.client
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

from adaptd.gateway.post import DEADLINE_S, UnreachableError

PIECE = 1 << 16
LONGEST_S = 3_600.0  # for the whole of it, however slowly it comes


def fetch(url: str, target: Path, length: int, digest: str) -> None:
    """Write what an http or https address gives to ``target``, which is there only if every byte is right. No redirects.

    Raises:
        UnreachableError: nobody answered, or it is not the file that was announced. One line.
    """
    draft = target.with_name(f".{target.name}.part")
    try:
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname or where.username is not None:
            raise ValueError("not an http or https address")
        target.parent.mkdir(parents=True, exist_ok=True)
        line = _connection(where.scheme, where.hostname, where.port)
        line.request("GET", f"{where.path or '/'}{'?' + where.query if where.query else ''}", headers={"User-Agent": "adaptd"})
        answer = line.getresponse()
        if answer.status != 200:
            raise ValueError(f"answered {answer.status}")
        if _written(answer, draft, length) != digest:
            raise ValueError("is not the file that was announced")
        draft.replace(target)
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = " ".join(f"{error}".split()) or type(error).__name__
        raise UnreachableError(f"{url}: cannot be had ({why})") from None
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


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=DEADLINE_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=DEADLINE_S)
