"""Words to plain values and back, whole and as differences, for the log's own words and for any other."""

from dataclasses import dataclass, replace
from enum import Enum
from random import Random
from typing import NamedTuple

import pytest

from adaptd.base.canonical_json import decode, encode
from adaptd.brain import tick
from adaptd.log.format.codec import CodecError, from_plain, layout, to_plain, words
from adaptd.log.format.decisions import DecisionCoder, same_fields
from adaptd.vocabulary import Measured, Missing, MissingReason, Reading, Served, Snapshot, Telemetry, Verdict
from tests.log.workload import decisions


class Colour(Enum):
    """A small enum."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Inner:
    """A word inside another."""

    number: int
    text: str = ""


class Pair(NamedTuple):
    """A word that is a named tuple."""

    left: int
    right: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Outer:
    """One of everything a word may hold."""

    flag: bool
    maybe: int | None
    real: float
    colour: Colour
    inner: Inner
    inner_or_none: Inner | None
    rows: tuple[Inner, ...]
    pair: tuple[int, str]
    names: tuple[str, ...]
    reading: Reading
    nested: tuple[tuple[str, tuple[int, ...]], ...] = ()
    both: Pair | None = None
    more: tuple[Pair, ...] = ()


FULL = Outer(
    True, None, 0.1, Colour.BLUE, Inner(2**64 - 1, "x"), None, (Inner(1), Inner(-(2**70))), (1, "a"), ("p", "q"),
    Measured(1, 2, "s"), (("k", (1, 2)),), Pair(1), (Pair(2, (3,)),),
)  # fmt: skip


def test_every_kind_of_field_comes_back() -> None:
    """Integers of any size, floats to the last bit, enums, rows, unions and None survive the way through bytes."""
    assert from_plain(Outer, decode(encode(to_plain(FULL)))) == FULL
    other = replace(FULL, inner_or_none=Inner(3), reading=Missing(MissingReason.GONE), real=-0.0, maybe=7)
    back = from_plain(Outer, decode(encode(to_plain(other))))
    assert back == other
    assert back.real.hex() == (-0.0).hex()


def test_a_state_of_the_real_brain_comes_back() -> None:
    """The full state of the controller after some hundred decisions is the same after a trip through the log."""
    *_, (_, _, state) = decisions(300)
    assert from_plain(tick.State, decode(encode(to_plain(state)))) == state


@pytest.mark.parametrize(
    "change",
    [
        {}, {"flag": False}, {"maybe": 1}, {"inner": Inner(5, "x")}, {"inner_or_none": Inner(1)}, {"pair": (2, "b")},
        {"rows": ()}, {"rows": (Inner(9), Inner(3))}, {"rows": (Inner(1), Inner(4, "y"))}, {"names": ("p", "r")},
        {"both": Pair(2)}, {"both": Pair(1, (5,))}, {"more": (Pair(2, (4,)),)},
        {"reading": Missing(MissingReason.HUNG)}, {"reading": Measured(1, 3, "s")}, {"reading": Measured(1, 2, "t")},
    ],
)  # fmt: skip
def test_a_difference_leads_to_the_new_word(change: dict[str, object]) -> None:
    """Applied to the old word, the difference gives the new one; it names only what changed."""
    shape = words(Outer)
    new = replace(FULL, **change)  # type: ignore[arg-type]
    difference = decode(encode(shape.diff(FULL, new)))
    assert set(difference) == set(change)
    assert shape.patch(FULL, difference) == new


def test_a_reading_changes_by_what_is_new() -> None:
    """A reading repeats neither its source nor its mark when those stay, and absence carries its reason and no number."""
    shape = words(Outer)
    assert shape.diff(FULL, replace(FULL, reading=Measured(5, 6, "s"))) == {"reading": [5, 6]}
    assert shape.diff(FULL, replace(FULL, reading=Missing(MissingReason.GONE))) == {"reading": {"Missing": ["gone", ""]}}
    assert shape.diff(replace(FULL, reading=Missing(MissingReason.GONE)), FULL) == {"reading": [1, 2, "s", False]}
    assert shape.diff(FULL, replace(FULL, rows=(Inner(1), Inner(2)))) == {"rows": {"1": {"number": 2}}}


@pytest.mark.parametrize(
    "plain",
    [
        None, [], {}, {**to_plain(FULL), "flag": 1}, {**to_plain(FULL), "extra": 1}, {**to_plain(FULL), "real": "1.5"},
        {**to_plain(FULL), "colour": "green"}, {**to_plain(FULL), "rows": [[1]]}, {**to_plain(FULL), "reading": {"Missing": [1]}},
        {**to_plain(FULL), "reading": {"Other": ["x"]}}, {**to_plain(FULL), "pair": [1]}, {**to_plain(FULL), "maybe": True},
        {**to_plain(FULL), "inner": {"number": "0x5", "text": ""}}, {**to_plain(FULL), "names": "pq"},
    ],
)  # fmt: skip
def test_a_plain_value_that_does_not_fit_is_refused(plain: object) -> None:
    """Wrong types, unknown fields, short rows and other spellings of a number are errors, never silently repaired."""
    with pytest.raises(CodecError):
        from_plain(Outer, plain)


@pytest.mark.parametrize(
    "change", [[], ["1"], [True], [1, 2.0], [1, 2, 3], [1, 2, "s", 0], [1, 2, "s", False, 5], [None], {"0": 1}]
)
def test_a_change_of_a_row_that_does_not_fit_is_refused(change: object) -> None:
    """A shortened row is held to the types of its fields like a whole one: true is no number, and nothing may follow its end."""
    with pytest.raises(CodecError):
        words(Outer).patch(FULL, {"reading": change})


def test_words_that_can_not_be_written_are_refused_at_once() -> None:
    """A dict or a set inside a word is found when its shape is made, not years later when a log is read."""

    @dataclass(frozen=True)
    class Bad:
        table: dict[str, int]

    with pytest.raises(CodecError, match="no canonical form"):
        to_plain(Bad({}))
    with pytest.raises(CodecError, match="neither a dataclass nor a named tuple"):
        to_plain(3)


def test_a_log_says_how_its_rows_read() -> None:
    """The layout names the fields of every word in order, so that rows can be read without this code."""
    found = layout(Snapshot, Verdict)
    assert found["RawReading"][:5] == ["value", "age_us", "seq", "source", "quantity"]
    assert found["Served"] == ["variant", "frames", "latency_sum_us", "latency_max_us"]
    assert {"Snapshot", "Verdict", "Telemetry", "BandEvidence", "Refusal", "OperatingPoint", "Unread", "Judged", "Shadow"} <= set(
        found
    )


def test_decisions_come_back_from_what_changed() -> None:
    """Eight hundred decisions, written as changes, are read back equal, and written again they are the same bytes."""
    writer, reader = DecisionCoder("b" * 64), DecisionCoder("b" * 64)
    random = Random(1)
    for snapshot, verdict, _ in decisions(800):
        mono_us = snapshot.now_us + (random.randrange(3) == 0) * 17
        fields = writer.write(snapshot, verdict, mono_us)
        stamp = {"mono_us": mono_us, "kind": "decision", "boot": 0, "prev": "", "seq": 0, "utc_ms": 0, "v": 2}
        record = {**decode(encode(fields)), **stamp}
        assert reader.read_snapshot(record) == snapshot
        assert reader.read_verdict(record) == verdict
        assert same_fields(record, reader.write(snapshot, verdict, mono_us))


def test_true_is_not_one() -> None:
    """A flag written as a number is another record, though the language calls the two equal."""
    *_, (snapshot, verdict, _) = decisions(2)
    fields = decode(encode(DecisionCoder("b").write(snapshot, verdict, snapshot.now_us)))
    stamp = {"mono_us": snapshot.now_us, "kind": "decision", "boot": 0, "prev": "", "seq": 0, "utc_ms": 0, "v": 2}
    record = {**decode(encode(fields)), **stamp}
    assert same_fields(record, fields)
    record["out"]["conditions"][0][1] = int(record["out"]["conditions"][0][1])
    assert not same_fields(record, fields)


def test_shadow_frames_are_events() -> None:
    """A tick without shadow frames after one with them says nothing of them, and neither does one whose count is its list."""
    *_, (snapshot, verdict, _) = decisions(3)
    quiet = replace(snapshot, worker=Telemetry(True, snapshot.worker.point))
    with_two = replace(quiet, worker=replace(quiet.worker, shadow_frames=2, shadows=(shadow(0), shadow(1))))
    odd = replace(quiet, worker=replace(quiet.worker, shadow_frames=3))
    coder, reader = DecisionCoder("b"), DecisionCoder("b")
    coder.write(quiet, verdict, quiet.now_us)
    reader.snapshot = quiet
    for told in (with_two, quiet, odd):
        plain = {"worker": {"shadow_frames": 3}} if told is odd else {"worker": {"shadows": [["b", "v", 0], ["b", "v", 1]]}}
        assert reader.read_snapshot({"mono_us": quiet.now_us, **({} if told is quiet else {"in": plain})}) == told
    assert coder.write(with_two, verdict, quiet.now_us) == {"in": {"worker": {"shadows": [["b", "v", 0], ["b", "v", 1]]}}}
    assert coder.write(quiet, verdict, quiet.now_us) == {}
    assert coder.write(odd, verdict, quiet.now_us) == {"in": {"worker": {"shadow_frames": 3}}}


def shadow(loss: int) -> object:
    from adaptd.vocabulary import Shadow

    return Shadow("b", "v", loss)


def test_times_of_engines_at_rest_are_written_only_where_there_are_any() -> None:
    """A decision without them is written as before there were any, and so older logs are read; with them nothing is lost."""
    (quiet, verdict, _), *_ = decisions(1)
    told = replace(quiet, worker=replace(quiet.worker, tested=(Served("int8", 1, 2_000, 2_000),)))
    for snapshot, written in ((quiet, None), (told, [["int8", 1, 2_000, 2_000]])):
        record = {**DecisionCoder("b").write(snapshot, verdict, snapshot.now_us), "mono_us": snapshot.now_us}
        assert record["in"]["worker"].get("tested") == written
        assert DecisionCoder("b").read_snapshot(record) == snapshot


def test_a_decision_of_another_configuration_is_refused() -> None:
    """The first decision after a configuration names the digest of its binding; another digest is not read."""
    (snapshot, verdict, _), *_ = decisions(1)
    record = {**DecisionCoder("a" * 64).write(snapshot, verdict, snapshot.now_us), "mono_us": snapshot.now_us}
    with pytest.raises(CodecError, match="not bound"):
        DecisionCoder("b" * 64).read_snapshot(record)
