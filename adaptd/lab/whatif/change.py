"""What would change a decision: the smallest change of each knob, up and down, under which the last decision is another one.

The decision is made again with the very step that the daemon runs, from the state and the snapshot on record. What a change would
bring later (a swap that waits for its dwell time, credit that grows) is not shown: this is about now. Where a change makes the
account draw its shadow frames at other rates, what it has counted does not fit any more: its window opens anew, as at a reload.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adaptd.brain import tick
from adaptd.config.errors import ConfigError
from adaptd.config.policy import Policy, parse_policy
from adaptd.lab.whatif.decisions import Box, box_of, like
from adaptd.log.format.codec import CodecError, from_plain
from adaptd.log.verify.decided import DecisionReader
from adaptd.log.verify.reader import iter_records, starts
from adaptd.vocabulary import OperatingPoint, Snapshot, Verdict

REACH = 4.0  # a knob is turned up to four times and down to a quarter of what it is
STEPS, HALVINGS = 24, 14


@dataclass(frozen=True, slots=True)
class Situation:
    """The last decision on record: the state before it, what was sensed, on which box.

    ``shares_ppm`` are the rates at which the account has drawn.
    """

    state: tick.State
    snapshot: Snapshot
    box: Box
    utc_ms: int
    shares_ppm: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A knob: its key, its value now, how a policy has another one, and how many units of the key one number is."""

    key: str
    now: int
    put: Callable[[int], Policy]
    scale: int
    unit: str


@dataclass(frozen=True, slots=True)
class Change:
    """The smallest change of one knob in one direction: ``value`` None where none within reach changes the decision."""

    key: str
    unit: str
    now: float
    value: float | None
    point: OperatingPoint | None
    rule: str


def situation(folder: Path) -> Situation:
    """The last decision of a log.

    Raises:
        ValueError: the log holds no decision that this version can make again.
    """
    for first in [*reversed(starts(folder)), 0]:
        found = _last(folder, first)
        if found is not None:
            return found
    remedy = "let the box decide under it, or use the one that wrote the log"
    raise ValueError(f"holds no decision that can be made again by this version: {remedy}")


def _last(folder: Path, first: int) -> Situation | None:
    reader, brain, state = DecisionReader(), None, None
    found: Situation | None = None
    for record in iter_records(folder, from_seq=first):
        try:
            if record["kind"] == "config":
                box, text = box_of(record), record["policy"]
                brain = tick.Brain(parse_policy(str(text["text"]), str(text["name"])), box.profile, box.facts, box.figures)
            if record["kind"] in ("config", "heartbeat"):
                state = from_plain(tick.State, record["state"])
        except (CodecError, ConfigError, KeyError, TypeError, ValueError):
            brain = state = None
        decided = reader.feed(record)
        if decided is None or brain is None or state is None:
            continue
        found = Situation(state, decided.snapshot, box, record["utc_ms"], brain.tables.rules.shares)
        state = brain.step(state, decided.snapshot)[0]
    return found


def decide(policy: Policy, at: Situation) -> Verdict:
    """The decision of this policy in this situation.

    Raises:
        ValueError: the board's variants lack the policy's reference.
    """
    brain, state = at.box.brain(policy), at.state
    if brain.tables.rules.shares != at.shares_ppm:
        state = replace(state, account=brain.adopt(state).account)
    return brain.step(state, at.snapshot)[1]


def changes(policy: Policy, at: Situation) -> list[Change]:
    """For each knob, up and down, the smallest change that alters the decision."""
    now = decide(policy, at).point
    return [_smallest(turn, factor, at, now) for turn in turns(policy) for factor in (REACH, 1 / REACH)]


def _smallest(turn: Turn, factor: float, at: Situation, now: OperatingPoint) -> Change:
    """Outwards in steps until the decision is another one, then halving back to where it turns."""

    def other(value: int) -> Verdict | None:
        made = _decide(turn, value, at)
        return None if made is None or like(made.point, now) else made

    same, far, verdict = turn.now, turn.now, None
    for step in range(1, STEPS + 1):
        far = round(turn.now * factor ** (step / STEPS))
        verdict = other(far)
        if verdict is not None:
            break
        same = far
    if verdict is None:
        return Change(turn.key, turn.unit, turn.now / turn.scale, None, None, "")
    for _ in range(HALVINGS):
        middle = (same + far) // 2
        if middle in (same, far):
            break
        made = other(middle)
        if made is None:
            same = middle
        else:
            far, verdict = middle, made
    return Change(turn.key, turn.unit, turn.now / turn.scale, far / turn.scale, verdict.point, verdict.rule)


def _decide(turn: Turn, value: int, at: Situation) -> Verdict | None:
    """None where such a policy contradicts itself."""
    policy = turn.put(value)
    sound = policy.floor_mfps <= policy.target_mfps and policy.resume_mc < policy.limit_mc < policy.critical_mc
    edges = list(zip(policy.bands, policy.bands[1:], strict=False))
    sound &= all((above.down_at_mlx or 0) < (below.up_at_mlx or 0) for below, above in edges)
    sound &= policy.max_loss_ppm <= 500_000 and policy.shadow_ppm <= 1_000_000 and value > 0
    return decide(policy, at) if sound else None


def turns(policy: Policy) -> list[Turn]:
    """The knobs of this policy, those of the file's keys that a decision looks at."""
    gap = policy.limit_mc - policy.resume_mc
    found = [
        Turn("objective.frame_value_mj", policy.frame_value_uj, lambda v: replace(policy, frame_value_uj=v), 1000, "mJ"),
        Turn("accuracy.max_loss_points", policy.max_loss_ppm, lambda v: replace(policy, max_loss_ppm=v), 10_000, "points"),
        Turn("accuracy.shadow_pct", policy.shadow_ppm, lambda v: replace(policy, shadow_ppm=v), 10_000, "%"),
        Turn("thermal.limit_c", policy.limit_mc, lambda v: replace(policy, limit_mc=v, resume_mc=v - gap), 1000, "degC"),
        Turn("deadline_ms", policy.deadline_us, lambda v: replace(policy, deadline_us=v), 1000, "ms"),
    ]
    if not policy.levels_mfps:
        found.insert(0, Turn("frame_rate.target_fps", policy.target_mfps, lambda v: replace(policy, target_mfps=v), 1000, "fps"))
        found.insert(1, Turn("frame_rate.floor_fps", policy.floor_mfps, lambda v: replace(policy, floor_mfps=v), 1000, "fps"))
    if policy.budget_mw is not None:
        found.append(Turn("power.budget_w", policy.budget_mw, lambda v: replace(policy, budget_mw=v), 1000, "W"))
    for number, band in enumerate(policy.bands):
        found += [_edge(policy, number, which) for which in ("down_at", "up_at") if getattr(band, f"{which}_mlx") is not None]
    return found


def _edge(policy: Policy, number: int, which: str) -> Turn:
    band = policy.bands[number]

    def put(value: int) -> Policy:
        moved: dict[str, Any] = {f"{which}_mlx": value}
        return replace(policy, bands=(*policy.bands[:number], replace(band, **moved), *policy.bands[number + 1 :]))

    return Turn(f"light.bands.{band.name}.{which}_lux", getattr(band, f"{which}_mlx"), put, 1000, "lux")
