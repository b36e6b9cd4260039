"""What other programs left: alerts in ``<state>/alerts`` go into the outbox, figures in ``<state>/views`` to the page."""

import base64
import binascii
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adaptd.client import ALERTS_FOLDER, MAX_ALERT_PICTURE_BYTES, MAX_VIEW_BYTES, VIEWS, VIEWS_FOLDER
from adaptd.gateway import one_line
from adaptd.gateway.outbox import Outbox

MAX_FILE_BYTES = MAX_ALERT_PICTURE_BYTES * 4 // 3 + 65_536
MOST_AT_ONCE = 100
REFUSED = ".refused"


def fetch_alerts(state: Path, outbox: Outbox, say: Callable[[str], None], box: str | None = None) -> int:
    """Move what waits into the outbox; returns how many were new. A file leaves the folder only once it is durable there.

    A file that is no alert is set aside with the ending ``.refused``, and why is said.

    Raises:
        OutboxError: the outbox takes no more; the files stay where they are.
    """
    new = 0
    for path in _waiting(state / ALERTS_FOLDER):
        try:
            words = read_object(path, MAX_FILE_BYTES)
            picture = base64.b64decode(words["picture_base64"], validate=True) if words.get("picture_base64") else None
            new += outbox.put_alert(
                str(words["key"]), str(words["kind"]), str(words["text"]), words.get("rests_on") or {}, picture, box
            )
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # another process of the gateway fetched it
        except (OSError, ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
            say(f"{path}: is no alert ({one_line(error)[:200]}), set aside as {path.name}{REFUSED}")
            _set_aside(path, say)
    return new


def _waiting(folder: Path) -> list[Path]:
    """The oldest complete files; drafts begin with a dot."""
    try:
        names = [name for name in os.listdir(folder) if name.endswith(".json") and not name.startswith(".")]
    except OSError:
        return []
    return [folder / name for name in sorted(names)[:MOST_AT_ONCE]]


def read_plain(path: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file of bounded size; a link, a pipe or a device is not followed or waited for.

    Raises:
        OSError, ValueError: it cannot be read, or is no such thing.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
            raise ValueError(f"not a file of at most {max_bytes} bytes")
        return file.read(max_bytes)


def object_of(text: bytes) -> dict[str, Any]:
    """The JSON object that ``text`` is; an empty one where it is none."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return words if isinstance(words, dict) else {}


def read_object(path: Path, max_bytes: int) -> dict[str, Any]:
    """The JSON object in such a file.

    Raises:
        OSError, ValueError, TypeError, RecursionError: it cannot be read, or is no such thing.
    """
    words = json.loads(read_plain(path, max_bytes))
    if not isinstance(words, dict):
        raise TypeError("not a JSON object")
    return words


def _set_aside(path: Path, say: Callable[[str], None]) -> None:
    try:
        path.rename(path.with_name(path.name + REFUSED))
    except OSError as error:
        say(f"{path}: cannot be set aside ({error.strerror}), remove it")


def read_view(state: Path, name: str) -> dict[str, Any] | None:
    """The newest figures of an application; None where it left none, or what lies there is no view."""
    if name not in VIEWS:
        return None
    try:
        return read_object(state / VIEWS_FOLDER / f"{name}.json", MAX_VIEW_BYTES)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
