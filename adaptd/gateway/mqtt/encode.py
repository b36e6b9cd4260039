"""JSON as it goes over the network: small, finite, and never over 64 kB. Pure."""

import json
from typing import Any

MAX_PAYLOAD_BYTES = 65_536
MAX_TEXT = 500  # characters of one text of somebody else's in a payload


def payload_of(words: dict[str, Any]) -> bytes:
    """The object as UTF-8 JSON.

    Raises:
        ValueError: it is over 64 kB, or holds a number that is not finite.
    """
    payload = json.dumps(words, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload of {len(payload)} bytes, at most {MAX_PAYLOAD_BYTES} are sent")
    return payload


def short(text: Any) -> str:
    """A text cut to what one payload may carry of it."""
    words = str(text)
    return words if len(words) <= MAX_TEXT else words[: MAX_TEXT - 3] + "..."
