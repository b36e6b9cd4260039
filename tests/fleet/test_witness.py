"""A witness takes what honest logs say and nothing else: real trees, real signatures, real folders."""

import json
from pathlib import Path
from typing import Any

import pytest

from adaptd.fleet.softbox import SoftBox
from adaptd.fleet.wire import WireError
from adaptd.fleet.witness import LogView, Said, Verdict, first_view, take
from adaptd.gateway.mqtt.checkpoints import CheckpointReader
from adaptd.gateway.mqtt.growth import GrowthError, growth
from adaptd.log.format.tree import CompactRange
from adaptd.log.write.opening import open_ledger
from tests.log.workload import SECOND, SMALL, Clock


def said(box: SoftBox, view: LogView | None, start: int | None = None) -> Verdict:
    """What the witness says to the box's next checkpoint."""
    words = json.loads(box.checkpoint(start)[1])
    return take(view or first_view(box.name, words, None), words)


def grown(box: SoftBox, view: LogView | None = None, rounds: int = 3) -> LogView:
    """The view after some honest checkpoints with key epochs between."""
    for number in range(rounds):
        for _ in range(7 + number):
            box.record("decision")
        box.hand_over()
        verdict = said(box, view)
        assert verdict.said is Said.TAKEN
        view = verdict.view
    assert view is not None
    return view


def test_an_honest_log_is_taken_and_its_gateways_key_is_known() -> None:
    """Growth through several key epochs is followed, and the key that a record names is revealed under a signed root."""
    box = SoftBox()
    first = said(box, None)
    assert first.said is Said.TAKEN
    assert len(first.revealed) == 1
    view = grown(box, first.view, 6)
    assert CompactRange(view.size, view.peaks).root().hex() == view.taken[-1][1]
    assert view.epoch == 6


def test_a_repeat_is_known_and_a_hole_is_asked_for() -> None:
    """A checkpoint that comes twice changes nothing; one that builds on what never came is asked for from where we stand."""
    box = SoftBox()
    view = grown(box)
    message = json.loads(box.checkpoint()[1])
    after = take(view, message).view
    assert take(after, message).said is Said.KNOWN
    box.record("decision")
    box.hand_over()
    box.checkpoint()  # lost
    box.record("decision")
    box.hand_over()
    assert said(box, after).said is Said.ELSEWHERE
    assert said(box, after, after.size).said is Said.TAKEN


def twin_of(box: SoftBox) -> SoftBox:
    """The same box put back to how it is now: same keys, same records."""
    twin = SoftBox(root=box.root, gateway=box.gateway)
    twin.leaves, twin._lines, twin._handovers = list(box.leaves), list(box._lines), list(box._handovers)
    twin.signer, twin._told = box.signer, box._told
    return twin


@pytest.mark.parametrize("extra", [0, 1, 5, 40])
def test_a_log_that_goes_on_from_an_older_copy_is_a_rollback_or_a_fork(extra: int) -> None:
    """However far the copy has grown since, it is not taken, and the view stays broken until a person has looked."""
    box = SoftBox()
    view = grown(box)
    old = twin_of(box)
    for _ in range(20):
        box.record("decision")
    view = said(box, view).view
    for _ in range(extra):
        old.record("forged")
    verdict = said(old, view, view.size if extra > 20 else None)
    assert verdict.said in (Said.ROLLBACK, Said.FORK)
    assert verdict.view.broken
    assert said(box, verdict.view).view.broken


def test_a_copy_that_begins_a_new_key_epoch_is_seen_by_the_second_heir() -> None:
    """A restored disk hands over anew at its start: one key then has named two successors."""
    box = SoftBox()
    view = grown(box)
    old = twin_of(box)
    view = grown(box, view, 2)
    old.hand_over()
    assert said(old, view).said is Said.ROLLBACK


@pytest.mark.parametrize("what", ["block", "note", "log_pub", "shown", "count"])
def test_a_message_that_somebody_changed_is_refused(what: str) -> None:
    """One changed byte anywhere and nothing of it is taken."""
    box = SoftBox()
    words: dict[str, Any] = json.loads(box.checkpoint()[1])
    if what == "block":
        words["growth"]["blocks"][0][1] = "00" * 32
    elif what == "note":
        words["note"] = words["note"].replace("\n2\n", "\n3\n")
    elif what == "log_pub":
        words["log_pub"] = SoftBox().log_pub
    elif what == "shown":
        words["growth"]["blocks"][1][1] = words["growth"]["blocks"][1][1].replace("uid 0", "uid 1")
    else:
        words["growth"]["blocks"][0][0] = 3
    try:
        assert take(first_view(box.name, words, None), words).said is Said.FORK
    except WireError:
        assert what in ("note", "log_pub", "count")


def test_a_real_log_folder_is_witnessed_through_rotation_and_restarts(tmp_path: Path) -> None:
    """What the gateway reads from a real log is what the witness takes, from any earlier size on, and from nothing."""
    clock, folder, views = Clock(), tmp_path / "log", []
    view: LogView | None = None
    for run in range(4):
        ledger, _ = open_ledger(folder, boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
        for _ in range(9):
            clock.advance(SECOND)
            ledger.append("note", {"run": run})
        ledger.rotate()
        ledger.append("order", {"order": "gateway_key", "public": f"key{run}", "by": "uid 0"})
        ledger.close()
        clock.advance(SECOND)
        one = CheckpointReader(folder).new()[-1]
        views.append((view, one))
        for start in dict.fromkeys((view.size if view else 0, 0)):
            found = growth(folder, start, one.size, b'"gateway_key"')
            words = {
                "v": 1, "note": one.note, "log_pub": (folder / "log.pub").read_text(), "handovers": list(found.handovers),
                "growth": found.words(),
            }  # fmt: skip
            begin = view if start and view else first_view("b", words, words["log_pub"])
            verdict = take(begin, words)
            assert verdict.said is Said.TAKEN, verdict.words
        view = take(view or first_view("b", words, words["log_pub"]), words).view if view is None else _from(view, folder, one)
    assert view is not None
    assert view.gateway_keys[-1] == "key3"


def _from(view: LogView, folder: Path, one: Any) -> LogView:
    found = growth(folder, view.size, one.size, b'"gateway_key"')
    return take(view, {"note": one.note, "handovers": list(found.handovers), "growth": found.words()}).view


def test_a_growth_that_the_folder_does_not_hold_is_refused(tmp_path: Path) -> None:
    """Beyond the end, or before what was pruned: said, not guessed."""
    clock = Clock()
    ledger, _ = open_ledger(tmp_path / "log", boot="b", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL)
    ledger.close()
    with pytest.raises(GrowthError, match="ends after"):
        growth(tmp_path / "log", 0, 10_000)
    next((tmp_path / "log").glob("00000000.log")).unlink()
    with pytest.raises(GrowthError, match="not there any more"):
        growth(tmp_path / "log", 1, 2)
