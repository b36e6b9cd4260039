"""Results, battery and parameters as ROS 2 sees them: the camera's own moment, pixels, and orders that only restrict."""

from typing import Any

import pytest

from adaptd.client import ApiError
from adaptd.gateway.ros.parameters import DOUBLE, INTEGER, Parameters, value_of
from adaptd.gateway.ros.vision import Camera, battery, classification, detections, stamp_ns
from adaptd.gateway.ros.zenoh_form import attachment, client_of

pytest.importorskip("rosbags", reason="rosbags is not installed: pip install 'adaptd[ros]'")
RESULT = {"frame": 17, "class": "eating", "score_ppm": 981_200, "latency_us": 4_210, "mono_us": 81_234_567}
ADD_TWO_INTS = "RIHS01_e118de6bf5eeb66a2491b5bda11202e7b68f198d6f67922cf30364858239c81a"  # rmw_zenoh's design document


@pytest.fixture(scope="module")
def store() -> Any:
    """Jazzy's types and ours."""
    from adaptd.gateway.ros.definitions import store_of

    return store_of("jazzy")


def header(store: Any) -> Any:
    """A header of the camera."""
    stamp = store.types["builtin_interfaces/msg/Time"](sec=5, nanosec=6)
    return store.types["std_msgs/msg/Header"](stamp=stamp, frame_id="front")


def test_a_service_has_the_hash_that_is_published(store: Any) -> None:
    """The one service hash that rmw_zenoh's documents print comes out; Humble has none."""
    from adaptd.gateway.ros.definitions import hash_of, service_types

    name = "example_interfaces/srv/AddTwoInts"
    store.register(service_types(name, "int64 a\nint64 b\n", "int64 sum\n"))
    assert hash_of(store, name, "jazzy") == ADD_TWO_INTS
    assert hash_of(store, name, "humble") == "TypeHashNotSupported"


def test_a_result_carries_the_moment_its_frame_arrived() -> None:
    """Ready a second ago after four milliseconds of work: the frame came 1.004 s ago by the wall clock."""
    assert stamp_ns(RESULT, 82_234_567_000, 10**18) == 10**18 - 1_004_210_000


def test_boxes_are_pixels_and_an_empty_picture_is_an_empty_array(store: Any) -> None:
    """Through CDR and back: centre and size in pixels, class and score, the camera's frame."""
    result = {**RESULT, "boxes": [["cat", 900_000, 250_000, 500_000, 750_000, 1_000_000]]}
    kind = "vision_msgs/msg/Detection2DArray"
    made = detections(store.types, header(store), result, Camera("front", 640, 480))
    (found,) = (back := store.deserialize_cdr(bytes(store.serialize_cdr(made, kind)), kind)).detections
    assert (found.bbox.center.position.x, found.bbox.center.position.y) == (320, 360)
    assert (found.bbox.size_x, found.bbox.size_y) == (320, 240)
    assert (found.results[0].hypothesis.class_id, found.results[0].hypothesis.score) == ("cat", 0.9)
    assert back.header.frame_id == "front"
    empty = detections(store.types, header(store), {**RESULT, "boxes": []}, Camera())
    assert len(store.deserialize_cdr(bytes(store.serialize_cdr(empty, kind)), kind).detections) == 0
    one = classification(store.types, header(store), RESULT)
    assert (one.results[0].class_id, one.results[0].score) == ("eating", 0.9812)
    assert Camera("front").frame_of({"camera": "rear"}) == "rear"


def test_a_battery_that_was_not_read_is_no_message(store: Any) -> None:
    """A charge is a share with what is unknown as NaN; without a reading there is nothing."""
    found = battery(store.types, header(store), {"endurance": {"charge_pct": 64.0, "fed": True}})
    kind = "sensor_msgs/msg/BatteryState"
    back = store.deserialize_cdr(bytes(store.serialize_cdr(found, kind)), kind)
    assert back.percentage == pytest.approx(0.64)
    assert back.power_supply_status == back.POWER_SUPPLY_STATUS_CHARGING
    assert back.voltage != back.voltage
    assert battery(store.types, header(store), {"endurance": {"missing": "unread"}}) is None
    assert battery(store.types, header(store), None) is None


def request(store: Any, name: str, kind: int, number: float) -> Any:
    """A request to set one parameter, as it is after the wire."""
    value = value_of(store.types, kind, number)
    one = store.types["rcl_interfaces/msg/Parameter"](name=name, value=value)
    service = "rcl_interfaces/srv/SetParameters"
    made = store.types[f"{service}_Request"](parameters=[one])
    return store.deserialize_cdr(bytes(store.serialize_cdr(made, f"{service}_Request")), f"{service}_Request")


def _names(names: list[str]) -> Any:
    return type("Names", (), {"names": names})()


def test_budget_and_hold_are_asked_of_the_daemon_and_nonsense_of_nobody(store: Any) -> None:
    """A good value reaches the daemon with who asked; a wrong name, type or size is refused in words; so is what it refuses."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def send(verb: str, body: dict[str, Any]) -> None:
        if body.get("watts") == 1:
            raise ApiError("below the measured idle power")
        asked.append((verb, body))

    parameters, service = Parameters(store.types, send), "rcl_interfaces/srv/SetParameters"

    def put(name: str, kind: int, number: float) -> Any:
        answer = parameters.answer(service, request(store, name, kind, number))
        return store.deserialize_cdr(bytes(store.serialize_cdr(answer, f"{service}_Response")), f"{service}_Response").results[0]

    assert put("budget_w", DOUBLE, 9.5).successful
    assert put("hold_minutes", INTEGER, 30).successful
    assert [(verb, body.get("watts"), body.get("minutes")) for verb, body in asked] == [
        ("/v1/budget", 9.5, None),
        ("/v1/hold", None, 30),
    ]
    assert {body["by"] for _, body in asked} == {"ros parameter"}
    for name, kind, number, words in (
        ("limit_c", DOUBLE, 99.0, "no parameter"), ("hold_minutes", DOUBLE, 3.0, "whole number"),
        ("hold_minutes", INTEGER, 9_999, "from 0 to 1440"), ("budget_w", DOUBLE, 1.0, "idle power"),
    ):  # fmt: skip
        found = put(name, kind, number)
        assert not found.successful
        assert words in found.reason
    assert len(asked) == 2
    values = parameters.answer("rcl_interfaces/srv/GetParameters", _names(["budget_w", "hold_minutes", "other"])).values
    assert [(one.type, one.double_value, one.integer_value) for one in values] == [
        (DOUBLE, 9.5, 0),
        (INTEGER, 0.0, 30),
        (0, 0.0, 0),
    ]


def test_a_response_names_the_request() -> None:
    """Sequence number and client come back; another length is refused."""
    assert client_of(attachment(7, 9, b"c" * 16)) == (7, b"c" * 16)
    with pytest.raises(ValueError, match="33 are needed"):
        client_of(b"")
