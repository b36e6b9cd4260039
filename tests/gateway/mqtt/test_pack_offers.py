"""A pack from above on the box's side: fetched whole or not at all, put on trial by a command, watched, kept or given back."""

import asyncio
import functools
import http.server
import json
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adaptd.client import ApiError
from adaptd.gateway.child import Done
from adaptd.gateway.mqtt.offer import MAX_PACK_BYTES, read
from adaptd.gateway.mqtt.pack_offers import START_S, PackOffers, Packs
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.outbox import Outbox
from adaptd.gateway.post import UnreachableError, fetch
from tests.gateway.mqtt.documents import document

DATA = b"a pack, as far as this side knows\n" * 100
DIGEST = sha256(DATA).hexdigest()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *words: object) -> None:
        """Nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """An address with one file."""
    place = tmp_path / "mirror"
    place.mkdir()
    (place / "good.pack").write_bytes(DATA)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(place)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Rig:
    """A box whose commands and daemon say what the test wants, with a clock that it moves."""

    def __init__(self, folder: Path, mirror: str) -> None:
        self.packs, self.mirror, self.now_s = folder / "packs", mirror, 0.0
        self.commands: list[tuple[str, ...]] = []
        self.restarts: list[str] = []
        self.refuses, self.restartable = "", True
        self.outbox = Outbox(folder / "outbox.db")
        self.packs.mkdir()
        self.again()

    def again(self) -> None:
        packs = Packs(self.packs, Path("owner.pem"))
        self.side = PackOffers(
            Topics("0a1b2c3d4e5f"), self.outbox, packs, self.send, lambda _: None, self.run, lambda: self.now_s
        )

    def send(self, verb: str, body: dict[str, Any]) -> None:
        if not self.restartable:
            raise ApiError("uid 7 may not change anything")
        self.restarts.append(body["reason"])

    async def run(self, words: tuple[str, ...], deadline_s: float) -> Done:
        self.commands.append(words[1:3])
        return Done(1 if self.refuses and words[1] == "take" else 0, b"", self.refuses)

    def offer(self, **changes: Any) -> list[str]:
        words = {"v": 1, "box": "0a1b2c3d4e5f", "rollout": 3, "issued": 5, "kind": "pack", "name": "good", "sha256": DIGEST}
        words |= {"action": "take", "probation_s": 60, "bytes": len(DATA), "url": f"{self.mirror}/good.pack", **changes}
        offer = read(json.dumps(words).encode())
        assert offer

        async def all_of_it() -> list[str]:
            found = [one.body["outcome"] for one in await self.side.take(offer)]
            for _ in range(400 if words["action"] == "take" else 0):
                found += [one.body["outcome"] for one in await self.side.watch(document())]
                if found or self.side._offer["stage"] != "asked":
                    break
                await asyncio.sleep(0.01)
            return found

        return asyncio.run(all_of_it())

    def look(self, passed_s: float = 1.0, *, slot: dict[str, Any] | None = None, **changes: Any) -> list[tuple[str, str]]:
        self.now_s += passed_s
        if slot is not None:
            (self.packs / "state.json").write_text(json.dumps(slot))
        found = asyncio.run(self.side.watch(document(**changes)))
        return [(one.body["outcome"], one.body["words"]) for one in found]


RUNS = {"chosen": DIGEST, "running": DIGEST}


@pytest.fixture
def rig(tmp_path: Path, mirror: str) -> Iterator[Rig]:
    """A box that takes packs."""
    one = Rig(tmp_path, mirror)
    yield one
    one.outbox.close()


def test_a_pack_is_fetched_tried_and_kept(rig: Rig) -> None:
    """Taken by the command, a new start, a probation without a broken limit, kept; nothing of the download stays behind."""
    assert rig.offer() == []
    assert [verb for verb, _ in rig.commands] == ["take"]
    assert rig.restarts == ["pack good"]
    assert list((rig.packs / "incoming").iterdir()) == []
    assert [outcome for outcome, _ in rig.look(slot=RUNS)] == ["accepted"]
    rig.again()
    assert [outcome for _ in range(8) for outcome, _ in rig.look(10)] == ["good"]
    assert rig.commands[-1] == ("keep", DIGEST)
    assert rig.side.overrides(4)
    assert not rig.side.overrides(6)
    assert rig.offer() == [], "the same offer again is passed over"


def test_a_pack_that_was_brought_needs_no_address(rig: Rig) -> None:
    """hawkBit, Mender or a stick put it into ``incoming``; without it and without an address the box says so."""
    assert rig.offer(url="") == ["refused"]
    (rig.packs / "incoming").mkdir(exist_ok=True)
    (rig.packs / "incoming" / f"{DIGEST}.pack").write_bytes(DATA)
    assert rig.offer(url="", issued=6) == []
    assert [verb for verb, _ in rig.commands] == ["take"]


def test_what_the_box_will_not_have_is_reported_with_its_reason(rig: Rig) -> None:
    """Its own check says no; the mirror has something else; the daemon may not be restarted: the old pack is chosen again."""
    rig.refuses = "board: the pack was measured on thor, this is orin"
    assert rig.offer() == ["refused"]
    assert rig.restarts == []
    rig.refuses = ""
    assert rig.offer(issued=6, sha256="0" * 64) == ["refused"]
    rig.restartable = False
    assert rig.offer(issued=7) == ["refused"]
    assert [verb for verb, _ in rig.commands] == ["take", "take", "back"]


def test_a_start_that_sets_it_aside_and_one_that_never_comes_are_refusals(rig: Rig) -> None:
    """`adaptd run` says why in its state; a daemon that does not begin with the pack is given the old one back."""
    rig.offer()
    assert rig.look(slot={"refused": DIGEST, "why": "thermal.limit_c: 90 C is offered"}) == [
        ("refused", "thermal.limit_c: 90 C is offered")
    ]
    rig.offer(issued=6)
    assert rig.look(5, slot={"chosen": DIGEST, "running": ""}) == []
    assert [outcome for outcome, _ in rig.look(START_S + 1)] == ["refused"]
    assert rig.commands[-1][0] == "back"


def test_a_broken_limit_and_a_withdrawal_bring_the_old_one_back(rig: Rig) -> None:
    """In the probation or long after it."""
    rig.offer()
    rig.look(slot=RUNS)
    assert [outcome for outcome, _ in rig.look(5, state="protect")] == ["back"]
    assert (rig.commands[-1][0], len(rig.restarts)) == ("back", 2)
    assert rig.look(5) == []
    rig.offer(issued=6)
    rig.look(slot=RUNS)
    assert rig.offer(issued=7, action="withdraw") == ["back"]
    assert rig.offer(issued=8, action="withdraw") == []
    rig.offer(issued=9)
    rig.look(slot=RUNS)
    assert rig.look(slot={**RUNS, "chosen": "", "refused": DIGEST, "why": "it was started 3 times"}) == [
        ("back", "it was started 3 times")
    ]


@pytest.mark.parametrize(
    "changes",
    [{"bytes": MAX_PACK_BYTES + 1}, {"bytes": 0}, {"sha256": "../../x"}, {"url": 5}, {"kind": "firmware"}, {"probation_s": True}],
)
def test_an_offer_of_another_form_is_none(changes: dict[str, Any]) -> None:
    """Files are named after its hash, and memory is given by its length: both are checked before anything else."""
    words = {"v": 1, "rollout": 3, "issued": 5, "kind": "pack", "name": "x", "sha256": DIGEST, "action": "take"}
    words |= {"probation_s": 60, "bytes": 10, "url": ""}
    assert read(json.dumps(words).encode())
    assert read(json.dumps({**words, **changes}).encode()) == {}


def test_a_file_gets_its_name_only_whole(mirror: str, tmp_path: Path) -> None:
    """Too long, too short, another one, not there, no address: one line, and nothing lies there."""
    target = tmp_path / "got"
    for url, length, digest in (
        (f"{mirror}/good.pack", len(DATA) - 1, DIGEST),
        (f"{mirror}/good.pack", len(DATA) + 1, DIGEST),
        (f"{mirror}/good.pack", len(DATA), "0" * 64),
        (f"{mirror}/none.pack", len(DATA), DIGEST),
        ("file:///etc/hostname", 5, DIGEST),
    ):
        with pytest.raises(UnreachableError, match="cannot be had"):
            fetch(url, target, length, digest)
    assert [one.name for one in tmp_path.iterdir()] == ["mirror"]
    fetch(f"{mirror}/good.pack", target, len(DATA), DIGEST)
    assert target.read_bytes() == DATA
