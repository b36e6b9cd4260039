"""Names: which topics one box speaks on, and one message to be published. Pure."""

import re
from typing import Any, NamedTuple

from adaptd.gateway.mqtt.encode import payload_of

PREFIX = "adaptd/v1"
HOME_ASSISTANT = "homeassistant"
ONLINE, OFFLINE = "online", "offline"

_BOX = re.compile(r"[a-z0-9_-]{1,40}")
_NAME = re.compile(r"[^a-z0-9_]+")


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
        """``adaptd/v1/<box>/<name>``."""
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
