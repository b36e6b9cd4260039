"""What a ROS 2 reader gets: real CDR over a real Zenoh session, and STALE where a reading is missing."""

import time
from typing import Any

import pytest

from adaptd.gateway.ros.diagnostics import Level, parts
from adaptd.gateway.ros.zenoh_form import Topic, attachment, client_of, entity_token, node_token
from tests.gateway.mqtt.documents import document


def levels(**changes: Any) -> dict[str, Level]:
    """The level of each part."""
    return {part.name.removeprefix("adaptd: "): part.level for part in parts(document(**changes))}


def test_a_missing_reading_is_stale_and_a_limit_that_is_passed_is_said() -> None:
    """Never OK without a reading; warm is WARN, critical is ERROR, a log that does not write is ERROR."""
    limits = {"limit_mc": 85_000, "critical_mc": 95_000, "budget_mw": 12_000}
    assert levels(limits=limits) == {"engine": 0, "heat": 0, "power": 0, "light": Level.STALE, "log": 0}
    hot = {"temperature_mc": {"value": 90_000, "age_ms": 1, "source": "x"}, "power_mw": {"value": 12_500}, "light_mlx": {}}
    found = levels(limits=limits, sensors=hot, state="protect", audit={"degraded": True})
    assert found == {"engine": Level.WARN, "heat": Level.WARN, "power": Level.WARN, "light": Level.STALE, "log": Level.ERROR}
    assert {part.level for part in parts(None)} == {Level.STALE}


def test_names_on_the_wire_are_rmw_zenohs() -> None:
    """The forms of its design document."""
    topic = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", "RIHS01_ab")
    assert topic.key == "0/diagnostics/diagnostic_msgs::msg::dds_::DiagnosticArray_/RIHS01_ab"
    token = entity_token(topic, "z1d", "adaptd", 3)
    assert token.startswith("@ros2_lv/0/z1d/0/3/MP/%/%/adaptd/%diagnostics/diagnostic_msgs::msg::dds_::DiagnosticArray_/")
    assert len(attachment(1, 2, bytes(16))) == 33


def test_another_programs_forms_are_the_same_bytes() -> None:
    """ROBOTIS's zenoh-ros2-sdk, which talks to rmw_zenoh robots, builds the same keys, tokens and attachments, and reads ours."""
    sdk = pytest.importorskip("zenoh_ros2_sdk", reason="zenoh-ros2-sdk is not installed: pip install zenoh-ros2-sdk==0.1.8")
    del sdk
    from zenoh_ros2_sdk.attachment import Attachment
    from zenoh_ros2_sdk.entity import EndpointEntity, EntityKind, NodeEntity
    from zenoh_ros2_sdk.keyexpr import endpoint_liveliness_keyexpr, node_liveliness_keyexpr, topic_keyexpr
    from zenoh_ros2_sdk.qos import QosProfile

    topic = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", "RIHS01_ab")
    node = NodeEntity(domain_id=0, session_id="z1d", node_id=0, node_name="adaptd")
    assert topic_keyexpr(0, "/diagnostics", topic.dds_type, "RIHS01_ab") == topic.key
    assert node_liveliness_keyexpr(node) == node_token(0, "z1d", "adaptd")
    for ours, theirs in (("MP", EntityKind.PUBLISHER), ("SS", EntityKind.SERVICE)):
        entity = EndpointEntity(node, 3, theirs, "/diagnostics", topic.dds_type, "RIHS01_ab", QosProfile().encode())
        assert endpoint_liveliness_keyexpr(entity) == entity_token(topic, "z1d", "adaptd", 3, ours)
    publisher = bytes(range(16))
    assert Attachment.from_bytes(attachment(7, 9, publisher)) == Attachment(7, 9, publisher)
    assert Attachment(7, 9, publisher).to_bytes() == attachment(7, 9, publisher)


def test_a_second_session_reads_what_the_bridge_publishes() -> None:
    """Serialised, carried and decoded again: five parts, and no light message where there is no light."""
    zenoh = pytest.importorskip("zenoh", reason="eclipse-zenoh is not installed: pip install 'adaptd[ros]'")
    pytest.importorskip("rosbags", reason="rosbags is not installed: pip install 'adaptd[ros]'")
    from adaptd.gateway.ros.bridge import Bridge
    from tests.gateway.mqtt.broker import free_port, until

    address = f"tcp/127.0.0.1:{free_port()}"

    heard: dict[str, Any] = {}
    with opened(zenoh, address, "peer", "listen") as reader, opened(zenoh, address, "client", "connect") as session:
        subscriber = reader.declare_subscriber("0/**", lambda sample: heard.update({str(sample.key_expr): sample}))
        bridge = Bridge(session, "box7")
        until(lambda: bridge.publish(document(), time.time_ns()) or len(heard) >= 2, "two topics")
        subscriber.undeclare()
        store = bridge.store
        (key,) = [name for name in heard if "DiagnosticArray" in name]
        array = store.deserialize_cdr(bytes(heard[key].payload), "diagnostic_msgs/msg/DiagnosticArray")
        assert [(one.name, one.level) for one in array.status][3] == ("adaptd: light", 3)
        assert {one.hardware_id for one in array.status} == {"box7"}
        assert len(bytes(heard[key].attachment)) == 33
        assert not [name for name in heard if "Illuminance" in name]


def test_a_client_sets_the_budget_over_the_wire() -> None:
    """A query as rmw_zenoh's clients send it reaches the daemon's door, the response names the request; results are CDR."""
    zenoh = pytest.importorskip("zenoh", reason="eclipse-zenoh is not installed: pip install 'adaptd[ros]'")
    pytest.importorskip("rosbags", reason="rosbags is not installed: pip install 'adaptd[ros]'")
    from adaptd.gateway.ros.bridge import Bridge
    from adaptd.gateway.ros.parameters import DOUBLE, Parameters, value_of
    from adaptd.gateway.ros.vision import Camera
    from tests.gateway.mqtt.broker import free_port, until

    address = f"tcp/127.0.0.1:{free_port()}"
    asked: list[Any] = []
    heard: dict[str, Any] = {}
    kind = "rcl_interfaces/srv/SetParameters"
    with opened(zenoh, address, "peer", "listen") as client, opened(zenoh, address, "client", "connect") as session:
        bridge = Bridge(session, "box7", camera=Camera("front"))
        bridge.offer(Parameters(bridge.store.types, lambda verb, body: asked.append((verb, body))))
        subscriber = client.declare_subscriber("0/adaptd/**", lambda sample: heard.update({str(sample.key_expr): sample}))
        types = bridge.store.types
        one = types["rcl_interfaces/msg/Parameter"](name="budget_w", value=value_of(types, DOUBLE, 9.5))
        request = bytes(bridge.store.serialize_cdr(types[f"{kind}_Request"](parameters=[one]), f"{kind}_Request"))

        def ask() -> list[Any]:
            key = "0/adaptd/set_parameters/rcl_interfaces::srv::dds_::SetParameters_/*"
            return list(client.get(key, payload=request, attachment=attachment(7, 9, b"c" * 16)))

        replies: list[Any] = []
        until(lambda: replies.extend(ask()) or bool(replies), "an answer")
        answer = bridge.store.deserialize_cdr(bytes(replies[0].ok.payload), f"{kind}_Response")
        assert answer.results[0].successful
        assert asked[0] == ("/v1/budget", {"watts": 9.5, "by": "ros parameter", "reason": "budget_w set over ROS 2"})
        assert client_of(bytes(replies[0].ok.attachment)) == (7, b"c" * 16)
        result = {"class": "cat", "score_ppm": 1, "latency_us": 5, "mono_us": 9, "boxes": []}
        until(lambda: bridge.see(result, 10**9, 2 * 10**9) or bool(heard), "a result")
        subscriber.undeclare()
    assert "Detection2DArray" in next(iter(heard))
    assert "/SS/" in entity_token(Topic("/x", "a/srv/B", "h"), "z", "adaptd", 1, "SS")


def opened(zenoh: Any, address: str, mode: str, key: str) -> Any:
    """A session on loopback alone."""
    config = zenoh.Config()
    config.insert_json5("mode", f'"{mode}"')
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5(f"{key}/endpoints", f'["{address}"]')
    return zenoh.open(config)
