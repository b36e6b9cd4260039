"""Names: which topics one box speaks on, and one message as it goes over the network: finite, and never over 64 kB. Pure."""

import json
import re
from typing import Any, NamedTuple

PREFIX = "adaptd/v1"
HOME_ASSISTANT = "homeassistant"
ONLINE, OFFLINE = "online", "offline"

_BOX = re.compile(r"[a-z0-9_-]{1,40}")
_NAME = re.compile(r"[^a-z0-9_]+")
MAX_PAYLOAD_BYTES = 65_536
MAX_TEXT = 500  # characters of one text of somebody else's in a payload


class Outgoing(NamedTuple):
    """One message to publish. An empty payload with ``retain`` removes what the broker holds for the topic."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 0


class Topics(NamedTuple):
    """The topics of ``box``; everything but discovery lies below ``root``."""

    box: str
    discovery: str = HOME_ASSISTANT

    @property
    def root(self) -> str:
        return f"{PREFIX}/{self.box}"

    @property
    def available(self) -> str:
        """Retained; the broker says ``offline`` here when the gateway is gone (last will)."""
        return f"{self.root}/available"

    @property
    def daemon(self) -> str:
        """Retained; ``offline`` while the gateway runs and the daemon does not answer."""
        return f"{self.root}/daemon"

    @property
    def config(self) -> str:
        """Home Assistant's device discovery."""
        return f"{self.discovery}/device/adaptd_{self.box}/config"

    @property
    def birth(self) -> str:
        """Home Assistant says ``online`` here when it has started."""
        return f"{self.discovery}/status"

    @property
    def commands(self) -> str:
        return f"{self.root}/set/"

    @property
    def witness(self) -> str:
        """Retained; the fleet's server countersigns checkpoints here."""
        return f"{self.root}/witness"

    @property
    def offer(self) -> str:
        """Retained; the fleet's server offers policies here."""
        return f"{self.root}/offer"

    def of(self, name: str) -> str:
        return f"{self.root}/{name}"

    def message(self, name: str, words: dict[str, Any], *, retain: bool = False, qos: int = 0) -> Outgoing:
        """A JSON object for ``name``."""
        return Outgoing(self.of(name), payload_of(words), retain, qos)


def is_box(text: str) -> bool:
    """Whether ``text`` can name a box in a topic: no slash, no wildcard, no upper case."""
    return _BOX.fullmatch(text) is not None


def slug(text: str, most: int = 40) -> str:
    """A name of somebody else's choice, for use in an identifier: lower case, digits, underscore."""
    return _NAME.sub("_", text.lower()).strip("_")[:most] or "unnamed"


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
