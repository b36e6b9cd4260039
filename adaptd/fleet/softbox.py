"""A software box: a log in memory with real keys, real trees and real signatures, and hours that a small model makes up.

For demonstrations, figures and tests. It says what a gateway says, byte for byte of the same form; only the numbers are invented.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adaptd.fleet import wire
from adaptd.fleet.verify import holds
from adaptd.log.format.epochs import HandOver
from adaptd.log.format.keys import Signer
from adaptd.log.format.note import checkpoint_body, verifier_key_text
from adaptd.log.format.tree import CompactRange, leaf_hash, node_hash

HOUR_MS = 3_600_000
Message = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Make:
    """What kind of box it is, and how it does."""

    board: str = "orin-nx-16gb"
    model: str = "pet-bowl"
    joule_per_inference: float = 0.36
    heat_c: float = 55.0
    drift_c_per_hour: float = 0.0
    night_int8: bool = True
    broken_bands: tuple[str, ...] = ()


@dataclass(slots=True)
class SoftBox:
    """One box. ``check`` says why a policy's text is refused, empty where it is good."""

    make: Make = field(default_factory=Make)
    now_ms: int = 1_795_910_400_000
    check: Callable[[str], str] = lambda text: ""
    stream: str = "5f0b0c00"
    policy: tuple[str, str] = ("feeder", "43" * 32)
    root: Signer = field(default_factory=Signer.generate)
    gateway: Signer = field(default_factory=Signer.generate)
    number: int = 0
    hours: int = 0
    offered: dict[str, Any] = field(default_factory=dict)
    own_policy: tuple[str, str] = ("", "")
    leaves: list[bytes] = field(default_factory=list)
    _lines: list[str] = field(default_factory=list)
    _handovers: list[tuple[int, str]] = field(default_factory=list)
    _told: int = 0
    log_pub: str = ""
    name: str = ""
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        self.log_pub = verifier_key_text(self.root.verifier_key)
        self.name = wire.box_named_after(self.log_pub)
        self.signer = self.root
        self.own_policy = self.policy
        self.record("start")
        self.record("order", order="gateway_key", public=base64.b64encode(self.gateway.public).decode(), by="uid 0")

    def record(self, kind: str, **fields: Any) -> None:
        line = json.dumps({"kind": kind, "seq": len(self.leaves), "v": 1, **fields}, sort_keys=True, separators=(",", ":"))
        self._lines.append(line)
        self.leaves.append(leaf_hash(line.encode()))

    def hand_over(self) -> None:
        new = Signer.generate(self.root.name, self.signer.epoch + 1)
        body = HandOver(self.root.name, new.epoch, len(self.leaves), self.tree_root(), new.public).body
        note = self.signer.sign(body)
        self._handovers.append((len(self.leaves), note))
        self.record("epoch", epoch=new.epoch, note=note)
        self.signer = new

    def tree_root(self) -> bytes:
        tree = CompactRange()
        for leaf in self.leaves:
            tree.append_hash(leaf)
        return tree.root()

    def checkpoint(self, start: int | None = None) -> Message:
        """A signed checkpoint with its growth from ``start`` records on (default: from the one before)."""
        size, start = len(self.leaves), self._told if start is None else start
        blocks, shown = _blocks(self.leaves, self._lines, start)
        note = self.signer.sign(checkpoint_body(self.root.name, size, self.tree_root()))
        self._told = size
        self.record("checkpoint", note=note)
        words = {
            "v": 1, "key": f"checkpoint:{self.root.name}:{size}:{start}", "utc_ms": self.now_ms, "box": self.name,
            "origin": self.root.name, "records": size, "made_utc_ms": self.now_ms, "note": note, "log_pub": self.log_pub,
            "handovers": [text for at, text in self._handovers if at >= start],
            "growth": {"from": start, "blocks": blocks, "shown": shown},
        }  # fmt: skip
        return wire.topic_of(self.name, wire.CHECKPOINT), json.dumps(words, ensure_ascii=False).encode()

    def hour(self, **changes: Any) -> Message:
        return self.sealed(wire.SUMMARY, {**self.summary(), **changes})

    def sealed(self, name: str, words: dict[str, Any]) -> Message:
        """Something that this box says, under its gateway's key."""
        topic = wire.topic_of(self.name, name)
        return topic, wire.sealed(topic, words, self.gateway)

    def summary(self) -> dict[str, Any]:
        """What the hour was like; the clock moves on."""
        make, begin_ms = self.make, self.now_ms
        self.number, self.now_ms, self.hours = self.number + 1, begin_ms + HOUR_MS, self.hours + 1
        noon = abs(12 - (begin_ms // HOUR_MS - 2) % 24) / 12  # 1 at two at night, 0 at two in the afternoon
        heat_c = round(make.heat_c + make.drift_c_per_hour * self.hours - 5 * noon, 2)
        frames = 15 * 3600 - round(9_000 * noon)
        night = 0 if not make.night_int8 else frames // 4
        limit = {"limit_ppm": 5000, "allowed_frames": 270}
        bands = {"bright": (frames // 2, frames // 2), "night": (frames // 2, night)}
        account = {
            band: {"delivered": count, "efficient": served, "shadowed": count // 50, "differed": 3, "bound_ppm": 1800,
                   "bound_frames": 400 if band in make.broken_bands else 97, **limit}
            for band, (count, served) in bands.items()
        }  # fmt: skip
        return {
            "v": 1, "key": f"summary:{self.name}:{begin_ms}", "utc_ms": self.now_ms, "box": self.name, "stream": self.stream,
            "first": self.number, "last": self.number, "from_utc_ms": begin_ms, "to_utc_ms": self.now_ms, "observed_s": 3600.0,
            "energy": {"energy_j": round(frames * make.joule_per_inference, 1), "measured_s": 3600.0},
            "heat": {"mean_c": heat_c, "max_c": heat_c + 4, "measured_s": 3600.0},
            "frames": {"delivered_frames": frames, "missed_frames": 2, "dropped_frames": 0, "shadow_frames": frames // 50},
            "swaps": 2, "engines_s": {"int8": 2700.0, "fp16": 900.0}, "modes_s": {"efficient": 3600.0},
            "bands_s": {"bright": 1800.0, "night": 1800.0}, "conditions_broken_s": {}, "faults": {}, "refusals": {},
            "engines_frames": {"int8": frames * 3 // 4, "fp16": frames // 4}, "gaps_s": {}, "account": account,
            "versions": {"adaptd": "0.1.0", "policy": self.policy[0], "policy_sha256": self.policy[1], "backend": "ort",
                         "precision": {}, "board": make.board, "model": make.model},
            "simulated": True, "merged": 1,
        }  # fmt: skip

    def offer(self, payload: bytes, public: bytes, suits: Callable[[str], bool]) -> list[Message]:
        """What it answers to an offer of the server with this key; ``suits`` is whether its limits hold under the policy."""
        topic = wire.topic_of(self.name, wire.OFFER)
        if not holds(topic, payload, public):
            return []
        words = json.loads(payload)
        if words["issued"] <= self.offered.get("issued", 0):
            return []
        self.offered = words
        if words["action"] == "withdraw":
            self.policy = self.own_policy
            return []
        if refused := self.check(words["text"]):
            return [self._report(words, "refused", refused)]
        self.policy = (words["name"], words["sha256"])
        if suits(words["text"]):
            return [self._report(words, "accepted", "adopted"), self._report(words, "good", "no limit was broken")]
        self.policy = self.own_policy
        return [self._report(words, "accepted", "adopted"), self._report(words, "back", "a limit was broken")]

    def _report(self, offer: dict[str, Any], outcome: str, words: str) -> Message:
        key = f"rollout:{self.name}:{offer['rollout']}:{outcome}"
        found = {"v": 1, "key": key, "box": self.name, "rollout": offer["rollout"], "outcome": outcome, "words": words}
        return self.sealed(wire.ROLLOUT, found)


def _blocks(leaves: list[bytes], lines: list[str], start: int) -> tuple[list[list[Any]], list[int]]:
    """The growth from ``start`` to the end in aligned blocks; the record of a gateway's key is shown."""
    blocks: list[tuple[int, bytes | str]] = []
    shown: list[int] = []
    for at in range(start, len(leaves)):
        if '"gateway_key"' in lines[at]:
            shown.append(len(blocks))
            blocks.append((1, lines[at]))
            continue
        count, root, begins = 1, leaves[at], at
        while len(blocks) - 1 > (shown[-1] if shown else -1) and blocks[-1][0] == count and (begins - count) % (2 * count) == 0:
            left = blocks.pop()[1]
            assert isinstance(left, bytes)
            root, begins, count = node_hash(left, root), begins - count, 2 * count
        blocks.append((count, root))
    return [[count, root.hex() if isinstance(root, bytes) else root] for count, root in blocks], shown
