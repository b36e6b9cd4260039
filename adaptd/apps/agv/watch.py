"""What goes wrong while a vehicle inspects: a camera that vanishes, a rate that is missed, a battery that will not last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adaptd.apps.agv.settings import SECOND_US, Settings

GONE_AFTER_US = 2 * SECOND_US
RATE_OVER_US = 10 * SECOND_US
SLOW_PPM = 900_000  # of the goal: less is told


@dataclass(slots=True)
class Watch:
    """Hears every result and the status now and then; ``lines`` gives what is wrong now, as key and words."""

    settings: Settings
    last_us: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    since_us: int | None = None
    rates: dict[str, float] = field(default_factory=dict)

    def result(self, camera: str, at_us: int) -> None:
        self.last_us[camera] = at_us
        if self.since_us is None:
            self.since_us = at_us
        self.counts[camera] = self.counts.get(camera, 0) + 1

    def lines(self, status: Mapping[str, Any], now_us: int, hours: float | None) -> dict[str, str]:
        """What is wrong now. ``hours`` is the mission that was asked for, None without one."""
        self._measure(now_us)
        found = {f"camera {name}": self._gone(name) for name in self._gone_cameras(now_us)}
        slow = {name: rate for name, rate in self.rates.items() if rate * 1000 < self.settings.goal_mfps * SLOW_PPM / 1e6}
        if slow and not found:
            name, rate = min(slow.items(), key=lambda pair: pair[1])
            of = f" of camera {name}" if name else ""
            why = status.get("why") or "the daemon does not say why"
            found["rate"] = f"{rate:.1f} frames/s{of}, the goal is {self.settings.goal_mfps / 1000:g}: {why}"
        if (battery := battery_line(status, hours)) is not None:
            found["battery"] = battery
        return found

    def _gone_cameras(self, now_us: int) -> list[str]:
        names = set(self.settings.cameras) | set(self.last_us)
        begun = self.since_us if self.since_us is not None else now_us
        return sorted(name for name in names if now_us - self.last_us.get(name, begun) > GONE_AFTER_US)

    def _gone(self, name: str) -> str:
        who = f"camera {name}" if name else "the camera"
        return f"{who} gives no frames, look at its cable and at `adaptd status`; parts it should see cannot be told"

    def _measure(self, now_us: int) -> None:
        if self.since_us is not None and now_us - self.since_us >= RATE_OVER_US:
            seconds = (now_us - self.since_us) / 1e6
            self.rates = {name: count / seconds for name, count in self.counts.items()}
            self.counts, self.since_us = dict.fromkeys(self.counts, 0), now_us


def battery_line(status: Mapping[str, Any], hours: float | None) -> str | None:
    """What is wrong with the mission's battery; None where it lasts, or where no mission was asked for."""
    if hours is None or not status:
        return None
    known = status.get("endurance")
    if known is None:
        return (
            f"nobody plans for {hours:g} h: the policy in force has no goal, write `endurance: {{hours: {hours:g}}}` into it "
            "and reload"
        )
    if "missing" in known:
        return f"the mission of {hours:g} h is not planned for: {known['missing']}"
    if not known.get("fed") and not known.get("reachable", True):
        return f"the mission of {hours:g} h does not fit the battery: {known.get('words', 'it is too small')}"
    return None
