"""Where candidates are played: the pattern day of a fitted twin, or scenario files."""

from collections.abc import Sequence
from pathlib import Path

from adaptd.lab.fit.play import Texts
from adaptd.lab.fit.saved import Twin
from adaptd.twin.scenario import load_scenario, policy_path, profile_path

World = tuple[tuple[Texts, ...], str | None, str]


def twin_worlds(twin: Twin) -> World:
    """The twin's pattern day; the policy to tune is the logged one."""
    return (twin.texts(twin.typical),), twin.policy, f"{twin.plain['policy']}.yaml"


def scenario_worlds(files: Sequence[Path]) -> World:
    """Scenario files under their own policy; None where they test different ones.

    Raises:
        ConfigError: one line a fault of a file.
    """
    worlds, policies = [], {}
    for path in files:
        scenario = load_scenario(path)
        own = policy_path(scenario).read_text(encoding="utf-8")
        policies[scenario.policy] = own
        profile = profile_path(scenario).read_text(encoding="utf-8")
        worlds.append(Texts(path.read_text(encoding="utf-8"), own, profile, own))
    name, text = next(iter(policies.items()))
    return tuple(worlds), text if len(policies) == 1 else None, f"{name}.yaml"
