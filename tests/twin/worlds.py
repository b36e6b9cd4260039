"""Small worlds for the twin's tests: one board, two engines, no noise unless asked for."""

from dataclasses import replace
from typing import Any

from adaptd.config.policy import Policy, parse_policy
from adaptd.config.profile import HardwareProfile, load_profile
from adaptd.config.shipped import policies_dir, profiles_dir
from adaptd.lab.episode import Episode
from adaptd.twin.scenario import facts_of, parse_scenario
from adaptd.twin.words import Scenario
from adaptd.vocabulary import OperatingPoint, Snapshot

TEXT = """
scenario: small
schema: 1
seed: 5
duration_s: 600
tick_s: 1
profile: orin-nx-16gb
policy: feeder
variants:
  fp16: {energy_mj: 200, latency_ms: 20}
  int8: {energy_mj: 100, latency_ms: 10, qualified: {bright: {n: 3000, disagreed: 2}}}
truth:
  disagreement_pct: {night: {int8: 3.0}}
signals:
  ambient_c: [[0, 50]]
  light_lux: [[0, 500]]
"""


def scenario(text: str = TEXT, **changes: Any) -> Scenario:
    """The small scenario, with fields of it or of its truth replaced."""
    word = parse_scenario(text)
    truth = {key: value for key, value in changes.items() if hasattr(word.truth, key)}
    own = {key: value for key, value in changes.items() if key not in truth}
    return replace(word, truth=replace(word.truth, **truth), **own)


def policy(name: str = "feeder", **changes: Any) -> Policy:
    """A shipped policy with fields replaced."""
    return replace(parse_policy((policies_dir() / f"{name}.yaml").read_text()), **changes)


def profile(name: str = "orin-nx-16gb") -> HardwareProfile:
    """A shipped profile."""
    return load_profile(profiles_dir() / f"{name}.yaml")


def episode(text: str = TEXT, rules: Policy | None = None, **changes: Any) -> Episode:
    """The small scenario with everything it needs."""
    word, chosen = scenario(text, **changes), rules or policy()
    return Episode(word, chosen, profile(word.profile), facts_of(word, chosen))


class Script:
    """A controller that plays points in turn, for ever."""

    name = "script"

    def __init__(self, *points: OperatingPoint, shadow_ppm: int = 0) -> None:
        self._points, self._shadow_ppm, self._at = points, shadow_ppm, -1
        self.seen: list[Snapshot] = []
        self.restarts: list[int] = []

    def decide(self, snapshot: Snapshot) -> Any:
        """The next point."""
        from adaptd.lab.controllers.baselines import LabSetpoint

        self.seen.append(snapshot)
        self._at += 1
        return LabSetpoint(self._points[self._at % len(self._points)], self._shadow_ppm)

    def restart(self, now_us: int) -> None:
        """Remember that it happened."""
        self.restarts.append(now_us)


FULL = OperatingPoint("fp16", 15_000)
EFFICIENT = OperatingPoint("int8", 15_000)
PAUSE = OperatingPoint("fp16", 0)
