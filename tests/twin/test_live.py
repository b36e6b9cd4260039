"""The software device behind a real worker: driven by frames that were really served."""

from pathlib import Path

import pytest

from adaptd.config.shipped import policies_dir
from adaptd.twin.live import LiveTwin, live_device
from adaptd.twin.scenario import scenarios_dir
from adaptd.vocabulary import QUANTITIES, OperatingPoint, Raw, RawReading, Served, Telemetry, VariantFacts
from tests.twin.worlds import TEXT, policy, profile

FACTS = (VariantFacts("fp16", 200_000, 20_000), VariantFacts("int8", 100_000, 10_000))


@pytest.fixture
def twin(tmp_path: Path) -> LiveTwin:
    """The small world without noise, with a budget that dips."""
    path = tmp_path / "small.yaml"
    path.write_text(TEXT + "  power_budget_w: [[0, 12], [10, 12], [10, 8], [20, 8], [20, 12]]\n")
    return live_device(path, profile(), FACTS, policy())


def _served(variant: str, frames: int, shadows: int = 0) -> Telemetry:
    words = (Served(variant, frames, frames * 10_000, 10_000),) if frames else ()
    return Telemetry(True, OperatingPoint(variant, 15_000), frames, shadow_frames=shadows, served=words)


def _said(seen: tuple[tuple[Raw, ...], int | None], quantity: str) -> int:
    (reading,) = [one for one in seen[0] if one.quantity == quantity]
    assert isinstance(reading, RawReading)
    assert reading.simulated
    return reading.value


def test_power_is_that_of_the_frames_that_were_served(twin: LiveTwin) -> None:
    """15 frames of 200 mJ in a second are 3 W above idle, 3 shadow frames of INT8 another 0.3 W."""
    twin.observe(5_000_000, _served("fp16", 0))
    idle = profile().idle_power_mw
    assert _said(twin.observe(6_000_000, _served("fp16", 15)), "power") == pytest.approx(idle + 3_000, abs=1)
    assert _said(twin.observe(7_000_000, _served("fp16", 15, shadows=3)), "power") == pytest.approx(idle + 3_300, abs=1)


def test_shadow_frames_cost_what_ran_beside_the_frames_they_fell_on(twin: LiveTwin) -> None:
    """Five frames of FP16 and ten of INT8 before one report: a third of the shadows ran INT8 beside, the rest FP16."""
    twin.observe(5_000_000, _served("fp16", 0))
    mixed = (Served("fp16", 5, 50_000, 10_000), Served("int8", 10, 100_000, 10_000))
    mixed_report = Telemetry(True, OperatingPoint("fp16", 15_000), 15, shadow_frames=3, served=mixed)
    above = 5 * 200 + 10 * 100 + 1 * 100 + 2 * 200
    power = _said(twin.observe(6_000_000, mixed_report), "power")
    assert power == pytest.approx(profile().idle_power_mw + above, abs=1)


def test_contention_costs_energy_whatever_this_machine_is(twin: LiveTwin) -> None:
    """Frames that take twice as long as in the first half minute cost twice as much; its usual frames are the book's."""
    idle = profile().idle_power_mw
    slow = Telemetry(True, OperatingPoint("fp16", 15_000), 15, served=(Served("fp16", 15, 15 * 20_000, 20_000),))
    for second in range(35):
        twin.observe(second * 1_000_000, _served("fp16", 15))
    assert _said(twin.observe(35_000_000, slow), "power") == pytest.approx(idle + 6_000, abs=1)
    assert _said(twin.observe(36_000_000, _served("fp16", 15)), "power") == pytest.approx(idle + 3_000, abs=1)


def test_power_does_not_creep_up_with_the_records_of_an_engine(twin: LiveTwin) -> None:
    """After the first half minute one very quick interval changes nothing: the power of usual frames stays what it was."""
    usual = Telemetry(True, OperatingPoint("fp16", 15_000), 15, served=(Served("fp16", 15, 15 * 20_000, 20_000),))
    for second in range(41):
        before = _said(twin.observe(second * 1_000_000, usual), "power")
    twin.observe(41_000_000, _served("fp16", 15))
    assert _said(twin.observe(42_000_000, usual), "power") == pytest.approx(before, abs=1)


def test_the_device_warms_with_the_frames_and_cools_without(twin: LiveTwin) -> None:
    """Half a minute of frames warms the board, half a minute of rest lets it cool."""
    twin.observe(0, _served("fp16", 0))
    start = _said(twin.observe(1, _served("fp16", 0)), "temperature")
    for second in range(1, 31):
        warm = _said(twin.observe(second * 1_000_000, _served("fp16", 15)), "temperature")
    for second in range(31, 61):
        cool = _said(twin.observe(second * 1_000_000, _served("fp16", 0)), "temperature")
    assert warm > start + 1_500
    assert start <= cool < warm - 1_000


def test_time_starts_at_the_first_look_and_signals_follow_it(twin: LiveTwin) -> None:
    """The budget dips ten seconds after the start, whatever the monotonic clock says, and holds its last value for ever."""
    begin = 123_456_789
    budgets = [twin.observe(begin + second * 1_000_000, _served("fp16", 0))[1] for second in (0, 5, 11, 19, 21, 4000)]
    assert budgets == [12_000, 12_000, 8_000, 8_000, 12_000, 12_000]


def test_two_looks_at_the_same_time_do_not_go_back(twin: LiveTwin) -> None:
    """A repeated or earlier time changes nothing."""
    twin.observe(1_000_000, _served("fp16", 0))
    first = twin.observe(2_000_000, _served("fp16", 15))
    again = twin.observe(2_000_000, _served("fp16", 15))
    assert _said(first, "temperature") == _said(again, "temperature")
    assert _said(twin.observe(1_500_000, _served("fp16", 15)), "temperature") == _said(first, "temperature")


@pytest.mark.parametrize("name", ["demo", "room"])
def test_the_devices_of_run_load_with_a_bundles_facts(name: str) -> None:
    """What `adaptd run` uses where nothing is given, and where a model or source of one's own is."""
    twin = live_device(scenarios_dir() / f"{name}.yaml", profile("generic-x86"), FACTS, policies_dir() / "feeder.yaml")
    readings = twin.observe(0, _served("fp16", 0))
    assert all(_said(readings, name) > 0 for name in QUANTITIES)
