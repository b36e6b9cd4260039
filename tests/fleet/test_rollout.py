"""Waves go on while boxes are well and end by themselves where not; a box takes nothing that loosens its owner's limits."""

import asyncio
import dataclasses
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adaptd.cli.main import main
from adaptd.client import ApiError
from adaptd.config.policy import parse_policy
from adaptd.config.shipped import policies_dir
from adaptd.daemon import offers
from adaptd.daemon.offers import loosened
from adaptd.fleet import rollout, store, wire
from adaptd.fleet.rollout import Outcome, Rollout, State, advance, groups_of
from adaptd.fleet.verify import holds
from adaptd.gateway.mqtt.offers import Offers
from adaptd.gateway.mqtt.topics import Topics
from adaptd.gateway.outbox import Outbox
from adaptd.log.format.keys import Signer
from adaptd.packs.make import make
from tests.conftest import ROOT
from tests.gateway.mqtt.documents import document
from tests.packs.test_packs import BUNDLE, PLACE, PROFILE, Owner

TEXT = (policies_dir() / "feeder.yaml").read_text()
OWN = parse_policy(TEXT)
BOXES = [f"box{number}" for number in range(200)]


def started(**changes: Any) -> Rollout:
    """A roll-out over 200 boxes: 2, 18, 180."""
    return dataclasses.replace(Rollout("tuned", TEXT, 1, groups_of(BOXES, "1"), issued=5), **changes)


def test_waves_are_shares_of_the_fleet_that_overlap_nowhere() -> None:
    """1 %, 10 % and all: each box once, at least one box in the first wave, in an order that the seed alone decides."""
    groups = groups_of(BOXES, "1")
    assert [len(group) for group in groups] == [2, 18, 180]
    assert sorted(box for group in groups for box in group) == sorted(BOXES)
    assert groups == groups_of(list(reversed(BOXES)), "1")
    assert groups != groups_of(BOXES, "2")
    assert [len(group) for group in groups_of(BOXES[:3], "1")] == [1, 2]


def test_a_wave_waits_for_its_boxes_and_then_the_next_begins() -> None:
    """Accepted is not good: probation must be over for nine of ten boxes before more of them are asked."""
    one, said = started(), {}
    for wave, group in enumerate(one.groups):
        said |= dict.fromkeys(group, Outcome.ACCEPTED)
        assert advance(one, said) == one
        said |= dict.fromkeys(group[: -(-len(group) * 9 // 10)], Outcome.GOOD)
        one = advance(one, said)
        assert (one.wave, one.state) == ((wave + 1, State.RUNNING) if wave < 2 else (2, State.FINISHED))


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.BACK])
@pytest.mark.parametrize("wave", [0, 1, 2])
def test_a_bad_policy_stops_in_its_wave_and_is_withdrawn_from_all_that_were_offered_it(outcome: Outcome, wave: int) -> None:
    """More than one box in twenty says no: nothing further is offered, and the withdrawal is newer than the offer."""
    one = started(wave=wave)
    few = dict.fromkeys(one.groups[wave][: len(one.groups[wave]) // 20], outcome)
    assert advance(one, few) == one
    stopped = advance(one, dict.fromkeys(one.groups[wave][: len(one.groups[wave]) // 20 + 1], outcome))
    assert (stopped.state, stopped.wave) == (State.STOPPED, wave)
    assert rollout.offer_words(stopped, "box1")["action"] == "withdraw"
    assert stopped.issued > one.issued
    assert advance(stopped, dict.fromkeys(BOXES, Outcome.GOOD)) == stopped


def test_a_rollout_is_refused_in_one_line_where_it_cannot_reach_anybody(tmp_path: Path) -> None:
    """A board that does not exist, a fleet of nobody, and a second roll-out beside the first."""
    database = store.connect(tmp_path)
    wanted = Rollout("p", TEXT)
    with pytest.raises(rollout.RolloutError, match="known boards: none"):
        rollout.begin(database, wanted, "", 1)
    with store.change(database):
        store.save_boxes(database, [store.Box("a", face={"board": "thor"}), store.Box("b", face={"board": "orin"})])
    with pytest.raises(rollout.RolloutError, match="known boards: orin, thor"):
        rollout.begin(database, wanted, "nano", 1)
    with pytest.raises(rollout.RolloutError, match="at most"):
        rollout.begin(database, Rollout("p", "x" * 60_000), "", 1)
    assert rollout.begin(database, wanted, "thor", 1).offered == ("a",)
    with pytest.raises(rollout.RolloutError, match="under way"):
        rollout.begin(database, wanted, "", 1)
    assert rollout.stop(database, 1, "by hand")
    assert not rollout.stop(database, 1, "by hand")
    database.close()


def test_offers_are_published_once_and_again_after_a_broker_forgot_them(tmp_path: Path) -> None:
    """What was told is remembered for the connection; a new one is told everything that holds."""
    database = store.connect(tmp_path)
    with store.change(database):
        store.save_boxes(database, [store.Box(name) for name in BOXES])
    rollout.begin(database, Rollout("p", TEXT), "", 1)
    told: dict[int, tuple[int, State]] = {}
    assert len(rollout.offers_due(database, told)) == 2
    assert rollout.offers_due(database, told) == []
    assert len(rollout.offers_due(database, {})) == 2
    group = rollout.load_all(database)[0].groups[0]
    database.executemany("INSERT INTO told VALUES (1, ?, 'back', '', 0)", [(box,) for box in group])
    due = rollout.offers_due(database, told)
    assert [words["action"] for _, words in due] == ["withdraw"] * 2
    assert rollout.offers_due(database, told) == []
    database.close()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (("limit_c: 85", "limit_c: 88"), "thermal.limit_c"),
        (("critical_c: 95", "critical_c: 99"), "thermal.critical_c"),
        (("max_loss_points: 0.5", "max_loss_points: 0.6"), "accuracy.max_loss_points"),
        (("confidence_pct: 99", "confidence_pct: 95"), "accuracy.confidence_pct"),
        (("budget_w: 12", "budget_w: 13"), "power.budget_w"),
        (("floor_fps: 5", "floor_fps: 4"), "frame_rate.floor_fps"),
        (("stale_after_s: 3", "stale_after_s: 30"), "sensors.stale_after_s"),
        (("on_conflict: protect_device", "on_conflict: stop"), "on_conflict"),
        (("shadow_pct: 2", "miss_weight: 0.5\n  shadow_pct: 2"), "accuracy.miss_weight"),
        (("deadline_ms: 66", "deadline_ms: 66\nmodes: [15W, 25W]"), "modes: 15W, 25W is offered, this box's owner has none"),
        (("deadline_ms: 66", "deadline_ms: 66\nendurance: {hours: 9}"), "endurance: 9 h with 10 % left is offered"),
    ],
)
def test_an_offered_policy_that_loosens_a_limit_is_refused_with_both_values(change: tuple[str, str], key: str) -> None:
    """The owner's file on the box is the measure."""
    assert change[0] in TEXT, change
    assert loosened(OWN, parse_policy(TEXT.replace(*change))).startswith(key)


def test_every_key_of_a_policy_is_held_or_free_on_purpose() -> None:
    """A new key says in ``daemon/offers.py`` whether an offer may loosen it, or stands here among those that only tune."""
    free = "name sha256 efficient frame_value_uj target_mfps levels_mfps shadow_ppm resume_mc bands cameras expected_s".split()
    held = [row[0] for row in (*offers._AT_MOST, *offers._AT_LEAST, *offers._SAME)]
    assert sorted([*free, *held]) == sorted(field.name for field in dataclasses.fields(OWN))


def test_a_policy_that_tightens_is_no_loosening() -> None:
    """Cooler, less power, a higher floor, another worth of a frame: that is tuning."""
    text = TEXT.replace("limit_c: 85", "limit_c: 82").replace("budget_w: 12", "budget_w: 9")
    assert loosened(OWN, parse_policy(text)) == ""
    assert loosened(OWN, dataclasses.replace(OWN, budget_mw=None)).startswith("power.budget_w: no limit")
    timely = dataclasses.replace(OWN, late_ppm=50_000)
    assert loosened(timely, OWN) == "late_pct: no limit is offered, this box's owner allows 5 %"


class Rig:
    """A box's side of offers, with a daemon that says what the test wants and a clock that it moves."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.now_s, self.fails = 0.0, False
        self.words = document(policy={"name": "feeder", "sha256": "own"}, offer={})
        self.server = Signer.generate("adaptd-fleet/1")
        self.topics = Topics("0a1b2c3d4e5f")
        self.outbox = Outbox(folder / "outbox.db")
        self.again()

    def again(self) -> None:
        self.offers = Offers(self.topics, self.outbox, self.server.public, self.send, lambda _: None, lambda: self.now_s)

    def send(self, verb: str, body: dict[str, Any]) -> None:
        if self.fails:
            raise ApiError("access denied")
        self.asked.append((verb, body))

    def take(self, signer: Signer | None = None, **changes: Any) -> list[str]:
        words = {**rollout.offer_words(started(probation_s=60), self.topics.box), **changes}
        found = asyncio.run(self.offers.take(wire.sealed(self.topics.offer, words, signer or self.server)))
        return [one.body["outcome"] for one in found]

    def look(self, passed_s: float = 1.0, **changes: Any) -> list[str]:
        self.now_s += passed_s
        self.words = document(**changes)
        return [one.body["outcome"] for one in asyncio.run(self.offers.watch(self.words))]


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    """A box that takes offers."""
    one = Rig(tmp_path)
    yield one
    one.outbox.close()


TAKEN = {"policy": {"name": "tuned", "sha256": sha256(TEXT.encode()).hexdigest()}}


def test_an_offer_is_handed_over_watched_and_found_good(rig: Rig) -> None:
    """The daemon gets the text with who asked; taken, then a probation without a broken limit."""
    assert rig.take() == []
    assert rig.asked[0][0] == "/v1/offer"
    assert rig.asked[0][1]["by"] == "fleet roll-out 1 tuned"
    assert rig.look(**TAKEN) == ["accepted"]
    assert [said for _ in range(7) for said in rig.look(10, **TAKEN)] == ["good"]


def test_a_broken_limit_brings_the_owners_policy_back(rig: Rig) -> None:
    """In probation a protective mode or a broken statement is enough; the owner's file is read again."""
    rig.take()
    rig.look(**TAKEN)
    assert rig.look(5, state="protect", **TAKEN) == ["back"]
    assert rig.asked[-1][0] == "/v1/reload"
    assert rig.look(5, **TAKEN) == []
    rig.take(issued=9)
    rig.look(**TAKEN)
    assert rig.look(5, account={"bright": {"bound_frames": 9, "allowed_frames": 8}}, **TAKEN) == ["back"]


def test_a_refusal_of_the_daemon_is_reported_with_its_reason(rig: Rig) -> None:
    """What the box itself says no to never runs, and the server hears why."""
    rig.take()
    assert rig.look(offer={"sha256": TAKEN["policy"]["sha256"], "refused": "thermal.limit_c: too high"}) == ["refused"]
    rig.fails = True
    assert rig.take(issued=9) == ["refused"]
    assert rig.take(issued=10, text=TEXT + "\n# changed on the way\n") == ["refused"]


@pytest.mark.parametrize(
    "changes",
    [{"issued": 5}, {"v": 2}, {"kind": "firmware"}, {"probation_s": -1}, {"text": 5}, {"action": "eat"}, {"issued": "x"}],
)
def test_an_old_or_a_strange_offer_is_passed_over(rig: Rig, changes: dict[str, Any]) -> None:
    """A replay, another schema, another kind: nothing reaches the daemon."""
    rig.take(issued=5)
    before = len(rig.asked)
    assert rig.take(**changes) == []
    assert len(rig.asked) == before


def test_an_offer_of_another_server_is_passed_over(rig: Rig) -> None:
    """Only the key that the owner gave counts."""
    assert rig.take(Signer.generate("adaptd-fleet/2")) == []
    assert rig.asked == []


def test_a_withdrawal_takes_the_policy_back_once(rig: Rig) -> None:
    """Whatever the stage; a box that never took it has nothing to take back."""
    rig.take()
    rig.look(**TAKEN)
    assert rig.take(action="withdraw", issued=6) == ["back"]
    assert rig.asked[-1][0] == "/v1/reload"
    assert rig.take(action="withdraw", issued=7) == []


def test_a_daemon_that_started_anew_gets_the_policy_again(rig: Rig) -> None:
    """A restart reads the owner's file; what was found good is offered to it once more, also by a new gateway."""
    rig.take()
    rig.look(**TAKEN)
    for _ in range(7):
        rig.look(10, **TAKEN)
    rig.again()
    rig.look(1, policy={"name": "feeder", "sha256": "own"})
    assert [verb for verb, _ in rig.asked] == ["/v1/offer", "/v1/offer"]


def test_a_refused_offer_leaves_the_good_one_in_force(rig: Rig) -> None:
    """What was found good before is what a daemon that starts anew gets, also after another offer was refused and withdrawn."""
    rig.take()
    rig.look(**TAKEN)
    for _ in range(7):
        rig.look(10, **TAKEN)
    other = TEXT + "# tighter\n"
    digest = sha256(other.encode()).hexdigest()
    assert rig.take(issued=9, text=other, sha256=digest) == []
    assert rig.look(offer={"sha256": digest, "refused": "thermal.limit_c: too high"}) == ["refused"]
    assert rig.take(issued=10, action="withdraw", sha256=digest) == []
    before = len(rig.asked)
    rig.again()
    rig.look(1, policy={"name": "feeder", "sha256": "own"})
    assert [body["text"] for _, body in rig.asked[before:]] == [TEXT]
    assert rig.take(issued=8) == [], "an older offer than the newest one heard is a replay"


def test_a_box_whose_owner_takes_none_says_so(rig: Rig) -> None:
    """A wave over such boxes stops by itself instead of waiting for ever."""
    pack = {"kind": "pack", "bytes": 5, "url": ""}
    assert rig.take(**pack) == ["refused"]
    rig.offers = Offers(rig.topics, rig.outbox, rig.server.public, rig.send, lambda _: None, lambda: rig.now_s, policies=False)
    assert rig.take(issued=9) == ["refused"]
    assert rig.asked == []


def test_a_softboxs_offer_has_the_form_of_the_servers(rig: Rig) -> None:
    """What the server seals is what the gateway unseals: one form, written twice, checked here."""
    sealed = wire.sealed(rig.topics.offer, {"v": 1}, rig.server)
    assert json.loads(sealed)["v"] == 1
    assert holds(rig.topics.offer, sealed, rig.server.public)


def test_a_pack_is_offered_by_hash_and_address_to_the_board_it_was_measured_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not the pack itself; another board, a damaged file, a strange address and one that no box would take are one line each."""
    owner, path = Owner(tmp_path), tmp_path / "x.pack"
    path.write_bytes(make(ROOT / "policies" / "feeder.yaml", BUNDLE, PROFILE, PLACE, owner.private.read_bytes(), None))
    database = store.connect(tmp_path / "lake")
    with store.change(database):
        store.save_boxes(database, [store.Box(name, face={"board": PLACE.board}) for name in BOXES])
        store.save_boxes(database, [store.Box("other", face={"board": "thor"})])
    roll = ["fleet", "rollout", "--lake", str(tmp_path / "lake"), "--key", str(owner.public)]
    assert main([*roll, str(path), "--board", "thor"]) == 1
    assert main([*roll, str(path), "--url", "ftp://x"]) == 2
    assert main([*roll, str(ROOT / "policies" / "feeder.yaml")]) == 2
    (tmp_path / "cut.pack").write_bytes(path.read_bytes()[:-1])
    assert main([*roll, str(tmp_path / "cut.pack")]) == 1
    with (tmp_path / "large.pack").open("wb") as file:
        file.truncate(200 << 20)
    assert main([*roll, str(tmp_path / "large.pack")]) == 1
    assert "boxes take 134,217,728 at most" in capsys.readouterr().err
    assert main([*roll, str(path), "--url", "https://mirror.example/x.pack"]) == 0
    one = rollout.load_all(database)[0]
    words = rollout.offer_words(one, one.groups[0][0])
    assert (words["kind"], words["sha256"]) == ("pack", sha256(path.read_bytes()).hexdigest())
    assert (words["bytes"], words["url"], "text" in words) == (path.stat().st_size, "https://mirror.example/x.pack", False)
    assert "other" not in {box for group in one.groups for box in group}
    assert rollout.offer_words(dataclasses.replace(one, state=State.STOPPED), "a")["action"] == "withdraw"
    database.close()
