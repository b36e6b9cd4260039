"""Charge and drain: what a battery holds is learned, jumps are believed at the second look, nothing counts while fed."""

from adaptd.brain.estimate.battery import Belief, observe, resume
from adaptd.vocabulary import MissingReason, Unread
from adaptd.vocabulary.battery import BatteryReading, Supply

FULL_UJ = 100 * 3_600_000_000  # a label of 100 Wh
TEN_S = 10_000_000


def gauge(share: float, now_us: int, supply: Supply = Supply.DISCHARGING, full_uj: int | None = FULL_UJ) -> BatteryReading:
    """A gauge in steps of one per cent."""
    return BatteryReading(round(share * 100) * 10_000, supply, now_us, full_uj, 10_000, "test")


def run(hours: float, watts: float, true_scale: float, belief: Belief | None = None, share: float = 1.0) -> tuple[Belief, float]:
    """A board that draws ``watts`` from a battery that holds ``true_scale`` of its label; the belief, and the true charge."""
    start_us = 0 if belief is None else belief.read_us + TEN_S
    for step in range(int(hours * 360)):
        now_us = start_us + step * TEN_S
        share -= watts * 10 / (100 * 3600 * true_scale)
        belief = observe(belief, gauge(share, now_us), None, watts, 10.0, now_us)
    assert belief is not None
    return belief, share


def test_what_a_battery_really_holds_is_learned_from_gauge_and_meter() -> None:
    """A battery with four fifths of its label: after a third of it, what is left is known within two hundredths of the whole."""
    belief, share = run(3.0, 10.0, 0.8)
    true_left_uj = (share - 0.1) * 0.8 * FULL_UJ
    assert abs(belief.left_uj(100_000) - true_left_uj) < 0.02 * FULL_UJ
    assert abs(belief.charge_ppm / 1e6 - share) < 0.01


def test_energy_is_counted_while_the_gauge_is_silent() -> None:
    """Two hours at 10 W without a reading take a fifth of a battery of 100 Wh."""
    first = observe(None, gauge(1.0, 0), None, 10.0, 1.0, 0)
    lost = Unread(MissingReason.GONE, "gone", "test", "battery")
    later = observe(first, lost, None, 10.0, 7200.0, 7_200_000_000)
    assert later is not None
    assert abs(later.charge_ppm - 800_000) < 1000
    assert later.left_uj(0) == FULL_UJ - 72_000_000_000


def test_nothing_is_believed_where_nobody_says_what_a_full_one_holds() -> None:
    """A bare percentage is no energy; with the profile's capacity it is."""
    bare = gauge(0.5, 0, full_uj=None)
    assert observe(None, bare, None, 10.0, 1.0, 0) is None
    known = observe(None, bare, FULL_UJ, 10.0, 1.0, 0)
    assert known is not None
    assert known.left_uj(0) == FULL_UJ // 2
    assert observe(None, None, FULL_UJ, 10.0, 1.0, 0) is None


def test_a_swapped_battery_begins_a_new_charge_at_the_second_look() -> None:
    """40 % that become 100 %: one odd reading changes nothing, two do, and the hours are counted from there."""
    belief, _ = run(0.5, 10.0, 1.0, share=0.4)
    now_us = belief.read_us + 70_000_000
    once = observe(belief, gauge(1.0, now_us), None, 10.0, 10.0, now_us)
    assert once is not None
    assert (once.charge_ppm < 500_000, once.since_us) == (True, belief.since_us)
    twice = observe(once, gauge(1.0, now_us + TEN_S), None, 10.0, 10.0, now_us + TEN_S)
    assert twice is not None
    assert (twice.charge_ppm, twice.since_us) == (1_000_000, now_us + TEN_S)


def test_a_sleep_that_took_charge_teaches_no_drain() -> None:
    """A robot that slept wakes with 15 points less: the charge is believed anew, the battery is not taken for a smaller one."""
    belief, share = run(1.0, 10.0, 1.0)
    for look in range(1, 3):
        now_us = belief.read_us + 70_000_000
        after = observe(belief, gauge(share - 0.15, now_us), None, 10.0, 10.0, now_us)
        assert after is not None, look
        belief = after
    assert abs(belief.charge_ppm / 1e6 - (share - 0.15)) < 0.02
    assert abs(belief.drain / (1 << 40) - 1.0) < 0.1
    assert belief.since_us == 0


def test_a_charger_feeds_the_board_and_a_charge_begins_when_it_leaves() -> None:
    """While it is fed nothing is taken out; the hours begin at the last moment of the supply."""
    belief, share = run(1.0, 10.0, 1.0)
    now_us = belief.read_us + TEN_S
    fed = observe(belief, gauge(share + 0.05, now_us, Supply.CHARGING), None, 10.0, 10.0, now_us)
    assert fed is not None
    assert fed.fed
    assert fed.since_us == now_us
    later = observe(fed, None, None, 50.0, 3600.0, now_us + 3_600_000_000)
    assert later is not None
    assert later.charge_ppm == fed.charge_ppm
    left = observe(later, gauge(1.0, now_us + 2 * 3_600_000_000), None, 10.0, 10.0, now_us + 2 * 3_600_000_000)
    assert left is not None
    assert (left.fed, left.charge_ppm) == (False, 1_000_000)


def test_after_a_restart_the_charge_is_read_anew_and_the_hours_go_on() -> None:
    """The clock of another boot: since when the charge is used is kept as a span, the first reading is believed at once."""
    belief, share = run(1.0, 10.0, 0.8)
    again = resume(belief, -belief.read_us)
    assert again is not None
    now_us = 1_000_000
    first = observe(again, gauge(share - 0.04, now_us), None, 10.0, 1.0, now_us)
    assert first is not None
    assert abs(first.charge_ppm / 1e6 - (share - 0.04)) < 0.01
    assert now_us - first.since_us > 3_500_000_000
