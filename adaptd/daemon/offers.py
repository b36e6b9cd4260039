"""A policy that somebody else offers may tune; it may not loosen. The owner's file on this box is the measure, limit by limit.

Any new policy is tried in a process of its own before the control loop takes it: whatever it does there, the loop goes on.
`python -m adaptd.daemon.offers` reads one JSON object from its input and ends with 0, or with 1 and one line of why not.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from adaptd.config.endurance import Endurance
from adaptd.config.errors import ConfigError
from adaptd.config.policy import Policy, parse_policy
from adaptd.config.profile import parse_profile
from adaptd.log.format.codec import row
from adaptd.vocabulary import VariantFacts

# What may not grow and what may not shrink, each with how a person reads it. None is no limit at all.
_AT_MOST: tuple[tuple[str, str, Callable[[int], str]], ...] = (
    ("max_loss_ppm", "accuracy.max_loss_points", lambda ppm: f"{ppm / 10_000:g} points"),
    ("alpha_ppm", "accuracy.confidence_pct", lambda ppm: f"{100 - ppm / 10_000:g} %"),
    ("window_us", "accuracy.window_h", lambda us: f"{us / 3_600_000_000:g} h"),
    ("limit_mc", "thermal.limit_c", lambda mc: f"{mc / 1000:g} C"),
    ("critical_mc", "thermal.critical_c", lambda mc: f"{mc / 1000:g} C"),
    ("budget_mw", "power.budget_w", lambda mw: f"{mw / 1000:g} W"),
    ("peak_mw", "power.peak_w", lambda mw: f"{mw / 1000:g} W"),
    ("budget_window_us", "power.window_s", lambda us: f"{us / 1_000_000:g} s"),
    ("deadline_us", "deadline_ms", lambda us: f"{us / 1000:g} ms"),
    ("late_ppm", "late_pct", lambda ppm: f"{ppm / 10_000:g} %"),
    ("efficient_lease_us", "lease_s.efficient", lambda us: f"{us / 1_000_000:g} s"),
    ("reduced_lease_us", "lease_s.reduced_rate", lambda us: f"{us / 1_000_000:g} s"),
    ("stale_after_us", "sensors.stale_after_s", lambda us: f"{us / 1_000_000:g} s"),
    ("wear_budget_mb", "audit.wear_budget_mb", lambda mb: f"{mb} MB"),
)
_AT_LEAST: tuple[tuple[str, str, Callable[[int], str]], ...] = (
    ("floor_mfps", "frame_rate.floor_fps", lambda mfps: f"{mfps / 1000:g} fps"),
    ("miss_weight_ppm", "accuracy.miss_weight", lambda ppm: f"{ppm / 1_000_000:g}"),
)
_SAME = (
    ("on_conflict", "on_conflict"),
    ("reference", "reference"),
    ("require_signature", "bundle.require_signature"),
    ("preview", "camera.preview"),
    ("loan_frames", "accuracy.loan_frames"),
    ("endurance", "endurance"),
    ("modes", "modes"),
)
DEADLINE_S = 20.0  # most of it is for a small board under load to start Python
_FACTS = row(VariantFacts)


def loosened(own: Policy, offered: Policy) -> str:
    """The first limit of the owner's policy that the offered one would loosen, with both values; empty where it loosens none."""
    for name, key, words in _AT_MOST:
        mine, theirs = getattr(own, name), getattr(offered, name)
        if mine is not None and (theirs is None or theirs > mine):
            said = "no limit" if theirs is None else words(theirs)
            return f"{key}: {said} is offered, this box's owner allows {words(mine)}"
    for name, key, words in _AT_LEAST:
        mine, theirs = getattr(own, name), getattr(offered, name)
        if theirs < mine:
            return f"{key}: {words(theirs)} is offered, this box's owner asks for {words(mine)} at least"
    for name, key in _SAME:
        mine, theirs = getattr(own, name), getattr(offered, name)
        if mine != theirs:
            return f"{key}: {_plain(theirs)} is offered, this box's owner has {_plain(mine)}, and only the owner may change it"
    return ""


def _plain(value: Any) -> str:
    """A value of the owner's alone, as a person reads it."""
    if isinstance(value, Endurance):
        hours, minutes = divmod(value.until_minute or 0, 60)
        lasts = f"until {hours:02}:{minutes:02}" if value.lasts_us is None else f"{value.lasts_us / 3_600_000_000:g} h"
        return f"{lasts} with {value.reserve_ppm / 10_000:g} % left"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return "none" if value is None else str(value)


def offer_words(text: str, refused: str) -> dict[str, Any]:
    """For the status document: the policy that was offered last, and why it was refused (empty where it was taken)."""
    return {"sha256": sha256(text.encode()).hexdigest(), "refused": refused}


def tried(order: dict[str, Any], *, deadline_s: float = DEADLINE_S, program: tuple[str, ...] = ()) -> str:
    """Why the policy in ``order`` (see ``order_of``) cannot be taken, in one line; empty where it can. Waits for the process."""
    command = program or (sys.executable, "-m", "adaptd.daemon.offers")
    try:
        done = subprocess.run(  # noqa: S603 - this Python and this module
            command, input=json.dumps(order), capture_output=True, text=True, timeout=deadline_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{order['name']}: was not worked through in {deadline_s:g} s, simplify it"
    except OSError as error:
        return f"{order['name']}: cannot be tried ({error.strerror}), restart adaptd to take it"
    if done.returncode == 0:
        return ""
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[0 if done.stdout.strip() else -1] if lines else f"{order['name']}: the trial ended with {done.returncode}"


def order_of(name: str, text: str, profile_name: str, profile_text: str, facts: tuple[VariantFacts, ...]) -> dict[str, Any]:
    """What the trial is given, as JSON can hold it."""
    known = [_FACTS.full(one) for one in facts]
    return {"name": name, "text": text, "profile_name": profile_name, "profile_text": profile_text, "facts": known}


def main() -> int:
    """Parse the policy and compute everything that the loop would compute from it."""
    from adaptd.brain import tick

    order = json.load(sys.stdin)
    try:
        policy = parse_policy(order["text"], order["name"])
        profile = parse_profile(order["profile_text"], order["profile_name"])
        tick.Brain(policy, profile, tuple(_FACTS.read(one) for one in order["facts"])).start(7, 0)
    except (ConfigError, ValueError, ArithmeticError, LookupError) as error:
        sys.stdout.write(str(error).splitlines()[0] + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
