"""The few honest knobs of a policy, the values tried of each, and how a value goes into the file with its comments kept."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from adaptd.config.errors import ConfigError
from adaptd.config.policy import Policy
from adaptd.config.strict_yaml import parse_document
from adaptd.lab.tune.goals import Goals

Path = tuple[str | int, ...]
Setting = tuple[tuple[str, float], ...]  # knob name and value, in the order of the knobs

# name: (key in the file, lowest and highest as a factor of today's, whether steps are by factors)
# What protects the device or the promise (temperatures, budget, loss) is only ever tightened.
KNOBS: dict[str, tuple[Path, float, float, bool]] = {
    "target_fps": (("frame_rate", "target_fps"), 0.4, 1.0, False),
    "frame_value_mj": (("objective", "frame_value_mj"), 0.1, 2.0, True),
    "budget_w": (("power", "budget_w"), 0.6, 1.0, False),
    "max_loss_points": (("accuracy", "max_loss_points"), 0.25, 1.0, True),
    "shadow_pct": (("accuracy", "shadow_pct"), 0.25, 2.0, True),
    "floor_fps": (("frame_rate", "floor_fps"), 0.5, 1.0, False),
    "limit_c": (("thermal", "limit_c"), 0.85, 1.0, False),
}
USUAL = ("target_fps", "frame_value_mj", "budget_w", "max_loss_points", "shadow_pct")
STEPS = 7


@dataclass(frozen=True, slots=True)
class Knob:
    """One knob: the values that are tried, today's among them."""

    name: str
    path: Path
    values: tuple[float, ...]
    today: float


def knobs_of(text: str, policy: Policy, goals: Goals, asked: list[str]) -> tuple[Knob, ...]:
    """The knobs to turn: those ``asked`` for as ``NAME`` or ``NAME=LOW..HIGH[:STEP]``, else the usual ones that the file has.

    Raises:
        ConfigError: a knob is unknown, is not in the file, or its range is none.
    """
    document = parse_document(text, "policy")
    found = []
    for word in asked or USUAL:
        name, _, span = word.partition("=")
        if name not in KNOBS:
            raise ConfigError(f"--knob {name}: is no knob, one of {', '.join(KNOBS)} is needed")
        path, low, high, factors = KNOBS[name]
        node: object = document.data
        for part in path:
            node = node.get(part) if isinstance(node, dict) else None
        if not isinstance(node, (int, float)):
            if asked:
                raise ConfigError(f"--knob {name}: the policy has no {'.'.join(map(str, path))}, write it into the file first")
            continue
        today = float(node)
        values = _span(name, span, today) if span else _usual(name, today, low, high, factors, policy, goals)
        found.append(Knob(name, path, tuple(sorted({*values, today})), today))
    return tuple(found)


def _usual(name: str, today: float, low: float, high: float, factors: bool, policy: Policy, goals: Goals) -> list[float]:
    if name == "target_fps" and policy.levels_mfps:
        return [level / 1000 for level in policy.levels_mfps]
    first, last = low * today, high * today
    if name == "target_fps":
        wanted = max((one.value for one in goals.bounds if one.figure == "fps" and one.least), default=0.0)
        first = max(first, policy.floor_mfps / 1000, min(wanted, last))
    if name == "max_loss_points":
        last = min([last] + [one.value for one in goals.bounds if one.figure == "loss" and not one.least and one.value > 0])
        first = min(first, last)
    return _steps(first, last, STEPS, factors=factors)


def _steps(first: float, last: float, count: int, *, factors: bool) -> list[float]:
    if last <= first:
        return [_tidy(last)]
    if factors:
        ratio = math.log(last / first)
        return [_tidy(first * math.exp(ratio * at / (count - 1))) for at in range(count)]
    return [_tidy(first + (last - first) * at / (count - 1)) for at in range(count)]


def _tidy(value: float) -> float:
    """Three digits: nobody tunes the fourth."""
    return float(f"{value:.3g}")


def _span(name: str, span: str, today: float) -> list[float]:
    """``LOW..HIGH[:STEP]``."""
    bounds, _, step = span.partition(":")
    first, dots, last = bounds.partition("..")
    try:
        low, high = float(first), float(last)
        width = float(step) if step else (high - low) / (STEPS - 1)
    except ValueError:
        low, high, width = 1.0, 0.0, 0.0
    if not dots or not low <= high or (width <= 0 < high - low) or (high > low and (high - low) / width > 200):
        raise ConfigError(f"--knob {name}={span}: is no range, write for example {name}={today / 2:g}..{today:g}")
    return [_tidy(low + at * width) for at in range(int((high - low) / width + 1e-9) + 1)] if high > low else [low]


def node_at(text: str, path: Path) -> Any:
    """The YAML node under this key, an integer in ``path`` being the place in a list; KeyError where there is nothing."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for part in path:
        mapping, below = isinstance(node, yaml.MappingNode), getattr(node, "value", ())
        node = dict(((key.value, one) for key, one in below) if mapping else enumerate(below)).get(part)
    if node is None:
        raise KeyError(".".join(map(str, path)))
    return node


def put(text: str, changes: Mapping[Path, float | str]) -> str:
    """The file with these values in place of the old ones; every other byte, comments included, stays.

    Raises:
        KeyError: a key is not in the file.
    """
    places = []
    for path, value in changes.items():
        node = node_at(text, path)
        places.append((node.start_mark.index, node.end_mark.index, value if isinstance(value, str) else f"{value:g}"))
    for start, end, words in sorted(places, reverse=True):
        text = text[:start] + words + text[end:]
    return text


def patch(old: str, new: str, name: str) -> str:
    """The difference as a unified diff, empty where there is none."""
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), name, f"{name} (tuned)", n=1)
    return "".join(lines)
