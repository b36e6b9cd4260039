"""The hourly summary: what happened between two moments, from status documents, and how two summaries become one.

Schema ``adaptd/v1/<box>/summary`` version 1; docs/mqtt.md names every key. What was not observed is None or a shorter
``observed_s``, never a zero. Pure: time comes in as arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

HOUR_MS = 3_600_000
LONGEST_STEP_S = 30.0  # a longer silence between two documents is a gap: nothing is assumed of it
MAX_NAMES = 32  # faults, engines, bands and reasons named in one summary
FRAME_KEYS = ("delivered", "missed", "dropped", "shadow")


@dataclass(slots=True)
class Hour:
    """Sums since ``from_ms`` (UTC). ``last`` is the previous document with its monotonic second, or None after a gap."""

    from_ms: int
    observed_s: float = 0.0
    energy_j: float = 0.0
    energy_s: float = 0.0
    heat_c_s: float = 0.0
    heat_s: float = 0.0
    heat_max_c: float | None = None
    simulated: bool = False
    swaps: int = 0
    frames: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FRAME_KEYS, 0))
    engine_s: dict[str, float] = field(default_factory=dict)
    mode_s: dict[str, float] = field(default_factory=dict)
    band_s: dict[str, float] = field(default_factory=dict)
    broken_s: dict[str, float] = field(default_factory=dict)
    faults: dict[str, float] = field(default_factory=dict)
    gap_s: dict[str, float] = field(default_factory=dict)
    served: dict[str, float] = field(default_factory=dict)
    refusals: dict[str, float] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)

    def see(self, document: dict[str, Any], before: dict[str, Any] | None, step_s: float) -> None:
        """Add ``step_s`` seconds that ended in ``document``; ``before`` is the document they began with."""
        self.versions = _versions(document)
        if isinstance(document.get("account"), dict):
            self.account = dict(list(document["account"].items())[:MAX_NAMES])
        if step_s > LONGEST_STEP_S:
            self.absent("nothing_heard", step_s)
        if before is None or not 0 < step_s <= LONGEST_STEP_S:
            return
        self.observed_s += step_s
        self._count(document, before)
        self._measure(document, before, step_s)
        add(self.mode_s, str(document.get("state", "unknown")), step_s)
        add(self.engine_s, str((document.get("operating_point") or {}).get("variant", "none")), step_s)
        add(self.band_s, str(document.get("band") or "unknown"), step_s)
        for name, holds in (document.get("conditions") or {}).items():
            if not holds:
                add(self.broken_s, str(name), step_s)
        for words in new_lines(before.get("trouble") or (), document.get("trouble") or ()):
            add(self.faults, str(words)[:160], 1)

    def absent(self, reason: str, step_s: float) -> None:
        """``step_s`` seconds in which the daemon said nothing."""
        if step_s > 0:
            add(self.gap_s, reason[:80], step_s)

    def _count(self, document: dict[str, Any], before: dict[str, Any]) -> None:
        restarted = document.get("uptime_s", 0) < before.get("uptime_s", 0)
        now, then = document.get("frames") or {}, {} if restarted else before.get("frames") or {}
        for key in FRAME_KEYS:
            self.frames[key] += max(0, int(now.get(key, 0)) - int(then.get(key, 0)))
        for name, sums in (("served", self.served), ("refusals", self.refusals)):
            earlier = {} if restarted else before.get(name) or {}
            for key, count in (document.get(name) or {}).items():
                if count > earlier.get(key, 0):
                    add(sums, str(key), count - earlier.get(key, 0))
        self.swaps += max(0, int(document.get("swaps", 0)) - (0 if restarted else int(before.get("swaps", 0))))

    def _measure(self, document: dict[str, Any], before: dict[str, Any], step_s: float) -> None:
        sensors = document.get("sensors") or {}
        power, heat = sensors.get("power_mw") or {}, sensors.get("temperature_mc") or {}
        joules, seconds = energy_between(before, document, step_s)
        self.energy_j += joules
        self.energy_s += seconds
        if "value" in heat:
            celsius = heat["value"] / 1000
            self.heat_c_s += celsius * step_s
            self.heat_s += step_s
            self.heat_max_c = celsius if self.heat_max_c is None else max(self.heat_max_c, celsius)
        self.simulated = self.simulated or bool(power.get("simulated") or heat.get("simulated"))

    def words(self, box: str, to_ms: int) -> dict[str, Any]:
        """The summary as it is sent."""
        return {
            "v": 1,
            "key": f"summary:{box}:{self.from_ms}",
            "box": box,
            "from_utc_ms": self.from_ms,
            "to_utc_ms": max(to_ms, self.from_ms),
            "observed_s": round(self.observed_s, 1),
            "energy": {"energy_j": round(self.energy_j, 1) if self.energy_s else None, "measured_s": round(self.energy_s, 1)},
            "heat": {
                "mean_c": round(self.heat_c_s / self.heat_s, 2) if self.heat_s else None,
                "max_c": self.heat_max_c,
                "measured_s": round(self.heat_s, 1),
            },
            "frames": {f"{name}_frames": count for name, count in self.frames.items()},
            "swaps": self.swaps,
            "engines_s": _rounded(self.engine_s),
            "modes_s": _rounded(self.mode_s),
            "bands_s": _rounded(self.band_s),
            "conditions_broken_s": _rounded(self.broken_s),
            "faults": _counts(self.faults),
            "refusals": _counts(self.refusals),
            "engines_frames": _counts(self.served),
            "gaps_s": _rounded(self.gap_s),
            "account": self.account,
            "versions": self.versions,
            "simulated": self.simulated,
            "merged": 1,
        }


def energy_between(before: dict[str, Any], document: dict[str, Any], step_s: float) -> tuple[float, float]:
    """Joules from one document to the next and the seconds they were measured over: the daemon's own counter where it has one,

    else power times time; (0, 0) where power is not known. A counter that went back began anew with the daemon.
    """
    now, then = document.get("energy"), before.get("energy")
    if isinstance(now, dict) and isinstance(then, dict):
        again = now["total_mj"] < then["total_mj"] or document.get("uptime_s", 0) < before.get("uptime_s", 0)
        millijoules = now["total_mj"] - (0 if again else then["total_mj"])
        seconds = now["known_s"] - (0 if again else then["known_s"])
        return millijoules / 1000, float(seconds)
    power = (document.get("sensors") or {}).get("power_mw") or {}
    return (power["value"] / 1000 * step_s, step_s) if "value" in power else (0.0, 0.0)


def new_lines(before: Sequence[Any], now: Sequence[Any]) -> list[Any]:
    """What was appended to a list that forgets its oldest lines: ``now`` without the longest end of ``before`` it begins with."""
    for kept in range(min(len(before), len(now)), 0, -1):
        if list(before[-kept:]) == list(now[:kept]):
            return list(now[kept:])
    return list(now)


def add(sums: dict[str, float], name: str, amount: float) -> None:
    """Add to a named sum; names beyond ``MAX_NAMES`` share one, so that no text from outside makes a summary large."""
    name = name if name in sums or len(sums) < MAX_NAMES else "others"
    sums[name] = sums.get(name, 0) + amount


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """One summary of two that follow one another: sums are added, the later statement and versions stay."""
    heats, energies = (first["heat"], second["heat"]), (first["energy"], second["energy"])
    heat_s = sum(heat["measured_s"] for heat in heats)
    joules = [energy["energy_j"] for energy in energies if energy["energy_j"] is not None]
    peaks = [heat["max_c"] for heat in heats if heat["max_c"] is not None]
    whole = dict(second)
    whole.update(
        key=first["key"].partition("+")[0] + f"+{first['merged'] + second['merged']}",
        from_utc_ms=first["from_utc_ms"],
        observed_s=round(first["observed_s"] + second["observed_s"], 1),
        energy={"energy_j": round(sum(joules), 1) if joules else None, "measured_s": _sum(energies, "measured_s")},
        heat={
            "mean_c": round(sum((heat["mean_c"] or 0) * heat["measured_s"] for heat in heats) / heat_s, 2) if heat_s else None,
            "max_c": max(peaks) if peaks else None,
            "measured_s": round(heat_s, 1),
        },
        frames={name: first["frames"].get(name, 0) + count for name, count in second["frames"].items()},
        swaps=first["swaps"] + second["swaps"],
        account={**first["account"], **second["account"]},
        simulated=first["simulated"] or second["simulated"],
        merged=first["merged"] + second["merged"],
    )
    if "first" in first:
        whole["first"] = first["first"]
    for name in ("engines_s", "modes_s", "bands_s", "conditions_broken_s", "faults", "refusals", "engines_frames", "gaps_s"):
        sums = dict(first[name])
        for key, seconds in second[name].items():
            add(sums, key, seconds)
        whole[name] = _rounded(sums)
    return whole


def _sum(rows: tuple[dict[str, Any], ...], key: str) -> float:
    return round(sum(float(row[key]) for row in rows), 1)


def _rounded(sums: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds, 1) for name, seconds in sums.items()}


def _counts(sums: dict[str, float]) -> dict[str, int]:
    return {name: int(count) for name, count in sums.items()}


def _versions(document: dict[str, Any]) -> dict[str, Any]:
    policy, engines = document.get("policy") or {}, document.get("engines") or {}
    return {
        "adaptd": document.get("version"),
        "policy": policy.get("name"),
        "policy_sha256": policy.get("sha256"),
        "backend": engines.get("backend"),
        "board": document.get("board"),
        "model": document.get("model"),
        "precision": engines.get("precision") or {},
    }
