"""How full the battery is, and what a full one really brings: the gauge and the board's own meter, believed together.

Two unknowns: the charge s (of one), and the drain u, what a joule of the board takes out of the charge over what the label says:

    s' = s - u e,    e = energy drawn by the board / what the label says a full one holds

u is 1.25 where a battery holds four fifths of its label, and it is more where something else drinks from the same battery. A
gauge that falls faster than the meter accounts for teaches u; Kalman's filter weighs both by what is not known of them (R. E.
Kalman, J. Basic Eng. 1960, doi 10.1115/1.3662552). Between readings energy is counted.
"""

from typing import NamedTuple

from adaptd.brain.estimate.fixed import INVERSE, ONE
from adaptd.vocabulary import Unread
from adaptd.vocabulary.battery import BatteryReading, Supply

PPM = 1_000_000
LEARN_US = 60_000_000  # the gauge is heard so often: neighbouring readings share their rounding
DRAIN_SD = 0.2  # what a label may be wrong by, one sigma
DRAIN_DRIFT = 2e-5  # random walk of the drain, per square root of a second: other programs and motors come and go
GAUGE_SD = 0.004
LEAST_DRAIN, MOST_DRAIN = 0.2, 5.0
JUMP_SIGMAS, JUMP = 4.0, 0.02  # a reading further off is another battery, a sleep, or a gauge that set itself anew ...
JUMP_LOOKS = 2  # ... when it is seen so often in a row
NEW_CHARGE = 0.05  # a rise by this part begins a new charge: it was charged, or another battery is in


class Belief(NamedTuple):
    """Charge and drain with their covariance (s s, s u, u u), fixed point; what the label says, and what was drawn since.

    ``since_us``: when this charge began to be used. ``fed``: a charger or another supply feeds the board now. ``heard_us`` is
    when the gauge was last listened to, ``read_us`` the time of that reading; ``doubt`` counts jumps in a row.
    """

    charge: int
    drain: int
    cov: tuple[int, int, int]
    full_uj: int
    spent_uj: int
    since_us: int
    heard_us: int
    read_us: int
    fed: bool = False
    doubt: int = 0

    @property
    def charge_ppm(self) -> int:
        """What is left of a full one, what was drawn since the last look counted."""
        spent = self.spent_uj * self.drain // max(1, self.full_uj)
        return max(0, min(PPM, (self.charge - spent) * PPM >> 40))

    def left_uj(self, reserve_ppm: int) -> int:
        """What the board can still draw until the charge is down to the reserve; 0 where it is below."""
        spare = self.charge - (reserve_ppm << 40) // PPM
        return max(0, spare * self.full_uj // self.drain - self.spent_uj)


def observe(
    before: Belief | None, said: BatteryReading | Unread | None, label_uj: int | None, drawn_w: float, dt_s: float, now_us: int
) -> Belief | None:
    """One interval in which the board drew ``drawn_w``. None while nothing was read, or nobody says what a full one holds."""
    if before is None and said is None:
        return None
    reading = said if isinstance(said, BatteryReading) else None
    if before is not None:
        before = before._replace(spent_uj=before.spent_uj + (0 if before.fed else int(drawn_w * dt_s * 1e6)))
    if reading is None or not 0 <= reading.charge_ppm <= PPM or (before is not None and reading.at_us == before.read_us):
        return before
    full_uj = reading.full_uj or label_uj
    if not full_uj:
        return before
    if before is None or before.full_uj != full_uj:
        return _begin(reading, full_uj, now_us)
    fed = reading.supply is not Supply.DISCHARGING
    if fed or before.fed:  # nothing is taken from it: only the charge is read; a charge begins where the supply leaves
        return _at(before, reading, now_us)._replace(since_us=now_us, fed=fed)
    if now_us - before.heard_us < LEARN_US and not before.doubt:
        return before
    return _learn(before, reading, now_us)


def resume(before: Belief | None, shift_us: int) -> Belief | None:
    """After a restart: time goes on from where it was, and the charge is read anew."""
    if before is None:
        return None
    _, _, drain = before.cov
    since, heard = before.since_us + shift_us, before.heard_us + shift_us - LEARN_US
    return before._replace(cov=(ONE, 0, drain), since_us=since, heard_us=heard, read_us=-1, spent_uj=0, doubt=0)


def _begin(reading: BatteryReading, full_uj: int, now_us: int) -> Belief:
    cov = (int(_variance(reading) * ONE), 0, int(DRAIN_SD * DRAIN_SD * ONE))
    fed = reading.supply is not Supply.DISCHARGING
    return Belief(reading.charge_ppm * ONE // PPM, ONE, cov, full_uj, 0, now_us, now_us, reading.at_us, fed)


def _at(before: Belief, reading: BatteryReading, now_us: int) -> Belief:
    """The charge as it is read, the drain as it was."""
    return before._replace(
        charge=reading.charge_ppm * ONE // PPM,
        cov=(int(_variance(reading) * ONE), 0, before.cov[2]),
        spent_uj=0,
        heard_us=now_us,
        read_us=reading.at_us,
        doubt=0,
    )


def _variance(reading: BatteryReading) -> float:
    """Of one reading: the gauge's own, and half a step."""
    step = reading.step_ppm / (2.0 * PPM)
    return GAUGE_SD * GAUGE_SD + step * step


def _learn(before: Belief, reading: BatteryReading, now_us: int) -> Belief:
    """Charge and drain after what was drawn since the gauge was last heard, and what it says now."""
    drain, (ss, su, uu) = before.drain * INVERSE, [one * INVERSE for one in before.cov]
    drawn = before.spent_uj / before.full_uj
    passed_s = max(0.0, (now_us - before.heard_us) / 1e6)
    charge = before.charge * INVERSE - drain * drawn
    ss += drawn * drawn * uu - 2.0 * drawn * su
    su -= drawn * uu
    uu += DRAIN_DRIFT * DRAIN_DRIFT * passed_s
    noise = _variance(reading)
    surprise, total = reading.charge_ppm / PPM - charge, ss + noise
    if surprise > NEW_CHARGE or (surprise * surprise > JUMP_SIGMAS * JUMP_SIGMAS * total and abs(surprise) > JUMP):
        if before.doubt + 1 < JUMP_LOOKS and ss < 0.5:
            return before._replace(read_us=reading.at_us, doubt=before.doubt + 1)
        again = _at(before, reading, now_us)
        return again._replace(since_us=now_us) if surprise > NEW_CHARGE else again
    to_charge, to_drain = ss / total, su / total
    drain = max(LEAST_DRAIN, min(MOST_DRAIN, drain + to_drain * surprise))
    cov = (ss - to_charge * ss, su - to_charge * su, uu - to_drain * su)
    return before._replace(
        charge=int((charge + to_charge * surprise) * ONE),
        drain=int(drain * ONE),
        cov=(int(cov[0] * ONE), int(cov[1] * ONE), int(cov[2] * ONE)),
        spent_uj=0,
        heard_us=now_us,
        read_us=reading.at_us,
        doubt=0,
    )
