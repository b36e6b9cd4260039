"""The policy's ``frame_rate``, ``power`` and ``modes``: what may be chosen, and which of these values contradict one another."""

from typing import Annotated, Protocol

from pydantic import Field

from adaptd.config.strict_yaml import KeyPath
from adaptd.config.validate import Number, Strict, scaled

Fps = Annotated[Number, Field(gt=0, le=1000)]
ModeName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.()|-]*$")]
Modes = Annotated[list[ModeName], Field(min_length=1, max_length=8)]


class FrameRateModel(Strict):
    """The rates the controller may choose: any between floor and target, or ``levels_fps`` where a camera has nothing between."""

    target_fps: Fps
    floor_fps: Fps
    levels_fps: Annotated[list[Fps] | None, Field(min_length=1, max_length=32)] = None


class PowerModel(Strict):
    """Board power the planner must stay within: a cap at every moment, or with ``window_s`` the average over any such window.

    ``peak_w`` is a hard cap beside the average. RAPL's PL1 with its window and PL2 are the model, and an INA3221's curr_max and
    curr_crit.
    """

    budget_w: Annotated[Number, Field(gt=0, le=10_000)]
    window_s: Annotated[Number, Field(ge=2, le=3600)] | None = None
    peak_w: Annotated[Number, Field(gt=0, le=10_000)] | None = None


class Refuse(Protocol):
    """The function that collects a fault where its condition holds."""

    def __call__(self, condition: bool, path: KeyPath, words: str) -> None: ...


def level_faults(rate: FrameRateModel, levels: list[float], refuse: Refuse) -> None:
    """Levels are those of a camera: each once, floor and target among them, and nothing that could never be served."""
    path: KeyPath = ("frame_rate", "levels_fps")
    kept = {scaled(level, 1000) for level in levels}
    refuse(len(kept) != len(levels), path, "repeats a level to a thousandth, name each once")
    for key, value in (("target_fps", rate.target_fps), ("floor_fps", rate.floor_fps)):
        refuse(scaled(value, 1000) not in kept, ("frame_rate", key), f"is {value:g}, one of frame_rate.levels_fps is needed")
    outside = [level for level in levels if not rate.floor_fps <= level <= rate.target_fps]
    if outside and rate.floor_fps in levels and rate.target_fps in levels and rate.floor_fps <= rate.target_fps:
        span = f"{rate.floor_fps:g} to {rate.target_fps:g}"
        refuse(True, path, f"holds {min(outside):g}, outside floor_fps and target_fps ({span}), remove it")


def power_faults(power: PowerModel, refuse: Refuse) -> None:
    """A peak below the average could never let the average be reached."""
    below = power.peak_w is not None and power.peak_w < power.budget_w
    refuse(below, ("power", "peak_w"), f"is below power.budget_w ({power.budget_w:g}), raise it or leave it out")


def mode_faults(modes: list[str], refuse: Refuse) -> None:
    """Each power mode once; whether a board has it, its own file says (``power_modes``)."""
    refuse(len(set(modes)) != len(modes), ("modes",), "repeats a power mode, name each once")
