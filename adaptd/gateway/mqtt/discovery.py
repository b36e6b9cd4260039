"""What Home Assistant needs to know: one retained document that describes the device and all its entities. Pure.

Every entity is a row of a table. A reading's entity is available only while gateway and daemon answer *and* the reading exists;
``expire_after`` takes it away when messages stop. Nothing here is a value, so retaining it is safe.
"""

from dataclasses import dataclass
from typing import Any

from adaptd.client import ALERT_KINDS
from adaptd.gateway.mqtt.events import EVENT_TYPES, FAULT, REFUSAL, SWAP
from adaptd.gateway.mqtt.topics import OFFLINE, ONLINE, Outgoing, Topics, payload_of, slug

ORIGIN_URL = "https://github.com/adaptd/adaptd"
DIAGNOSTIC, CONFIG = "diagnostic", "config"
MODES = ("reference", "efficient", "reduced", "protect", "stopped", "fault")
HOLD_MINUTES = 10
MOST_ROWS = 56  # sensors in one document of 64 kB; further bands of further cameras are in the topic ``account`` alone


@dataclass(frozen=True, slots=True)
class About:
    """What the document says of the device: ``name`` for people, versions, the bands of the account (``BAND/CAMERA`` where
    there are several cameras), the cameras, the page's address."""

    name: str
    version: str
    bands: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    page: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One sensor: the topic it reads, the key there, and what Home Assistant should know of it."""

    key: str
    name: str
    topic: str
    field: str
    device_class: str = ""
    unit: str = ""
    state_class: str = ""
    category: str = ""
    digits: int | None = None
    icon: str = ""
    attributes: bool = False


ROWS = (
    Row("mode", "Mode", "state", "state", "enum", icon="mdi:state-machine", attributes=True),
    Row("engine", "Engine", "state", "engine", icon="mdi:engine"),
    Row("rate", "Frame rate", "state", "rate_fps", "", "fps", "measurement", digits=1, icon="mdi:speedometer"),
    Row("band", "Light band", "state", "band", icon="mdi:theme-light-dark"),
    Row("why", "Why", "state", "why", category=DIAGNOSTIC, icon="mdi:help-circle-outline"),
    Row("temperature", "Temperature", "temperature", "temperature_c", "temperature", "°C", "measurement", DIAGNOSTIC, 1),
    Row("power", "Power", "power", "power_w", "power", "W", "measurement", DIAGNOSTIC, 2),
    Row("light", "Light", "light", "illuminance_lx", "illuminance", "lx", "measurement", DIAGNOSTIC, 1),
    Row("energy", "Energy", "energy", "energy_wh", "energy", "Wh", "total_increasing", digits=1),
    Row("delivered", "Frames delivered", "frames", "delivered_frames", "", "frames", "total_increasing", DIAGNOSTIC, 0),
    Row("missed", "Frames late", "frames", "missed_frames", "", "frames", "total_increasing", DIAGNOSTIC, 0),
    Row("dropped", "Frames dropped", "frames", "dropped_frames", "", "frames", "total_increasing", DIAGNOSTIC, 0),
    Row("swaps", "Engine swaps", "frames", "swaps", "", "swaps", "total_increasing", DIAGNOSTIC, 0),
    Row("backend", "Backend", "engines", "backend", category=DIAGNOSTIC, icon="mdi:chip"),
    Row("policy", "Policy", "state", "policy", category=DIAGNOSTIC, icon="mdi:file-cog-outline"),
    Row("uptime", "Uptime", "state", "uptime_s", "duration", "s", "measurement", DIAGNOSTIC, 0),
    Row("log_record", "Newest log record", "log", "newest_record", category=DIAGNOSTIC, icon="mdi:script-text-outline"),
    Row("log_signed", "Log signed to record", "log", "signed_to_record", category=DIAGNOSTIC, icon="mdi:seal"),
)


def discovery(topics: Topics, about: About, *, period_s: float, commands: bool, former: dict[str, str] | None = None) -> Outgoing:
    """The retained document. ``former`` is ``{component: platform}`` of one that the broker still held: what is no longer

    there is named with its platform alone, which removes the entity.
    """
    components = _components(topics, about, round(3 * period_s), commands=commands)
    gone = {key: {"platform": platform} for key, platform in (former or {}).items() if key not in components}
    origin = {"name": "adaptd", "sw_version": about.version, "support_url": ORIGIN_URL}
    words = {"device": _device(topics, about), "origin": origin, "components": {**components, **gone}}
    return Outgoing(topics.config, payload_of(words), retain=True, qos=1)


def _device(topics: Topics, about: About) -> dict[str, Any]:
    device = {
        "identifiers": [f"adaptd_{topics.box}"],
        "name": about.name,
        "manufacturer": "adaptd",
        "model": "adaptd box",
        "serial_number": topics.box,
        "sw_version": about.version,
    }
    if about.page.startswith(("http://", "https://")):
        device["configuration_url"] = about.page
    return device


def _components(topics: Topics, about: About, expire_s: int, *, commands: bool) -> dict[str, dict[str, Any]]:
    rows = [*ROWS, *_camera_rows(about.cameras), *_account_rows(about.bands, about.cameras)][:MOST_ROWS]
    found = {row.key: _sensor(topics, row, expire_s) for row in rows}
    found["problem"] = _problem(topics, expire_s)
    found["daemon"] = _daemon(topics)
    for name, words, icon in (
        (SWAP, "Swap", "mdi:swap-horizontal"),
        (REFUSAL, "Refusal", "mdi:shield-alert-outline"),
        (FAULT, "Fault", "mdi:alert-circle-outline"),
    ):
        found[f"event_{name}"] = _event(topics, f"event_{name}", words, topics.of(f"event/{name}"), EVENT_TYPES[name], icon)
    found["event_alert"] = _event(topics, "event_alert", "Alert", topics.of("alert"), ALERT_KINDS, "mdi:bell-alert-outline")
    if commands:
        found.update(_controls(topics))
    return found


def _slugs(names: tuple[str, ...]) -> dict[str, str]:
    """Each name for use in an identifier; names that look alike there stay two."""
    found: dict[str, str] = {}
    for name in names:
        plain = slug(name)
        found[name] = plain if plain not in found.values() else f"{plain}_{len(found)}"
    return found


def _camera_rows(cameras: tuple[str, ...]) -> list[Row]:
    """Of each camera what arrives, and what was last seen."""
    rows = []
    for name, plain in _slugs(cameras).items():
        topic = f"camera/{name}"
        key, words = f"camera_{plain}_rate", f"Frames arriving at {name}"
        rows.append(Row(key, words, topic, "arriving_fps", "", "fps", "measurement", DIAGNOSTIC, 1))
        rows.append(Row(f"camera_{plain}_result", f"Result of {name}", topic, "label", icon="mdi:eye", attributes=True))
    return rows


def _account_rows(bands: tuple[str, ...], cameras: tuple[str, ...]) -> list[Row]:
    """One a light band, of each camera where there are several. A further camera changes no identifier."""
    plain, lights = _slugs(cameras), list(dict.fromkeys(cell.partition("/")[0] for cell in bands))
    rows = []
    for cell in bands:
        light, _, camera = cell.partition("/")
        key = f"loss_{lights.index(light)}_{slug(light)}" + (f"_{plain.get(camera) or slug(camera)}" if camera else "")
        name = f"Loss bound in {light} light" + (f", {camera}" if camera else "")
        rows.append(Row(key, name, "account", f"bands.{cell}", "", "%", "measurement", digits=3, icon="mdi:scale-balance"))
    return rows


def _base(topics: Topics, platform: str, key: str, name: str) -> dict[str, Any]:
    unique = f"adaptd_{topics.box}_{key}"
    return {"platform": platform, "unique_id": unique, "default_entity_id": f"{platform}.{slug(unique, 120)}", "name": name}


def _here(topics: Topics, *more: dict[str, str]) -> dict[str, Any]:
    """Available while gateway, daemon and all of ``more`` say so."""
    return {"availability": [_said_on(topics.available), _said_on(topics.daemon), *more], "availability_mode": "all"}


def _said_on(topic: str) -> dict[str, str]:
    return {"topic": topic, "payload_available": ONLINE, "payload_not_available": OFFLINE}


def _sensor(topics: Topics, row: Row, expire_s: int) -> dict[str, Any]:
    topic, value = topics.of(row.topic), _path(row.field)
    words = {
        **_base(topics, "sensor", row.key, row.name),
        "state_topic": topic,
        "value_template": "{{ (" + value + ") | string | truncate(250, true) }}" if row.field == "why" else "{{ " + value + " }}",
        "expire_after": expire_s,
        **_here(topics, _exists(topic, value)),
    }
    optional = {
        "device_class": row.device_class, "unit_of_measurement": row.unit, "state_class": row.state_class,
        "entity_category": row.category, "icon": row.icon,
    }  # fmt: skip
    words.update({name: text for name, text in optional.items() if text})
    if row.digits is not None:
        words["suggested_display_precision"] = row.digits
    if row.device_class == "enum":
        words["options"] = list(MODES)
    if row.attributes:
        words["json_attributes_topic"] = topic
    return words


def _exists(topic: str, value: str) -> dict[str, str]:
    """A reading that is null makes its entity unavailable: never a zero, never the last value."""
    return {**_said_on(topic), "value_template": "{{ '" + OFFLINE + "' if (" + value + ") is none else '" + ONLINE + "' }}"}


def _path(field: str) -> str:
    """A template expression for a key; a band's name is quoted, and cannot leave the quotes."""
    if not field.startswith("bands."):
        return f"value_json.{field}"
    band = field.removeprefix("bands.").replace("\\", "").replace("'", "").replace("{", "").replace("}", "").replace("%", "")
    return f"(value_json.bands.get('{band}') or {{}}).get('bound_pct')"


def _problem(topics: Topics, expire_s: int) -> dict[str, Any]:
    topic = topics.of("state")
    return {
        **_base(topics, "binary_sensor", "problem", "Problem"),
        "state_topic": topic,
        "value_template": "{{ 'ON' if value_json.problem else 'OFF' }}",
        "device_class": "problem",
        "expire_after": expire_s,
        **_here(topics, _exists(topic, "value_json.problem")),
    }


def _daemon(topics: Topics) -> dict[str, Any]:
    """Whether the daemon answers: known as long as the gateway is there."""
    return {
        **_base(topics, "binary_sensor", "daemon", "Daemon"),
        "state_topic": topics.daemon,
        "payload_on": ONLINE,
        "payload_off": OFFLINE,
        "device_class": "connectivity",
        "entity_category": DIAGNOSTIC,
        "availability": [_said_on(topics.available)],
    }


def _event(topics: Topics, key: str, name: str, topic: str, types: tuple[str, ...], icon: str) -> dict[str, Any]:
    """Available while the gateway is: an alert also comes when the daemon is away."""
    return {
        **_base(topics, "event", key, name),
        "state_topic": topic,
        "event_types": list(types),
        "icon": icon,
        "availability": [_said_on(topics.available)],
    }


def _controls(topics: Topics) -> dict[str, dict[str, Any]]:
    """What the owner may ask for from Home Assistant; there only while commands are on."""
    by = '"by":"home-assistant"'
    why = '"reason":"asked for in Home Assistant",' + by
    hold = '{"minutes":' + str(HOLD_MINUTES) + "," + why + "}"
    rows: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("button", "hold", f"Hold the reference for {HOLD_MINUTES} minutes", {"payload_press": hold, "icon": "mdi:lock-clock"}),
        ("button", "reload", "Reload the policy", {"payload_press": "{" + by + "}", "icon": "mdi:reload"}),
        (
            "number", "budget", "Power budget",
            {
                "command_template": '{"watts":{{ value }},' + why + "}", "device_class": "power", "unit_of_measurement": "W",
                "min": 1, "max": 1000, "step": 0.5, "mode": "box", "optimistic": True,
            },
        ),
    )  # fmt: skip
    return {
        f"set_{key}": {
            **_base(topics, platform, f"set_{key}", name),
            "command_topic": topics.commands + key,
            "qos": 1,
            "entity_category": CONFIG,
            **_here(topics),
            **more,
        }
        for platform, key, name, more in rows
    }
