"""The discovery document keeps Home Assistant's published rules, each stated here as a fact, for every entity."""

import json
import re
from typing import Any

import pytest

from adaptd.client import ALERT_KINDS
from adaptd.gateway.mqtt.discovery import MODES, About, discovery
from adaptd.gateway.mqtt.events import EVENT_TYPES
from adaptd.gateway.mqtt.payloads import readings
from adaptd.gateway.mqtt.topics import Topics, is_box, slug
from adaptd.vocabulary import Mode
from tests.gateway.mqtt.documents import document

TOPICS = Topics("0a1b2c3d4e5f")
ABOUT = About("kitchen", "0.1.0", bands=("night", "bright"), page="http://10.0.0.7:8460/")

# Rules of Home Assistant's MQTT integration (device discovery; sensor, binary_sensor, event, button, number), as facts.
NEEDED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "event": {"state_topic", "event_types"},
    "button": {"command_topic"},
    "number": {"command_topic"},
}
SHARED = set(
    "platform unique_id default_entity_id name availability availability_mode entity_category icon device_class qos".split()
)
ALLOWED = {
    "sensor": set(
        "state_topic value_template expire_after unit_of_measurement state_class suggested_display_precision options "
        "json_attributes_topic".split()
    ),
    "binary_sensor": set("state_topic value_template expire_after payload_on payload_off".split()),
    "event": set("state_topic event_types".split()),
    "button": set("command_topic payload_press".split()),
    "number": set("command_topic command_template unit_of_measurement min max step mode optimistic".split()),
}
UNITS = {  # device class: units that it takes
    "temperature": {"°C", "°F", "K"},
    "power": {"mW", "W", "kW", "MW", "GW", "TW"},
    "energy": {"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal", "Mcal", "Gcal"},
    "illuminance": {"lx"},
    "duration": {"d", "h", "min", "s", "ms", "µs"},
    "enum": {None},
}
STATE_CLASSES = {"energy": {"total", "total_increasing"}, "temperature": {"measurement"}, "power": {"measurement"}}
GONE = {"object_id"}  # removed in 2026.4; default_entity_id took its place


def words_of(**options: Any) -> dict[str, Any]:
    """The document as Home Assistant parses it."""
    message = discovery(TOPICS, ABOUT, **{"period_s": 10, "commands": True, **options})
    assert message.topic == "homeassistant/device/adaptd_0a1b2c3d4e5f/config"
    assert message.retain
    return dict(json.loads(message.payload))


COMPONENTS = words_of()["components"]
EACH = pytest.mark.parametrize("key", list(COMPONENTS))


def test_the_root_has_device_origin_and_components() -> None:
    """Required at the root: a device with an identifier, an origin with a name, components."""
    words = words_of()
    assert set(words) == {"device", "origin", "components"}
    assert words["device"]["identifiers"] == ["adaptd_0a1b2c3d4e5f"]
    assert words["device"]["configuration_url"] == "http://10.0.0.7:8460/"
    assert words["origin"]["name"] == "adaptd"
    assert (
        "configuration_url"
        not in json.loads(discovery(TOPICS, About("x", "1", page="javascript:alert(1)"), period_s=10, commands=False).payload)[
            "device"
        ]
    )


@EACH
def test_each_component_has_what_its_platform_needs_and_nothing_unknown(key: str) -> None:
    """An unknown or missing key makes Home Assistant refuse the whole device."""
    words = COMPONENTS[key]
    platform = words["platform"]
    assert NEEDED[platform] <= set(words)
    assert set(words) <= SHARED | ALLOWED[platform]
    assert not set(words) & GONE


@EACH
def test_each_component_can_be_told_apart_and_named(key: str) -> None:
    """unique_id once in the house; default_entity_id with its domain, lower case, digits and underscores."""
    words = COMPONENTS[key]
    assert words["unique_id"] == f"adaptd_0a1b2c3d4e5f_{key}"
    assert re.fullmatch(rf"{words['platform']}\.[a-z0-9_]+", words["default_entity_id"])
    assert [one["unique_id"] for one in COMPONENTS.values()].count(words["unique_id"]) == 1


@EACH
def test_each_component_goes_away_with_the_gateway(key: str) -> None:
    """A list of availability topics, never together with availability_topic; the last will is among them."""
    words = COMPONENTS[key]
    assert TOPICS.available in [end["topic"] for end in words["availability"]]
    assert "availability_topic" not in words
    assert words.get("availability_mode", "latest") == ("all" if len(words["availability"]) > 1 else "latest")


@EACH
def test_each_reading_expires_and_each_event_does_not(key: str) -> None:
    """expire_after is three periods for what carries a reading; event, button and number do not know the key."""
    words = COMPONENTS[key]
    if words["platform"] == "sensor" or key == "problem":
        assert words["expire_after"] == 30
        assert any("is none" in end.get("value_template", "") for end in words["availability"])
    else:
        assert "expire_after" not in words


@EACH
def test_each_unit_fits_its_device_class(key: str) -> None:
    """A device class takes only its units; a state class only goes with numbers; enum has options and neither."""
    words = COMPONENTS[key]
    device_class = words.get("device_class")
    if words["platform"] == "sensor" and device_class:
        assert words.get("unit_of_measurement") in UNITS[device_class]
    if words.get("state_class") and device_class in STATE_CLASSES:
        assert words["state_class"] in STATE_CLASSES[device_class]
    if words.get("state_class") or "suggested_display_precision" in words:
        assert "unit_of_measurement" in words
    if device_class == "enum":
        assert words["options"]
        assert "state_class" not in words
    else:
        assert "options" not in words


@EACH
def test_each_category_is_one_that_the_platform_may_have(key: str) -> None:
    """A sensor is diagnostic or nothing; only what can be commanded is config."""
    category = COMPONENTS[key].get("entity_category")
    commandable = COMPONENTS[key]["platform"] in {"button", "number"}
    assert category == "config" if commandable else category in {None, "diagnostic"}


def test_every_template_reads_a_key_that_is_published() -> None:
    """No sensor waits for a key that never comes."""
    published = {
        message.topic: json.loads(message.payload)
        for message in readings(TOPICS, document(sensors={"light_mlx": {"value": 1, "age_ms": 0}}), {"energy_wh": 1.0})
    }
    for words in COMPONENTS.values():
        if words["platform"] != "sensor":
            continue
        assert words["state_topic"] in published
        for name in re.findall(r"value_json\.([a-z_]+)", words["value_template"]):
            assert name in published[words["state_topic"]]


def test_the_modes_are_the_daemons_and_the_event_types_those_that_are_sent() -> None:
    """A mode or event type outside the list would be dropped by Home Assistant."""
    assert set(MODES) == {mode.value for mode in Mode}
    assert set(COMPONENTS["event_alert"]["event_types"]) == set(ALERT_KINDS)
    for name, types in EVENT_TYPES.items():
        assert COMPONENTS[f"event_{name}"]["event_types"] == list(types)
        assert COMPONENTS[f"event_{name}"]["state_topic"] == f"adaptd/v1/0a1b2c3d4e5f/event/{name}"


def test_controls_are_there_only_while_commands_are_on() -> None:
    """Nobody is shown a button that does nothing."""
    reading_only = words_of(commands=False)["components"]
    assert not [key for key in reading_only if key.startswith("set_")]
    assert {key for key in COMPONENTS if key.startswith("set_")} == {"set_hold", "set_reload", "set_budget"}


def test_an_entity_that_is_gone_is_named_with_its_platform_alone() -> None:
    """That is how Home Assistant removes one entity of a device."""
    former = {key: words["platform"] for key, words in COMPONENTS.items()}
    components = words_of(commands=False, former=former)["components"]
    assert components["set_hold"] == {"platform": "button"}
    assert set(components) == set(former)


def cells(bands: int, cameras: tuple[str, ...]) -> tuple[str, ...]:
    """The bands of an account that is kept for each camera."""
    return tuple(f"band{band}/{camera}" for band in range(bands) for camera in cameras)


def test_each_of_several_cameras_has_entities_of_its_own() -> None:
    """Two cameras never share an entity or a topic, names that look alike stay two, and a third camera renames nothing."""
    found = []
    for cameras in (("front", "A-b", "a_b"), ("front", "A-b", "a_b", "rear")):
        about = About("box", "1", bands=cells(2, cameras), cameras=cameras)
        components = json.loads(discovery(TOPICS, about, period_s=10, commands=False).payload)["components"]
        rows = {key: words for key, words in components.items() if key.startswith(("loss_", "camera_"))}
        assert len(rows) == 4 * len(cameras)
        assert len({words["name"] for words in rows.values()}) == len(rows)
        assert len({(words["state_topic"], words["value_template"]) for words in rows.values()}) == len(rows)
        assert rows["camera_front_result"]["state_topic"] == "adaptd/v1/0a1b2c3d4e5f/camera/front"
        assert rows["loss_1_band1_front"]["name"] == "Loss bound in band1 light, front"
        found.append(rows)
    assert found[0].items() <= found[1].items()


def test_a_document_of_as_many_cameras_and_bands_as_there_can_be_is_sent() -> None:
    """Sixteen cameras in eight bands: at most 64 kB, and what each camera shows comes before its bounds."""
    cameras = tuple(f"camera-with-a-long-name-{at:08d}" for at in range(16))
    about = About("box", "1", bands=cells(8, cameras), cameras=cameras)
    components = json.loads(discovery(TOPICS, about, period_s=10, commands=True).payload)["components"]
    assert sum(key.startswith("camera_") for key in components) == 32
    assert any(key.startswith("loss_") for key in components)


def test_names_of_others_cannot_leave_their_place() -> None:
    """A band's name from a policy breaks neither a template nor a topic, and two that look alike stay two."""
    bands = ("a'}} {{ evil", "A !", "a_")
    components = json.loads(discovery(TOPICS, About("<b>", "1", bands=bands), period_s=10, commands=False).payload)["components"]
    rows = [words for key, words in components.items() if key.startswith("loss_")]
    assert len(rows) == 3
    assert all(words["value_template"].count("{{") == 1 and words["value_template"].count("}}") == 1 for words in rows)
    assert not is_box("a/b")
    assert not is_box("#")
    assert slug("../é") == "unnamed"
