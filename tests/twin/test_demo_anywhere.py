"""The demonstration's staged supply shows the INT8 swap on a machine whose INT8 engine is hardly faster than its reference."""

from dataclasses import replace
from random import Random

import pytest

from adaptd.brain.tick import Brain
from adaptd.config.manifest import facts as facts_of
from adaptd.config.manifest import load_manifest
from adaptd.config.policy import load_policy
from adaptd.config.profile import load_profile
from adaptd.daemon.assemble import with_prices
from adaptd.daemon.moving import own_pace
from adaptd.twin.live import live_device
from adaptd.twin.scenario import load_scenario
from adaptd.vocabulary import OperatingPoint, RawReading, Served, Shadow, Snapshot, Stretch, Telemetry, VariantFacts
from tests.conftest import ROOT

DEMO = ROOT / "policies" / "scenarios" / "demo.yaml"
POLICY = load_policy(ROOT / "policies" / "default.yaml")
PROFILE = load_profile(ROOT / "hw_profiles" / "generic-x86.yaml")
PRICES = load_scenario(DEMO).variants
SHIPPED = with_prices(facts_of(load_manifest(ROOT / "engines" / "pet-bowl"), "ort"), PRICES)
DAY_S = 30  # the scenario's light falls afterwards


def day(facts: tuple[VariantFacts, ...], engine_us: dict[str, int], prepare_us: int) -> list[str]:
    """Which engine serves each second of the demonstration's day; a frame takes its engine and the preparation of the picture."""
    device, brain, draw = live_device(DEMO, PROFILE, facts, POLICY), Brain(POLICY, PROFILE, facts), Random("day")
    state, found, number, share, band = brain.start(1, 0), [], 0, 0, "unknown"
    point = state.point
    for second in range(1, DAY_S + 1):
        frames = point.fps_mfps // 1000
        shadows = sum(draw.random() * 1e6 < share for _ in range(frames))
        took_us = round((engine_us[point.variant] + prepare_us) * draw.uniform(0.95, 1.05))
        tested = point.variant != POLICY.reference
        stretch = Stretch(band, point.variant, share, frames, 0, shadows if tested else 0, 0, 0, 0, number, number + frames - 1)
        number += frames
        telemetry = _told(point, frames, took_us, shadows, stretch)
        raw, budget_mw = device.observe(second * 1_000_000, telemetry)
        state, verdict = brain.step(state, Snapshot(second * 1_000_000, raw, telemetry, budget_mw, True))
        point, share, band = verdict.point, verdict.shadow_ppm, verdict.band
        found.append(point.variant)
    return found


def _told(point: OperatingPoint, frames: int, took_us: int, shadows: int, stretch: Stretch) -> Telemetry:
    if not frames:
        return Telemetry(True, point)
    return Telemetry(
        True, point, frames, shadow_frames=shadows, served=(Served(point.variant, frames, frames * took_us, took_us),),
        shadows=(Shadow(stretch.band, "int8", 0),) * shadows, stretches=(stretch,),
    )  # fmt: skip


@pytest.mark.parametrize("ratio", [0.3, 0.66, 0.95, 1.6])
@pytest.mark.parametrize(("reference_us", "prepare_us"), [(4_000, 200), (150, 900), (1_000, 0)])
def test_int8_serves_the_day_whatever_it_gains_here(ratio: float, reference_us: int, prepare_us: int) -> None:
    """A quick processor, a GPU whose engines take less than the preparation, an INT8 that is slower: the staged price decides."""
    engine_us = {"fp16": reference_us, "int8": round(reference_us * ratio)}
    served = day(own_pace(SHIPPED, engine_us), engine_us, prepare_us)
    assert served.count("int8") >= DAY_S - 2


def test_by_the_book_of_another_machine_the_swap_is_not_shown() -> None:
    """The control: at a ratio of 0.95 INT8 serves two seconds, until its first latencies make it look dear."""
    engine_us = {"fp16": 4_000, "int8": 3_800}
    assert day(SHIPPED, engine_us, 200).count("int8") <= 3


def test_a_machine_like_that_of_the_book_keeps_it() -> None:
    """What was learned under these facts in an earlier run stays true."""
    measured = {fact.name: fact.latency_us * 11 // 20 for fact in SHIPPED}
    assert own_pace(SHIPPED, measured) == SHIPPED
    assert own_pace(SHIPPED, {}) == SHIPPED
    weaker = {**measured, "int8": measured["fp16"]}
    assert own_pace(SHIPPED, weaker) == tuple(replace(fact, latency_us=measured["fp16"]) for fact in SHIPPED)


def test_a_twin_learns_anew_what_is_usual_when_other_engines_take_over() -> None:
    """After plans have taken over frames take a tenth; three intervals later they cost the staged price again, not half of it."""
    device = live_device(DEMO, PROFILE, SHIPPED, POLICY)
    spent = []
    for second in range(1, 60):
        took_us = 4_000 if second < 40 else 400
        point = OperatingPoint("fp16", 15_000)
        (raw, _) = device.observe(second * 1_000_000, _told(point, 15, took_us, 0, Stretch("bright", "fp16", 0, 15)))
        spent += [one.value for one in raw if isinstance(one, RawReading) and one.quantity == "power"]
    assert spent[-1] == pytest.approx(spent[30], abs=150)
    assert spent[40] < spent[30] - 600
