"""Streams on which two rulebooks used to disagree, with the one answer each and its physical reason."""

from dataclasses import replace

from adaptd.brain import tick
from adaptd.brain.judge.rules import rules
from adaptd.vocabulary import MissingReason as M
from adaptd.vocabulary import OperatingPoint, RawReading
from tests.brain.decide.plant import Board, board, feeder
from tests.brain.judge.rig import RULES, Rig, S
from tests.readings import told


def test_zero_degrees_coming_from_one_degree_is_zero_degrees() -> None:
    """A board in the cold passes through 0 C: a sensor that was at 1 C a second ago is not dead, and the rate stays."""
    assert Rig().feed_all([1_000, 0, -400]) == [None, None, None]
    world = Board(ambient_c=lambda second: -13.0, change=lambda second, snapshot: told(snapshot, "temperature", 1_000 - second))
    run = list(world.run(1_010))
    at_zero = run[999]
    assert at_zero.snapshot.raw[0].value == 0  # type: ignore[union-attr]
    assert ("temperature_known", True) in at_zero.verdict.conditions
    assert at_zero.verdict.point.fps_mfps == 15_000


def test_no_running_machine_takes_zero_watts() -> None:
    """0 W is what a dead rail says, also where the profile's range begins at 0."""
    profile = replace(board(), range_mw=(0, 60_000))
    assert Rig("power", rules(feeder(), profile).of["power"]).feed(0) is M.OUT_OF_RANGE


def test_the_policy_says_how_old_a_reading_may_be() -> None:
    """Whoever writes 5 s knows the sensor: a reading of 4 s counts then, and one of 1.5 s is stale under a policy of 1 s."""
    for stale_us, age_us, why in ((5 * S, 4 * S, None), (S, 3 * S // 2, M.STALE)):
        limits = rules(replace(feeder(), stale_after_us=stale_us), board()).of["temperature"]
        assert Rig(limits=limits).feed(50_000, age_us=age_us) is why


def test_ten_looks_a_second_do_not_allow_ten_times_the_slew() -> None:
    """What a board cannot do in a second it cannot do in a tenth: noise and a tenth of the slew pass, 8 K do not."""
    rig = Rig()
    assert [rig.feed(50_000), rig.feed(54_900, after_s=0.1), rig.feed(62_900, after_s=0.1)] == [None, None, M.TOO_FAST]


def test_a_sensor_that_falls_to_a_wrong_level_is_not_believed_soon() -> None:
    """A slew of 10 K/s would excuse a fall of 50 K after five seconds of refusals; a broken sensor that looks cool must wait."""
    rig = Rig()
    rig.feed(85_000)
    assert set(rig.feed_all([35_000] * 30)) == {M.TOO_FAST}


def test_a_slow_sensor_asked_often_is_not_frozen() -> None:
    """An answer counts once however often it is looked at: ten looks at one answer a second are not ten equal answers."""
    rig = Rig()
    for second in range(120):
        value = 60_000 + (-1) ** second * (10 + 490 * ((second + 5) % 7) // 6)
        assert rig.feed(value) is None
        for _ in range(40):
            assert rig.ask(RawReading(value, 0, rig.seq, "probe", "temperature")) is None


def test_a_single_flash_is_no_daylight() -> None:
    """Light may jump, so a jump beyond a factor of eight waits for a second answer; a lamp is seen one later."""
    rig = Rig("light")
    values = [500_000, 3_900_000, 500_000, 50_000_000, 480_000, 50_000_000, 51_000_000]
    assert rig.feed_all(values) == [None, None, None, M.UNCONFIRMED, None, M.UNCONFIRMED, None]
    assert Rig("light").feed_all([0, 7_900, 0]) == [None] * 3
    assert Rig("light").feed_all([0, 8_100]) == [None, M.UNCONFIRMED]


def test_a_tick_at_the_same_time_learns_nothing_and_fails_nothing() -> None:
    """Time that stands still is no fault of any sensor; time that runs back is one of the machine, and nothing is believed."""
    one = Board().last(30)
    again = tick.step(one.state, one.snapshot, feeder(), board())[1]
    assert again.judged == one.verdict.judged
    back = tick.step(one.state, replace(one.snapshot, now_us=one.snapshot.now_us - 1), feeder(), board())[1]
    assert {judged.reason for judged in back.judged} == {M.CLOCK}
    assert back.point.fps_mfps <= OperatingPoint("fp16", 5_000).fps_mfps
    assert RULES.of["temperature"].stale_us == feeder().stale_after_us
