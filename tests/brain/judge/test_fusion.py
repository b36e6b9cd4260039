"""Who speaks for a quantity when several sources do, and what the other quantities and the picture say to it."""

from dataclasses import replace

import pytest

from adaptd.brain.judge import fusion
from adaptd.brain.judge.judge import Memory, Senses, judge
from adaptd.brain.judge.words import why_missing
from adaptd.vocabulary import (
    Doubt,
    Measured,
    Missing,
    OperatingPoint,
    Picture,
    Raw,
    RawReading,
    Snapshot,
    Telemetry,
    Unread,
    of_judged,
)
from adaptd.vocabulary import MissingReason as M
from tests.brain.judge.rig import RULES, S

SERVING = Telemetry(True, OperatingPoint("fp16", 15_000))
RESTING = Telemetry(True, OperatingPoint("fp16", 0))


class Bench:
    """A judge that is asked once a second."""

    def __init__(self, rules: object = RULES) -> None:
        self.memory, self.now_us, self.rules = Memory(), 1_000 * S, rules

    def tick(
        self,
        *raw: Raw,
        worker: Telemetry = RESTING,
        picture: Picture | None = None,
        predicted_mw: int | None = None,
        rest_mw: int = 4_000,
        after_s: float = 1.0,
    ) -> Senses:
        """One judgement; of the power that is expected all beyond ``rest_mw`` is for frames."""
        self.now_us += round(after_s * S)
        self.memory = self.memory._replace(predicted_mw=predicted_mw, frames_mw=max(0, (predicted_mw or 0) - rest_mw))
        self.snapshot = Snapshot(self.now_us, raw, worker, picture=picture)
        self.memory, senses = judge(self.memory, self.snapshot, self.rules)  # type: ignore[arg-type]
        return senses

    def say(self, quantity: str, value: int, source: str = "probe", **fields: object) -> Raw:
        """An answer of this moment's own, one second on."""
        return RawReading(value, 0, self.now_us, source, quantity, **fields)  # type: ignore[arg-type]


def test_the_hottest_zone_speaks_and_a_junction_far_below_it_is_named() -> None:
    """A sensor that drifts down cannot make the device look cool; up to 5 K the zones of one chip may differ."""
    bench = Bench()
    near = bench.tick(bench.say("temperature", 60_000, "tj"), bench.say("temperature", 65_000, "cpu"))
    assert (near.temperature_mc, near.judged[0].source, near.judged[0].doubts) == (65_000, "cpu", ())
    far = bench.tick(bench.say("temperature", 60_000, "tj"), bench.say("temperature", 65_001, "cpu"))
    assert far.judged[0].doubts == (Doubt("tj", M.COOLER, False),)


def test_a_zone_that_is_refused_does_not_speak() -> None:
    """A zone at a million degrees is named and left out."""
    bench = Bench()
    senses = bench.tick(bench.say("temperature", 60_000, "tj"), bench.say("temperature", 10**9, "cpu"))
    assert senses.temperature_mc == 60_000
    assert senses.judged[0].doubts == (Doubt("cpu", M.OUT_OF_RANGE, True),)


def test_without_a_source_there_is_none() -> None:
    """A machine without a sensor says so, per quantity."""
    senses = Bench().tick()
    assert [one.reason for one in senses.judged] == [M.NO_SENSOR] * 3


def test_a_power_below_half_of_idle_is_no_power_of_a_machine_that_serves() -> None:
    """While frames are delivered; a machine that rests may be anywhere in its range."""
    floor = RULES.floor_mw
    for worker, expected in ((SERVING, None), (RESTING, floor - 1)):
        bench = Bench()
        assert bench.tick(bench.say("power", floor - 1), worker=worker).power_mw == expected


@pytest.mark.parametrize(("seconds", "power_mw"), [(3, 5_900), (4, None)])
def test_half_of_the_expected_power_counts_once_the_two_have_agreed(seconds: int, power_mw: int | None) -> None:
    """Three seconds of agreement make the expectation a witness: then less than half of it is a broken rail."""
    bench = Bench()
    for _ in range(seconds):
        bench.tick(bench.say("power", 12_000 + bench.now_us // S % 2), worker=SERVING, predicted_mw=12_000)
    assert bench.tick(bench.say("power", 5_900), worker=SERVING, predicted_mw=12_000).power_mw == power_mw


def test_a_point_just_chosen_is_not_yet_in_the_chips_average() -> None:
    """The least that was expected in the last three seconds counts, so a step up refuses nothing at first."""
    bench = Bench()
    for _ in range(6):
        bench.tick(bench.say("power", 6_000 + bench.now_us // S % 2), worker=SERVING, predicted_mw=6_000)
    found = [
        bench.tick(bench.say("power", 6_100 + bench.now_us // S % 2), worker=SERVING, predicted_mw=14_000).power_mw is not None
        for _ in range(5)
    ]
    assert found == [True, True, True, True, False] or found == [True, True, True, False, False]


def test_power_is_believed_again_when_an_overload_ends() -> None:
    """Another program that took 28 W for minutes is no witness once it has ended: its power was never due to the frames."""
    bench = Bench()
    for total_mw, rest_mw in ((12_000, 4_000), (40_000, 32_000)):
        for _ in range(8):
            now = bench.say("power", total_mw + bench.now_us // S % 2)
            bench.tick(now, worker=SERVING, predicted_mw=total_mw, rest_mw=rest_mw)
    after = [bench.tick(bench.say("power", mw), worker=SERVING, predicted_mw=40_000, rest_mw=32_000) for mw in (12_000, 12_001)]
    assert after[-1].power_mw == 12_001
    broken = bench.tick(bench.say("power", 5_900), worker=SERVING, predicted_mw=40_000, rest_mw=32_000)
    assert (broken.power_mw, broken.judged[1].reason) == (None, M.TOO_LOW)


@pytest.mark.parametrize(("second", "believed"), [(61, False), (63, True)])
def test_an_expectation_that_refuses_all_power_for_a_minute_lets_go(second: int, believed: bool) -> None:
    """An overload from the start is all that was ever agreed on; the floor of a known idle power stays."""
    bench = Bench()
    for _ in range(8):
        bench.tick(bench.say("power", 40_000 + bench.now_us // S % 2), worker=SERVING, predicted_mw=40_000, rest_mw=32_000)
    low_mw, floor_mw = 12_000, RULES.floor_mw
    for _ in range(second):
        now = bench.say("power", low_mw + bench.now_us // S % 2)
        senses = bench.tick(now, worker=SERVING, predicted_mw=40_000, rest_mw=32_000)
    assert (senses.power_mw is not None) is believed
    assert bench.tick(bench.say("power", floor_mw - 1), worker=SERVING, predicted_mw=40_000, rest_mw=32_000).power_mw is None


def test_a_second_meter_that_agrees_keeps_the_expectation() -> None:
    """What refuses one meter for hours while another one speaks is right, and never lets go."""
    bench = Bench()
    for low in (False, True):
        for _ in range(8 if not low else 90):
            jitter = bench.now_us // S % 2
            rail = bench.say("power", (2_500 if low else 12_000) + jitter, "rail")
            senses = bench.tick(rail, bench.say("power", 12_000 + jitter, "socket"), worker=SERVING, predicted_mw=12_000)
    assert (senses.judged[1].source, senses.judged[1].doubts) == ("socket", (Doubt("rail", M.TOO_LOW, True),))


def test_zero_lux_needs_a_dark_picture() -> None:
    """A dead sensor says 0; without a picture, or beside a bright one, it is not believed. Simulated light knows no picture."""
    for picture, light_mlx in ((None, None), (Picture(40_000), None), (Picture(39_999), 0)):
        bench = Bench()
        senses = bench.tick(bench.say("light", 0), picture=picture)
        assert (senses.light_mlx, senses.judged[2].reason) == (light_mlx, None if light_mlx == 0 else M.ZERO)
    assert Bench().tick(RawReading(0, 0, 1, "twin", "light", simulated=True)).light_mlx == 0


@pytest.mark.parametrize(
    ("sensor", "camera", "known"), [(16_000, 1_000, True), (16_001, 1_000, False), (1_600, 20, True), (0, 1_601, False)]
)
def test_sensor_and_picture_may_differ_by_a_factor_of_sixteen(sensor: int, camera: int, known: bool) -> None:
    """Beyond it neither is taken; below a tenth of a lux every value counts as a tenth."""
    bench = Bench()
    senses = bench.tick(bench.say("light", sensor, "veml"), bench.say("light", camera, "camera"), picture=Picture(10_000))
    assert (senses.light_mlx is not None) is known
    if not known:
        assert senses.judged[2].reason is M.CONTRADICTED
        assert Doubt("veml", M.CONTRADICTED, True) in senses.judged[2].doubts


@pytest.mark.parametrize(
    ("sensor_mlx", "linear_ppm", "known"), [(400_000, 900, False), (400_000, 1_000, True), (49_999, 0, True)]
)
def test_a_sensor_that_says_day_before_a_black_picture_is_not_believed(sensor_mlx: int, linear_ppm: int, known: bool) -> None:
    """Stuck from the start, and a camera that nobody calibrated: light is unknown, not bright. In the dark both may be right."""
    bench = Bench()
    senses = bench.tick(bench.say("light", sensor_mlx, "veml"), picture=Picture(linear_ppm))
    assert (senses.light_mlx is not None) is known
    assert known or senses.judged[2].reason is M.CONTRADICTED


def test_a_picture_that_is_only_a_bound_contradicts_nobody() -> None:
    """A clipped picture says 'at least', which is no number to hold a sensor against."""
    bench = Bench()
    bound = bench.say("light", 1_000, "camera", note=M.BOUND)
    assert bench.tick(bench.say("light", 90_000, "veml"), bound, picture=Picture(900_000)).light_mlx == 90_000


def test_a_light_sensor_that_stands_still_while_the_picture_changes_is_stuck() -> None:
    """Two doublings of the scene must show; one may lie within what the picture is worth. Exposure and gain cancel out."""
    for bright, refused in ((80_000, False), (200_000, True)):
        bench = Bench()
        for linear in (20_000, 20_000, *[bright] * 6):
            senses = bench.tick(bench.say("light", 500_000), picture=Picture(linear))
        assert (senses.judged[2].reason is M.STUCK) is refused
    assert fusion.doublings(Picture(100_000, 10_000, 1_000_000)) == fusion.doublings(Picture(50_000, 5_000, 1_000_000))


def test_one_failed_read_is_bridged_with_its_true_age() -> None:
    """A busy sensor keeps its last value for less than a second, is named, and is missing from then on."""
    bench = Bench()
    bench.tick(bench.say("temperature", 60_000))
    busy = Unread(M.MOMENTARY, "EAGAIN: sensor is off or busy", "probe", "temperature")
    senses = bench.tick(busy, after_s=0.8)
    assert senses.temperature_mc == 60_000
    assert of_judged(bench.snapshot, senses.judged[0], "temperature") == Measured(60_000, 800_000, "probe")
    assert senses.judged[0].doubts == (Doubt("probe", M.BRIDGED, False),)
    late = bench.tick(busy, after_s=0.2)
    missing = of_judged(bench.snapshot, late.judged[0], "temperature")
    assert isinstance(missing, Missing)
    assert why_missing(missing) == "EAGAIN: sensor is off or busy"


@pytest.mark.parametrize("reason", [M.GONE, M.HUNG, M.UNREADABLE, M.DEVICE])
def test_only_a_momentary_failure_is_bridged(reason: M) -> None:
    """A sensor that is gone, hangs or talks nonsense is missing at once."""
    bench = Bench()
    bench.tick(bench.say("temperature", 60_000))
    assert bench.tick(Unread(reason, "", "probe", "temperature"), after_s=0.1).temperature_mc is None


def test_a_source_that_comes_again_begins_anew() -> None:
    """Sources that come and go keep the memory of the others, and a new one has none."""
    bench = Bench()
    bench.tick(bench.say("temperature", 60_000, "a"), bench.say("temperature", 61_000, "b"))
    bench.tick(bench.say("temperature", 61_000, "b"))
    senses = bench.tick(bench.say("temperature", 20_000, "a"), bench.say("temperature", 90_000, "b"))
    assert senses.judged[0].source == "a"
    assert senses.judged[0].doubts == (Doubt("b", M.TOO_FAST, True),)


def test_a_simulated_zone_does_not_follow_a_real_rail() -> None:
    """Cause and effect are compared within one world only."""
    for simulated, reason in ((True, None), (False, M.STUCK)):
        bench = Bench()
        for second in range(8):
            zone = bench.say("temperature", 50_000, "zone", simulated=simulated)
            senses = bench.tick(zone, bench.say("power", 6_000 if second < 2 else 14_000))
        assert senses.judged[0].reason is reason


def test_the_thresholds_of_standing_still_are_physical() -> None:
    """Half a kelvin must be due of a temperature and two watts of a rail: a step that would show less proves nothing."""
    per_watt = RULES.of["temperature"].effect_per_1000
    for due_mc, stuck in ((400, False), (700, True)):
        bench = Bench()
        for second in range(12):
            power = 6_000 if second < 2 else 6_000 + due_mc * 1000 // per_watt
            senses = bench.tick(bench.say("temperature", 50_000), bench.say("power", power))
        assert (senses.judged[0].reason is M.STUCK) is stuck
    for more_mw, stuck in ((1_500, False), (2_500, True)):
        bench = Bench()
        for second in range(12):
            senses = bench.tick(bench.say("power", 8_000), predicted_mw=8_000 if second < 2 else 8_000 + more_mw)
        assert (senses.judged[1].reason is M.STUCK) is stuck


def test_what_a_step_of_power_shows_within_a_second() -> None:
    """Each pole's R times 1 s / tau, at most R: a fast pole shows all of it, a slow one its share."""
    from adaptd.brain.judge.rules import rules
    from adaptd.config.profile import Pole
    from tests.brain.decide.plant import board, feeder

    profile = replace(board(), poles=(Pole(500, 500), Pole(1_000, 10_000)))
    assert rules(feeder(), profile).of["temperature"].effect_per_1000 == 500 + 100


def test_a_change_of_power_up_to_three_times_idle_is_believed_at_once() -> None:
    """An engine that starts may take that much at once; more waits for a second answer."""
    from tests.brain.decide.plant import board

    idle = board().idle_power_mw
    assert RULES.of["power"].sure_step == 3 * idle
