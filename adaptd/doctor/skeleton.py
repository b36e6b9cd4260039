"""A hardware profile made from the device itself: its own zones, meters and trip points in the place of the nearest shipped ones.

What a device cannot tell (poles, idle power, what a precision gains) is kept from the shipped profile with its class and source,
so `adaptd doctor --profile FILE` goes on saying what is assumed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from adaptd.config.profile import read_profile_model
from adaptd.doctor.compare import lowest_trip
from adaptd.doctor.probe import read_all
from adaptd.sense.board import Board
from adaptd.sense.catalog import TOTAL_RAILS, Catalog
from adaptd.sense.source import TEMPERATURE, Source
from adaptd.sense.thermal_zone import HottestZone
from adaptd.vocabulary import Missing

READ_HERE = "read from this device by adaptd doctor"
_LONGEST_NAME = 40


class _Plain(yaml.SafeDumper):
    """Without anchors, which profiles refuse."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def skeleton(board: Board, base: Path, catalog: Catalog) -> str:
    """The text of a profile: ``base`` with what ``catalog`` found in its place."""
    model = read_profile_model(base).model_dump(by_alias=True, exclude_none=True)
    model["profile"] = _name(board, str(model["profile"]))
    sensors = model["sensors"]
    sensors["temperature_zones"] = _readable(catalog.fallback(TEMPERATURE)) or sensors["temperature_zones"]
    sensors["power_rails"] = _meters(catalog) or sensors["power_rails"]
    sensors["light"] = [*(light.name for light in catalog.lights), "camera"]
    for kind in ("passive", "critical"):
        if (lowest := lowest_trip(catalog, kind)) is not None:
            model["thermal"][f"{kind}_c"] = {"value": _celsius(lowest), "class": "measured", "source": READ_HERE}
    _keep_order(model["thermal"], sensors)
    head = f"# Of this very board, made by adaptd doctor from {base.name}. To see what is assumed: adaptd profile show FILE\n"
    return head + yaml.dump(model, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=160)


def with_light(base: Path, name: str) -> str:
    """The text of profile ``base`` with ``name`` in the place of its camera."""
    model = read_profile_model(base).model_dump(by_alias=True, exclude_none=True)
    others = [each for each in model["sensors"]["light"] if each.partition(":")[0] != "camera"]
    model["sensors"]["light"] = [*others, name]
    head = f"# {base.name} with a calibrated camera, made by adaptd camera calibrate.\n"
    return head + yaml.dump(model, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=160)


def _readable(sources: Sequence[Source]) -> list[str]:
    """The names of those that give a number now, each once, as a profile writes them."""
    sources = [each for source in sources for each in (source.zones if isinstance(source, HottestZone) else [source])]
    readings = read_all(sources) if sources else {}
    good = [source for source in sources if not isinstance(readings[f"{source.quantity} {source.name}"], Missing)]
    return list(dict.fromkeys(source.name.removeprefix("thermal:").partition("#")[0] for source in good))


def _meters(catalog: Catalog) -> list[str]:
    """A total where there is one, else the sum of all rails, then counters and batteries, whether they can be read now or not."""
    totals = [rail.label for rail in catalog.rails if rail.label in TOTAL_RAILS]
    rails = totals or (["+".join(rail.label for rail in catalog.rails)] if catalog.rails else [])
    batteries = ["battery:all"] if len(catalog.batteries) > 1 else [each.name for each in catalog.batteries]
    return [*rails, *(counter.name for counter in catalog.counters), *batteries]


def _keep_order(thermal: dict[str, Any], sensors: dict[str, Any]) -> None:
    """A passive trip of the device above the critical one of the shipped profile lifts that, and with it the plausible range."""
    passive, critical = thermal["passive_c"]["value"], thermal["critical_c"]["value"]
    if passive >= critical:
        thermal["critical_c"] = {"value": passive + 5, "class": "assumed", "source": "5 K above the device's passive trip"}
    if thermal["ambient_c"]["value"] >= passive:
        thermal["ambient_c"] = {"value": passive - 30, "class": "assumed", "source": "30 K below the device's passive trip"}
    top = thermal["critical_c"]["value"] + 5
    if sensors["range_c"]["max"] < top:
        sensors["range_c"] |= {"max": top, "class": "assumed", "source": "above the device's critical trip"}


def _celsius(at_mc: int) -> float | int:
    return at_mc // 1000 if at_mc % 1000 == 0 else at_mc / 1000


def _name(board: Board, base: str) -> str:
    words = "".join(letter if letter.isalnum() else "-" for letter in (board.model or f"my {base}").lower())
    return "-".join(part for part in words.split("-") if part)[:_LONGEST_NAME].rstrip("-") or f"my-{base}"
