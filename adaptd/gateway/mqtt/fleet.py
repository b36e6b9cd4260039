"""This box as one of a fleet: proof with every checkpoint, the witness's answer kept, the gateway's key put on record.

Off unless the owner gives ``--fleet``. What is shown of the log are hashes, and the one record that names the gateway's key.
"""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.client import ApiError, write_whole
from adaptd.gateway.mqtt.checkpoints import Checkpoint, TwinReader
from adaptd.gateway.mqtt.growth import Growth, GrowthError, growth
from adaptd.gateway.mqtt.identity import PUBLIC_KEY
from adaptd.gateway.mqtt.offer import Send
from adaptd.gateway.mqtt.seal import GatewayKey, cosigned
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.mqtt.watch import MustArrive
from adaptd.gateway.outbox import CHECKPOINT, Outbox
from adaptd.gateway.secret_file import SettingsError
from adaptd.gateway.spool import object_of

SHOWN = b'"gateway_key"'
WITNESSED = "witnessed.note"
KEPT_TOLD, KEPT_KEY = "fleet_told", "fleet_key"
HANDOVERS_A_MESSAGE = 100
ASK_AGAIN_S = 600.0
AGAIN_S = 10.0
COSIGNATURE = 4


@dataclass(frozen=True, slots=True)
class FleetKey:
    """The server's public key from its ``fleet.pub``: ``name+hash+base64``."""

    name: str
    key_id: bytes
    public: bytes


def fleet_key(path: Path) -> FleetKey:
    """Read ``fleet.pub``.

    Raises:
        SettingsError: it cannot be read or is no such key.
    """
    try:
        name, digest, text = path.read_text(encoding="utf-8").strip().split("+", 2)
        data = base64.b64decode(text, validate=True)
        key = FleetKey(name, bytes.fromhex(digest), data[1:])
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: is no fleet's public key ({error}), copy fleet.pub from the server") from None
    if len(data) != 33 or data[0] != COSIGNATURE or len(key.key_id) != 4:
        raise SettingsError(f"{path}: is no fleet's public key, copy fleet.pub from the server")
    return key


class FleetSide:
    """One box's side. ``send(verb, body)`` asks the daemon; ``key`` is the server's, where the owner has given it."""

    def __init__(
        self,
        topics: Topics,
        outbox: Outbox,
        state: Path,
        mine: GatewayKey,
        send: Send,
        say: Callable[[str], None],
        key: FleetKey | None = None,
    ) -> None:
        self.mine, self.key = mine, key
        self._topics, self._outbox, self._state, self._send, self._say = topics, outbox, state, send, say
        self.twins = TwinReader(topics.box, say)
        self._told = int(outbox.kept(KEPT_TOLD) or 0)
        self._latest: tuple[Path, Checkpoint] | None = None
        self._asked_s, self._again_s = -ASK_AGAIN_S, -AGAIN_S

    def begin(self) -> None:
        """Ask the daemon to put the gateway's key on record, unless that was done before."""
        if self._outbox.kept(KEPT_KEY) != self.mine.public:
            self._put_on_record()

    def checkpoint(self, folder: Path, one: Checkpoint) -> list[MustArrive]:
        """The messages of a new checkpoint: its note, and how the log grew to it from the one before."""
        self._latest = (folder, one)
        if one.size == self._told:
            return []
        return self._proof(folder, one, min(self._told, one.size))

    def heard(self, payload: bytes) -> list[MustArrive]:
        """The witness answers: its countersignature is kept; where it stands elsewhere, the proof is made from there."""
        words = object_of(payload)
        if "hours" in words:
            self._again(words)
            return []
        records, note = words.get("records"), words.get("note")
        if words.get("box") != self._topics.box or type(records) is not int or records < 0:
            return []
        if isinstance(note, str):
            self._keep(note)
        if alarm := words.get("alarm"):
            self._say(f"fleet: the witness does not countersign this log: {str(alarm)[:200]}")
        if words.get("key") is False:
            self._put_on_record()
        if "wanted" in words and self._latest is not None and records <= self._latest[1].size:
            self._say(f"fleet: the witness stands at {records} records, the proof is made from there")
            return self._proof(*self._latest, records)
        return []

    def _again(self, words: dict[str, Any]) -> None:
        """The server misses hours, for example because a broker was killed: they are sent again as far as they are known."""
        stream, after = words.get("stream"), words.get("hours")
        if words.get("box") != self._topics.box or not isinstance(stream, str) or type(after) is not int:
            return
        if time.monotonic() - self._again_s < AGAIN_S:
            return
        self._again_s = time.monotonic()
        number = self._outbox.again("mqtt", stream, after)
        self._say(f"fleet: the server misses hours after {after}, {number} are sent again")

    def _proof(self, folder: Path, one: Checkpoint, start: int) -> list[MustArrive]:
        try:
            found = growth(folder, start, one.size, SHOWN)
            log_pub = (folder / PUBLIC_KEY).read_text(encoding="utf-8").strip()
        except (GrowthError, OSError, UnicodeDecodeError) as error:
            self._say(f"fleet: the log's growth cannot be shown: {error}")
            return []
        self._told = one.size
        self._outbox.keep(KEPT_TOLD, one.size)
        return _messages(self._topics.box, one, found, log_pub)

    def _keep(self, note: str) -> None:
        """Keep the countersigned note beside the outbox, for `adaptd audit verify --witness`."""
        if self.key is not None and not cosigned(note, self.key.name, self.key.key_id, self.key.public):
            self._say("fleet: a countersignature is not the fleet's own, it is not kept")
            return
        path = self._state / WITNESSED
        try:
            write_whole(path, note.encode())
        except OSError as error:
            self._say(f"fleet: {path}: cannot be written ({error.strerror})")

    def _put_on_record(self) -> None:
        if time.monotonic() - self._asked_s < ASK_AGAIN_S:
            return
        self._asked_s = time.monotonic()
        try:
            body = {"public": self.mine.public, "by": "gateway", "reason": "summaries are signed with this key"}
            self._send("/v1/gateway_key", body)
            self._outbox.keep(KEPT_KEY, self.mine.public)
        except ApiError as error:
            self._say(f"fleet: the gateway's key is not on record: {error}")


def _messages(box: str, one: Checkpoint, found: Growth, log_pub: str) -> list[MustArrive]:
    """Hand-overs in messages of their own while they are many, then the checkpoint with the last of them."""
    common = {"box": box, "log_pub": log_pub}
    chain = list(found.handovers)
    messages = []
    while len(chain) > HANDOVERS_A_MESSAGE:
        part, chain = chain[:HANDOVERS_A_MESSAGE], chain[HANDOVERS_A_MESSAGE:]
        key = f"{one.key}:{found.start}:{len(chain)}"
        messages.append(MustArrive(CHECKPOINT, key, {**common, "handovers": part}))
    words = {**one.words(box), **common, "handovers": chain, "growth": found.words()}
    return [*messages, MustArrive(CHECKPOINT, f"{one.key}:{found.start}", words)]
