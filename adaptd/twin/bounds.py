"""What the oracle must keep, tick by tick: temperature, budget and floor, relaxed exactly as far as ``on_conflict`` allows.

Where even the most that the policy may give up does not keep the limit, the limit is out of reach for everyone. There
``protect_device`` and ``stop`` serve nothing and ``protect_service`` serves the floor on the cheapest sound variant (nothing
where that would pass critical), for the oracle as for every controller; the limit holds at every other tick.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptd.config.policy import Policy
from adaptd.twin.score import BUDGET_SLACK_MW, LIMIT_SLACK_MC
from adaptd.twin.timeline import Array, Timeline

SLACK_K, SLACK_W = LIMIT_SLACK_MC / 1000, BUDGET_SLACK_MW / 1000  # the oracle may use what the score forgives


@dataclass(slots=True)
class Bounds:
    """Per tick: degrees Celsius, watts above passive, frames a second. ``lost[k]``: the limit is out of reach there."""

    cap_c: Array
    room_w: Array
    floor_fps: Array
    ceiling_fps: Array
    lost: NDArray[np.bool_]
    pause_c: Array


def bounds_of(line: Timeline, policy: Policy) -> Bounds:
    """The relaxed limits of an episode."""
    limit, critical, floor = policy.limit_mc / 1000, policy.critical_mc / 1000, policy.floor_mfps / 1000
    service = policy.on_conflict == "protect_service"
    floor_fps, floor_w = _floor(line, floor)
    room = line.budget_w + SLACK_W - line.passive_w
    if service:
        room = np.maximum(room, floor_w)
    else:
        room = np.maximum(room, 0.0)
        short = room < floor_w
        floor_fps = np.where(short, 0.0, floor_fps)
    pause = line.temperatures(line.passive_w)
    held = line.temperatures(line.passive_w + np.where(floor_fps > 0, floor_w, 0.0))
    ceiling = np.full(line.ticks, np.inf)
    if service and held.max() <= critical:
        lost = held > limit + SLACK_K
        ceiling = np.where(lost, floor_fps, ceiling)
    else:
        lost = pause > limit + SLACK_K
        ceiling = np.where(lost, 0.0, ceiling)
        if (held > limit + SLACK_K).any():
            floor_fps = np.zeros(line.ticks)
    return Bounds(np.full(line.ticks, limit + SLACK_K), room, floor_fps, ceiling, lost, pause)


def _floor(line: Timeline, floor: float) -> tuple[Array, Array]:
    """The floor rate that every allowed variant can reach, and the watts above passive at which it is served most cheaply."""
    usable = line.fps > 0
    reach = np.where(usable, line.fps, np.inf).min(axis=1)
    fps = np.where(usable.any(axis=1), np.minimum(floor, reach), 0.0)
    per_frame = np.where(usable, line.power_w / np.where(usable, line.fps, 1.0), np.inf).min(axis=1)
    return fps, np.where(fps > 0, fps * np.where(np.isfinite(per_frame), per_frame, 0.0), 0.0)
