"""What a person reads of parts: one line each, and the account."""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any


def part_line(one: Mapping[str, Any]) -> str:
    """Time, part, verdict, what was found or why it cannot be told, and what that rests on."""
    at = datetime.fromtimestamp(one["end_us"] / 1e6, tz=timezone.utc).astimezone()
    found = ", ".join(_defect(defect) for defect in one["defects"]) or ", ".join(one["reasons"])
    checked = f"; proved {one['truth']}" if one.get("truth") else ""
    picture = f"; picture {one['picture']}" if one.get("picture") else ""
    words = f" ({found})" if found else ""
    return f"{at:%H:%M:%S}  {one['part']:<16} {one['verdict'].upper()}{words}; {rests_on(one)}{picture}{checked}"


def _defect(defect: Mapping[str, Any]) -> str:
    where = f" at camera {defect['camera']}" if defect["camera"] else ""
    return f"{defect['kind'].replace('_', ' ')} {defect['score_ppm'] / 10_000:.0f} %{where}"


def rests_on(one: Mapping[str, Any]) -> str:
    """Frames, engines, light and the detector's qualified mAP."""
    basis = one["basis"]
    frames = sum(one["frames"].values())
    engines = "+".join(basis["engines"]) or "no engine"
    light = "+".join(basis["light"]) or "unknown"
    known = basis["lowest_map_ppm"]
    quality = "mAP not qualified" if known is None else f"mAP {known / 1e6:.3f}"
    return f"{frames} frames at {one['slowest_mfps'] / 1000:.1f}/s, {engines} in {light} light, {quality}"


def account_lines(found: Mapping[str, Any]) -> list[str]:
    """Parts by verdict, then what people found of them."""
    parts = found["parts"]
    lines = [f"{sum(parts.values())} parts: " + ", ".join(f"{count} {name}" for name, count in parts.items())]
    if not found["checked"]:
        return [*lines, "nobody has looked at any of them again: adaptd agv check PART sound|defective"]
    lines.append(f"{found['checked']} checked by a person:")
    lines.append(f"  missed defects  {_of(found['missed_defects'], found['missed_share_ppm'], 'defective parts')}")
    lines.append(f"  false rejects   {_of(found['false_rejects'], found['false_reject_share_ppm'], 'sound parts')}")
    return lines


def _of(count: int, share_ppm: int | None, what: str) -> str:
    return f"{count}" + ("" if share_ppm is None else f", {share_ppm / 10_000:.1f} % of the {what}")
