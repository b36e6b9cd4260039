"""`adaptd policy explain FILE --audit DIR`: the last decision on record under this policy, and what would change it."""

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from adaptd.cli.errors import refusing

if TYPE_CHECKING:
    from adaptd.config.policy import Policy
    from adaptd.lab.whatif.change import Change
    from adaptd.vocabulary import OperatingPoint


def what_would_change(policy: "Policy", folder: Path) -> list[str]:
    """The lines: the decision now, then each knob's smallest change that alters it, nearest first."""
    from adaptd.lab.whatif.change import changes, decide, situation

    with refusing(ValueError, where=f"{folder}: "):
        at = situation(folder)
        verdict = decide(policy, at)
    moment = f"{datetime.fromtimestamp(at.utc_ms / 1000, tz=timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"The decision at {moment}: {_choice(verdict.point)} ({verdict.rule}). What would change it:"]
    found = changes(policy, at)
    altering = sorted([one for one in found if one.value is not None], key=_distance)
    for one in altering:
        assert one.value is not None
        assert one.point is not None
        lines.append(f"  {one.key:<34}{one.now:g} -> {one.value:.6g} {one.unit}: {_choice(one.point)} ({one.rule})")
    idle = [key for key in dict.fromkeys(one.key for one in found) if key not in {one.key for one in altering}]
    if idle:
        lines.append(f"  no change to a quarter or four times: {', '.join(idle)}")
    return lines


def _distance(one: "Change") -> float:
    """How far a knob is turned, as a factor over 1."""
    assert one.value is not None
    return max(one.value / one.now, one.now / one.value) if one.value > 0 else float("inf")


def _choice(point: "OperatingPoint") -> str:
    return f"{point.variant} at {point.fps_mfps / 1000:g} fps" if point.fps_mfps else "a pause"
