"""What is published of a status document: units in keys, absence as null, nothing retained that could go stale."""

import json
from typing import Any

import pytest

from adaptd.gateway.mqtt.events import events, fault_key
from adaptd.gateway.mqtt.payloads import has_problem, readings, silent
from adaptd.gateway.mqtt.topics import MAX_PAYLOAD_BYTES, Topics, payload_of, short
from tests.gateway.mqtt.documents import document, later

TOPICS = Topics("b0")


def published(words: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Topic end: object."""
    return {
        message.topic.removeprefix("adaptd/v1/b0/"): json.loads(message.payload)
        for message in readings(TOPICS, words, {"energy_wh": None, "measured_s": 0.0})
    }


def test_readings_say_their_unit_source_and_whether_they_are_simulated() -> None:
    """A Node-RED user needs no manual to read a number."""
    found = published(document())
    assert found["temperature"] == {
        "v": 1, "temperature_c": 45.25, "age_ms": 10, "source": "thermal_zone0", "simulated": False
    }  # fmt: skip
    assert found["power"]["power_w"] == 9.0
    assert found["state"]["rate_fps"] == 15.0
    assert found["account"]["bands"]["bright"]["bound_pct"] == 0.09
    assert found["log"] == {"v": 1, "newest_record": 20, "signed_to_record": None, "degraded": False}


def test_an_absent_reading_is_null_with_its_reason_and_never_zero() -> None:
    """No sensor, an empty document, a daemon that is away: no number anywhere."""
    assert published(document())["light"] == {"v": 1, "illuminance_lx": None, "missing": "no sensor found"}
    bare = published({})
    assert bare["temperature"]["temperature_c"] is None
    assert bare["energy"]["energy_wh"] is None
    assert bare["frames"]["delivered_frames"] is None
    for message in silent(TOPICS, "the daemon is gone"):
        words = json.loads(message.payload)
        assert words["missing"] == "the daemon is gone"
        assert not [value for key, value in words.items() if key not in {"v", "missing"} and value is not None]


def test_a_measured_zero_stays_a_zero() -> None:
    """Darkness is a reading."""
    assert published(document(sensors={"light_mlx": {"value": 0, "age_ms": 1}}))["light"]["illuminance_lx"] == 0.0


def test_several_cameras_each_have_a_topic_and_their_rows_of_the_account() -> None:
    """Whoever reads the topics can tell two cameras apart; a name that cannot stand in a topic is left out."""
    row = document()["account"]["bright"]
    seen = {"label": "empty", "score_ppm": 994_000, "variant": "int8"}
    one = {
        "source": {"state": "ok", "fps": 14.9, "asked_fps": 15.0},
        "frames": {"delivered": 7, "missed": 1},
        "last_result": seen,
    }
    words = document(cameras={"front": one, "rear": {"source": {"state": "no_source"}}, "a/#": one})
    words["account"] = {"bright/front": row, "bright/rear": {**row, "bound_ppm": 1200}}
    found = published(words)
    assert [name for name in found if name.startswith("camera/")] == ["camera/front", "camera/rear"]
    assert (found["camera/front"]["arriving_fps"], found["camera/front"]["label"], found["camera/front"]["score_pct"]) == (
        14.9, "empty", 99.4
    )  # fmt: skip
    assert (found["camera/rear"]["arriving_fps"], found["camera/rear"]["delivered_frames"]) == (None, None)
    assert {cell: row["bound_pct"] for cell, row in found["account"]["bands"].items()} == {
        "bright/front": 0.09, "bright/rear": 0.12
    }  # fmt: skip
    assert "camera/front" not in published(document())


def test_the_account_of_as_many_cameras_as_there_can_be_is_sent() -> None:
    """Sixteen cameras in eight bands stay below 64 kB."""
    row = {**document()["account"]["bright"], "words": "w" * 160}
    words = document()
    words["account"] = {f"band{band}/camera-with-a-long-name-{at:08d}": row for band in range(8) for at in range(16)}
    assert len(published(words)["account"]["bands"]) == 128


def test_no_reading_is_retained() -> None:
    """A broker that starts again repeats no old value."""
    assert not [m.topic for m in readings(TOPICS, document(), {"energy_wh": 1.0}) if m.retain]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, False),
        ({"trouble": ["an old complaint"]}, False),
        ({"state": "fault"}, True),
        ({"state": "protect"}, True),
        ({"conditions": {"worker_alive": False}}, True),
        ({"conditions": {"proven": False}}, False),
        ({"audit": {"degraded": True}}, True),
        ({"engines": {"quarantined": ["int8"]}}, True),
        ({"stalled": True}, True),
    ],
)
def test_a_problem_is_what_somebody_should_look_at(change: dict[str, Any], problem: bool) -> None:
    """A refusal is daily life; a lost worker, log or engine is not."""
    assert has_problem(document(**change)) is problem


def test_texts_of_others_are_cut_and_a_payload_is_bounded() -> None:
    """Nothing over 64 kB, nothing that is not finite, whatever a document holds."""
    assert len(short("x" * 10_000)) == 500
    assert len(published(document(why="<b>" + "y" * 100_000))["state"]["why"]) == 500
    with pytest.raises(ValueError, match=str(MAX_PAYLOAD_BYTES)):
        payload_of({"x": "y" * MAX_PAYLOAD_BYTES})
    with pytest.raises(ValueError, match="JSON"):
        payload_of({"x": float("nan")})


def test_a_swap_is_one_event_that_says_from_what_to_what_and_why() -> None:
    """The page and Home Assistant tell the same story."""
    before = document()
    now = later(before, operating_point={"variant": "fp16", "fps": 15.0}, swaps=2, why="reference: it is dark")
    (event,) = events(before, now)
    assert event.words["why"] == "reference: it is dark"
    asked = later(before, asked={"variant": "fp16", "fps": 15.0}, why="it gets dark")
    assert events(asked, later(asked, operating_point=asked["asked"], why="next"))[0].words["why"] == "it gets dark"
    assert (event.name, event.type, event.words["from_engine"], event.words["to_engine"]) == (
        "swap", "engine_changed", "int8", "fp16",
    )  # fmt: skip
    message = event.message(TOPICS)
    assert (message.topic, message.retain) == ("adaptd/v1/b0/event/swap", False)
    assert json.loads(message.payload)["event_type"] == "engine_changed"


def test_a_rate_that_moves_by_tenths_is_no_event_and_a_felt_change_is() -> None:
    """Nobody's phone buzzes because 15.0 became 14.6."""
    before = document()
    assert events(before, later(before, operating_point={"variant": "int8", "fps": 14.6})) == []
    (event,) = events(before, later(before, operating_point={"variant": "int8", "fps": 10.0}))
    assert event.type == "rate_changed"


def test_a_refusal_names_its_condition_and_its_end() -> None:
    """What forbids, and when it no longer does."""
    before = document()
    now = later(before, conditions={**before["conditions"], "proven": False})
    (event,) = events(before, now)
    assert (event.name, event.type, event.words["condition"]) == ("refusal", "refused", "proven")
    (back,) = events(now, later(now, conditions=before["conditions"]))
    assert back.type == "allowed"


def test_a_refused_point_is_told_once_however_its_rate_moves() -> None:
    """Where the daemon lists what it refused, the event names engine, rate and condition."""
    before = document(refused=[])
    now = later(before, refused=[{"variant": "int8", "fps": 15.0, "condition": "proven"}])
    (event,) = events(before, now)
    assert event.words["engine"] == "int8"
    assert (event.type, event.words["condition"], event.words["rate_fps"]) == ("refused", "proven", 15.0)
    moved = later(now, refused=[{"variant": "int8", "fps": 14.2, "condition": "proven"}])
    assert events(now, moved) == []
    assert [one.type for one in events(moved, before)] == ["allowed"]


def test_each_new_complaint_is_one_fault_and_a_repeated_list_is_none() -> None:
    """The daemon's list keeps its newest lines; only what was appended is news."""
    before = document(trouble=["a", "b"])
    assert events(before, later(before)) == []
    found = events(before, later(before, trouble=["b", "c", "c"]))
    assert [event.words["text"] for event in found] == ["c", "c"]
    lost = later(before, conditions={**before["conditions"], "worker_alive": False})
    assert [event.type for event in events(before, lost)] == ["fault"]
    assert [event.type for event in events(lost, later(lost, conditions=before["conditions"]))] == ["recovered"]
    out = later(before, engines={**before["engines"], "quarantined": ["int8"]})
    assert "int8" in events(before, out)[0].words["text"]


def test_nothing_is_an_event_without_a_before_and_many_are_bounded() -> None:
    """A gateway that starts reports no change; a flood of complaints is cut."""
    assert events(None, document(trouble=["a"])) == []
    assert len(events(document(), document(trouble=[str(n) for n in range(1000)]))) == 20


def test_a_faults_key_is_the_same_all_day_whatever_numbers_it_holds() -> None:
    """A complaint that comes back with another number alarms once a day."""
    day_ms = 86_400_000
    assert fault_key("b", "worker lost after 17 s", 5) == fault_key("b", "worker lost after 3 s", day_ms - 1)
    assert fault_key("b", "worker lost", 5) != fault_key("b", "worker lost", day_ms)
