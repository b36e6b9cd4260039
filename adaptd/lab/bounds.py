"""What the oracle may serve and must keep, tick by tick, relaxed exactly as far as ``on_conflict`` allows.

Per variant and tick there is one vertex: the best rate of the policy that keeps the power budget, cut where it delivers the
target in time. A controller holds one point for a tick, and a tick is the shortest time over which power is judged, so a point
over the budget is no part of any mixture. Every other point of the variant, and every mixture in time, draws at least as much
power for the worth it brings as a mixture of this vertex and a pause: power is linear in the rate, and worth is linear up to the
target and flat beyond.

Where even the most that the policy may give up does not keep the limit, the limit is out of reach for everyone. There
``protect_device`` and ``stop`` serve nothing and ``protect_service`` serves the floor on the cheapest sound variant (nothing
where that would pass critical), for the oracle as for every controller; the limit holds at every other tick.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptd.config.policy import Policy
from adaptd.lab.score import BUDGET_SLACK_MW, LIMIT_SLACK_MC
from adaptd.lab.timeline import Array, TrueTimeline

SLACK_K, SLACK_W = LIMIT_SLACK_MC / 1000, BUDGET_SLACK_MW / 1000  # the oracle may use what the score forgives


@dataclass(slots=True)
class Bounds:
    """Per tick k and variant v, the vertex within the budget: ``fps[k, v]`` computed, ``late_fps``, watts above passive, worth.

    ``cap_c[k]`` is the limit, ``pause_c[k]`` the temperature if nothing were ever served. ``lost[k]``: the limit is out of reach.
    ``short[k]``: the budget leaves less than the rate that the engines could serve.
    """

    fps: Array
    late_fps: Array
    power_w: Array
    worth_w: Array
    floor_fps: Array
    ceiling_fps: Array
    cap_c: Array
    pause_c: Array
    lost: NDArray[np.bool_]
    short: NDArray[np.bool_]


def bounds_of(line: TrueTimeline, policy: Policy) -> Bounds:
    """The vertices and the relaxed limits of an episode."""
    limit, critical = policy.limit_mc / 1000, policy.critical_mc / 1000
    service = policy.on_conflict == "protect_service"
    room = np.maximum(line.budget_w + SLACK_W - line.passive_w, 0.0)
    if service:
        room = np.maximum(room, _cheapest_floor(line, policy) + SLACK_W)
    fps, full = _vertices(line, policy, room), _vertices(line, policy, np.full(line.ticks, np.inf))
    power = fps * line.frame_j
    floor_fps, floor_w = _floor(fps, power, policy.floor_mfps / 1000)
    pause = line.temperatures(line.passive_w)
    held = line.temperatures(line.passive_w + floor_w)
    ceiling = np.full(line.ticks, np.inf)
    if service and held.max() <= critical:
        lost = held > limit + SLACK_K
        ceiling = np.where(lost, floor_fps, ceiling)
    else:
        lost = pause > limit + SLACK_K
        ceiling = np.where(lost, 0.0, ceiling)
        if (held > limit + SLACK_K).any():
            floor_fps = np.zeros(line.ticks)
    return Bounds(
        fps=fps,
        late_fps=fps * line.late,
        power_w=power,
        worth_w=fps * (1 - line.late) * policy.frame_value_uj / 1e6,
        floor_fps=floor_fps,
        ceiling_fps=ceiling,
        cap_c=np.full(line.ticks, limit + SLACK_K),
        pause_c=pause,
        lost=lost,
        short=np.asarray((fps < full - 1e-9).any(axis=1)),
    )


def _vertices(line: TrueTimeline, policy: Policy, room_w: Array) -> Array:
    """The highest rate ``[k, v]`` whose power fits, cut where the target is delivered in time."""
    best = np.zeros_like(line.reach_fps)
    if not policy.levels_mfps:
        with np.errstate(divide="ignore", invalid="ignore"):
            best = np.minimum(line.reach_fps, np.where(line.frame_j > 0, room_w[:, None] / line.frame_j, np.inf))
    for mfps in policy.levels_mfps:
        fps = np.minimum(mfps / 1000, line.reach_fps)
        best = np.where(fps * line.frame_j <= room_w[:, None], np.maximum(best, fps), best)
    with np.errstate(divide="ignore"):
        enough = np.where(line.late < 1, policy.target_mfps / 1000 / (1 - line.late), np.inf)
    return np.minimum(best, enough)


def _cheapest_floor(line: TrueTimeline, policy: Policy) -> Array:
    """Watts above passive of the floor rate on the sound variant that serves it most cheaply."""
    served = np.minimum(policy.floor_mfps / 1000, line.reach_fps) * line.frame_j
    cheapest: Array = np.where(line.reach_fps > 0, served, np.inf).min(axis=1)
    return np.where(np.isfinite(cheapest), cheapest, 0.0)


def _floor(fps: Array, power: Array, floor: float) -> tuple[Array, Array]:
    """The floor rate that every usable vertex reaches (0 where there is none), and the least watts that serve it."""
    usable = fps > 0
    reach = np.where(usable, fps, np.inf).min(axis=1)
    kept = np.where(usable.any(axis=1), np.minimum(floor, reach), 0.0)
    per_frame = np.where(usable, power / np.where(usable, fps, 1.0), np.inf).min(axis=1)
    return kept, kept * np.where(np.isfinite(per_frame), per_frame, 0.0)
