"""Runs inside an interpreter that has Home Assistant: its core with the MQTT integration alone, on one broker.

Not imported by anything; ``tests.gateway.mqtt.home_assistant`` starts it. For each line on standard input it prints one line of
JSON with the devices and entities that Home Assistant has made of what it heard; it ends with standard input.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import homeassistant.const as const
from homeassistant import auth, bootstrap, config_entries, core, loader
from homeassistant.helpers import device_registry, entity_registry
from homeassistant.setup import async_setup_component

STATUS = {"topic": "homeassistant/status", "qos": 0, "retain": False}


def write_entry(folder: Path, port: int) -> None:
    """The MQTT integration as a person would have set it up, with its default birth and will messages."""
    options = {
        "discovery": True,
        "discovery_prefix": "homeassistant",
        "birth_message": {**STATUS, "payload": "online"},
        "will_message": {**STATUS, "payload": "offline"},
    }
    made = "2026-01-01T00:00:00+00:00"
    entry = {
        "created_at": made, "modified_at": made, "data": {"broker": "127.0.0.1", "port": port}, "disabled_by": None,
        "discovery_keys": {}, "domain": "mqtt", "entry_id": "1", "minor_version": 2, "options": options,
        "pref_disable_new_entities": False, "pref_disable_polling": False, "source": "user", "subentries": [], "title": "broker",
        "unique_id": None, "version": 1,
    }  # fmt: skip
    store = folder / ".storage"
    store.mkdir(parents=True)
    (folder / "configuration.yaml").touch()
    document = {"version": 1, "minor_version": 5, "key": "core.config_entries", "data": {"entries": [entry]}}
    (store / "core.config_entries").write_text(json.dumps(document))


async def started(folder: Path, port: int) -> Any:
    """A running Home Assistant without frontend, cloud or anything that asks another host."""
    write_entry(folder, port)
    hass = core.HomeAssistant(str(folder))
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    hass.auth = await auth.auth_manager_from_config(hass, [{"type": "homeassistant"}], [])
    await async_setup_component(hass, "http", {"http": {"server_host": "127.0.0.1", "server_port": int(sys.argv[3])}})
    if not await async_setup_component(hass, "mqtt", {}):
        raise SystemExit("Home Assistant did not set up its MQTT integration")
    await hass.async_start()
    return hass


def seen(hass: Any) -> dict[str, Any]:
    """What it knows of MQTT devices and entities now."""
    devices = [one for one in device_registry.async_get(hass).devices.values() if any(i[0] == "mqtt" for i in one.identifiers)]
    entities = {}
    for one in entity_registry.async_get(hass).entities.values():
        state = hass.states.get(one.entity_id)
        entities[one.entity_id] = {
            "state": state.state if state else None,
            "attributes": {name: str(value) for name, value in (state.attributes if state else {}).items()},
            "category": one.entity_category,
        }
    return {
        "version": const.__version__,
        "devices": [{"name": one.name, "model": one.model, "version": one.sw_version} for one in devices],
        "entities": entities,
    }


async def main() -> None:
    """Answer until standard input ends."""
    hass = await started(Path(sys.argv[1]), int(sys.argv[2]))
    while await asyncio.to_thread(sys.stdin.readline):
        await hass.async_block_till_done()
        print(json.dumps(seen(hass)), flush=True)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(main())
