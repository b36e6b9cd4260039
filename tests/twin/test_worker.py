"""What the software worker charges: every frame at the engine that served it, every shadow at the engine beside."""

import pytest

from adaptd.twin.worker import Tick, TwinWorker
from adaptd.twin.world import Noise, TrueLight
from adaptd.vocabulary import OperatingPoint
from tests.twin.worlds import EFFICIENT, FULL, PAUSE, episode

FP16_UJ, INT8_UJ = 200_000, 100_000


def _serve(point: OperatingPoint, shadow_ppm: int = 0, most_frames: int | None = None, slow_ppm: float = 1e6) -> Tick:
    """One second of the small scenario at 15 frames a second."""
    world = episode()
    light = TrueLight(world.scenario, world.policy)
    light.follow(500_000)
    worker = TwinWorker(world.scenario, world.policy, world.facts)
    return worker.serve(point, shadow_ppm, slow_ppm, light, 0, 1_000_000, most_frames)


def test_a_frame_costs_what_its_engine_takes() -> None:
    """Fifteen frames on one engine draw fifteen times its energy, times the contention; a pause draws nothing."""
    assert _serve(FULL).active_uj == pytest.approx(15 * FP16_UJ)
    assert _serve(EFFICIENT, slow_ppm=1.5e6).active_uj == pytest.approx(1.5 * 15 * INT8_UJ)
    assert _serve(PAUSE).active_uj == 0.0


def test_a_shadow_costs_the_engine_beside() -> None:
    """A shadow of INT8 runs FP16 besides, one of the reference runs INT8 besides."""
    assert _serve(EFFICIENT, shadow_ppm=200_000).active_uj == pytest.approx(15 * INT8_UJ + 3 * FP16_UJ)
    assert _serve(FULL, shadow_ppm=200_000).active_uj == pytest.approx(15 * FP16_UJ + 3 * INT8_UJ)


def test_an_interval_that_two_engines_shared_is_charged_to_both() -> None:
    """Where INT8 may serve five frames, the other ten cost what the reference takes, and so do the shadows of each."""
    told = {one.variant: one.frames for one in _serve(EFFICIENT, most_frames=5).telemetry.served}
    assert told == {"int8": 5, "fp16": 10}
    assert _serve(EFFICIENT, most_frames=5).active_uj == pytest.approx(5 * INT8_UJ + 10 * FP16_UJ)
    both = 5 * (INT8_UJ + 0.2 * FP16_UJ) + 10 * (FP16_UJ + 0.2 * INT8_UJ)
    assert _serve(EFFICIENT, shadow_ppm=200_000, most_frames=5).active_uj == pytest.approx(both)


def test_many_draws_at_once_are_those_of_one_after_another() -> None:
    """The faster form takes the very same numbers from the stream, so that a seed means what it meant."""
    one, many = Noise(3, "coin"), Noise(3, "coin")
    assert [at for at in range(500) if one.chance(0.1)] == many.hits(0.1, 500)
    assert one.normal() == many.normal()
