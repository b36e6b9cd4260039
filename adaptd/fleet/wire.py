"""What comes from a box and what goes to it: topics, the signature inside a JSON object, and the fields a message must have.

docs/fleet.md names every key. Keys may be added under the same version; a later version is kept aside, never guessed at.
"""

import base64
import json
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from typing import Any

from adaptd.log.format.keys import Signer

PREFIX = "adaptd/v1"
SUMMARY, CHECKPOINT, ROLLOUT, TWIN = "summary", "checkpoint", "rollout", "twin"  # a box says these
WITNESS, OFFER = "witness", "offer"  # the server says these
SCHEMA = 1
MAX_PAYLOAD = 65_536 + 256

_OPEN, _CLOSE = b',"sig":"', b'"}'
_TAIL = len(_OPEN) + 88 + len(_CLOSE)


class Refused(Enum):
    """Why a message is put aside, in words for a person."""

    NOT_JSON = "is no JSON object of at most 64 kB"
    LATER_SCHEMA = "is of a later schema than this server knows: update adaptd on the server, the message is kept"
    OTHER_BOX = "names another box than its topic"
    SHAPE = "lacks a field, or has one of another type"
    SIGNATURE = "is not signed by the key that the box's log has on record"
    NOT_PROVEN = "comes from a box whose log has no gateway key on record yet: it is kept until the log shows one"
    WAITS = "comes after hours that are missing: the box is asked for them, it is kept until they are there"
    KEY = "does not carry the log's public key that this box is named after: enrol the box with `adaptd fleet enrol`"
    AHEAD = "is dated more than a day ahead: set the box's clock, the next one counts"
    NOTE = "carries a checkpoint that the log's key did not sign"


class WireError(Exception):
    """A message cannot be used; ``why`` says it."""

    def __init__(self, why: Refused) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True)
class Heard:
    """One message as it came. ``received_ms`` is the server's wall clock (UTC)."""

    box: str
    name: str
    payload: bytes
    received_ms: int

    @property
    def topic(self) -> str:
        return topic_of(self.box, self.name)

    @property
    def digest(self) -> str:
        """Tells two payloads apart."""
        return sha256(self.payload).hexdigest()


def topic_of(box: str, name: str) -> str:
    """``adaptd/v1/<box>/<name>``."""
    return f"{PREFIX}/{box}/{name}"


def box_named_after(log_pub: str) -> str:
    """The name of the box whose log has this public key: the first 12 hex digits of SHA-256 over the key's text."""
    return sha256(log_pub.strip().encode()).hexdigest()[:12]


def parse(heard: Heard) -> dict[str, Any]:
    """The object inside, of this schema and of this box.

    Raises:
        WireError: it cannot be read, is of a later schema, or says that it is somebody else's.
    """
    try:
        text = heard.payload.decode() if len(heard.payload) <= MAX_PAYLOAD else ""
        words = json.loads(text)
        if "\\ud" in text or "\\uD" in text:  # half a pair of surrogates is no text that could be written again
            json.dumps(words, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, dict):
        raise WireError(Refused.NOT_JSON)
    version = words.get("v")
    if not isinstance(version, int) or version < 1:
        raise WireError(Refused.SHAPE)
    if version > SCHEMA:
        raise WireError(Refused.LATER_SCHEMA)
    if words.get("box") != heard.box:
        raise WireError(Refused.OTHER_BOX)
    return words


def signed_part(payload: bytes) -> tuple[bytes, bytes] | None:
    """The object without its signature, and the signature's 64 bytes; None where the last member is no signature."""
    tail = payload[-_TAIL:]
    if not (tail.startswith(_OPEN) and tail.endswith(_CLOSE)):
        return None
    try:
        return payload[:-_TAIL] + b"}", base64.b64decode(tail[len(_OPEN) : -len(_CLOSE)], validate=True)
    except ValueError:
        return None


def sealed(topic: str, words: dict[str, Any], signer: Signer) -> bytes:
    """A JSON object for ``topic`` with its signature as the last member."""
    head = json.dumps(words, separators=(",", ":")).encode()
    return head[:-1] + _OPEN + base64.b64encode(signer.sign_bytes(topic.encode() + b"\n" + head)) + _CLOSE


def whole(words: dict[str, Any], key: str, least: int = 0) -> int:
    """A whole number of a message; raises WireError unless it is one of at least ``least``."""
    value = words.get(key)
    if type(value) is not int or not least <= value < 1 << 53:
        raise WireError(Refused.SHAPE)
    return value


def table(words: dict[str, Any], key: str) -> dict[str, Any]:
    """An object inside a message; raises WireError unless it is one."""
    value = words.get(key)
    if not isinstance(value, dict):
        raise WireError(Refused.SHAPE)
    return value


@lru_cache(maxsize=65_536)
def key_bytes(text: str) -> bytes:
    """A public key from its base64; empty where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
