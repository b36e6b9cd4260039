"""Every fault of the sensor table, rehearsed: noticed within two seconds, and never a bolder reading.

Time is a clock that the test moves, so nothing here depends on how fast this machine is. One row of docs/sensors.md is
`pytest tests/sense/test_faults.py -k "temperature and hang"`.
"""

from collections.abc import Callable

import pytest

from adaptd.brain.judge import fusion, source
from adaptd.brain.judge.fusion import Heard
from adaptd.brain.judge.rules import Limits
from adaptd.brain.judge.source import Still, Trace
from adaptd.sense import hwmon, sysfs
from adaptd.sense.deadline import DeadlineReader
from adaptd.sense.iio_light import IioLight
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing, MissingReason, RawReading
from tests.sense import judged
from tests.sense.fakes import FaultySysfs
from tests.sense.rig import Rig

QUANTITIES = ("temperature", "power", "light")
KINDS = (
    "hang",
    "eio",
    "eagain",
    "enoent",
    "empty",
    "garbage",
    "negative",
    "zero",
    "x1000",
    "frozen",
    "spike",
    "duplicate",
    "backwards",
)
LIMIT_S = 2.0


def rehearse(rig: Rig) -> None:
    """Run into the fault and hold the row's promise."""
    try:
        rig.run(12)
        assert rig.good_at_onset, "the sensor was not good before the fault"
        assert rig.detected_s is not None, f"{rig.kind} was never noticed"
        assert rig.detected_s <= LIMIT_S, f"{rig.kind} was noticed after {rig.detected_s} s"
    finally:
        rig.sysfs.release()
        rig.station.close()


def rehearse_long(rig: Rig) -> None:
    """A minute of drift."""
    try:
        rig.run(60)
        assert rig.detected_s is not None, "the drift was never named"
    finally:
        rig.station.close()


@pytest.mark.parametrize("hz", [1, 10])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_broken_sensor_is_noticed_within_two_seconds_and_never_makes_it_bolder(
    orin_nx: FaultySysfs, quantity: str, kind: str, hz: int
) -> None:
    """At one and at ten ticks a second: the fault is named in time, no reading is cooler, cheaper or brighter than true."""
    rehearse(Rig(orin_nx, quantity, kind, hz))


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_slow_drift_is_bounded_by_the_cross_checks(orin_nx: FaultySysfs, quantity: str) -> None:
    """A drift has no moment of onset: what is promised is that it stays within 5 K of another zone, half of the expected power,
    and a factor of 16 of the picture, and that it is named when it leaves them."""
    rehearse_long(Rig(orin_nx, quantity, "drift", 1))


def test_a_machine_without_a_fault_stays_good(orin_nx: FaultySysfs) -> None:
    """The guards are quiet on a healthy sensor, through the same load step."""
    for quantity in QUANTITIES:
        rig = Rig(orin_nx, quantity, "none", 10)
        rig.run(12)
        rig.station.close()
        assert rig.detected_s is None


def _nothing(*arguments: object) -> None:
    """A check that finds nothing."""


def _first(heard: list[Heard], *rest: object) -> list[Heard]:
    """A fusion that believes the first source whatever the others say."""
    return heard


def _swallow(self: sysfs.Sysfs, path: str, limit: int) -> bytes:
    """A reader that puts a number in the place of an error."""
    try:
        return self.read_bytes(path, limit)
    except OSError:
        return b"60500\n"


def _patient(self: DeadlineReader, now_us: int) -> object:
    """A reader without a deadline."""
    return self.raw(self._latest, now_us)


def _believed(trace: Trace, raw: RawReading, now_us: int, *rest: object) -> source.Look:
    """A first look that finds nothing wrong."""
    return None, raw.value, now_us - raw.age_us, trace.waiting, trace.life


def _never_stale(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(judged, "STALE_US", 10**12)


def _no_deadline(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DeadlineReader, "sample", _patient)
    _never_stale(patch)
    _never_stuck(patch)


def _no_clock(patch: pytest.MonkeyPatch) -> None:
    plain = source._first_look

    def look(trace: Trace, raw: RawReading, now_us: int, limits: Limits) -> source.Look:
        found = plain(trace, raw, now_us, limits)
        return _believed(trace, raw, now_us) if found[0] is MissingReason.CLOCK else found

    patch.setattr(source, "_first_look", look)
    _never_stale(patch)


def _errors_become_numbers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sysfs.Sysfs, "_read", _swallow)
    _never_stuck(patch)


def _no_range(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(source, "_first_look", _believed)


def _no_jump(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(source, "_change", lambda *rest: (None, None))
    patch.setattr(fusion, "_contradiction", _nothing)


def _no_floor(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fusion, "above_floor", _first)


def _never_stuck(patch: pytest.MonkeyPatch) -> None:
    def moves(still: object, life: object, raw: RawReading, now_us: int, limits: Limits, cause: int) -> Still:
        return Still(raw.value, cause, cause, now_us)

    patch.setattr(source, "_watch_still", moves)
    patch.setattr(fusion, "_contradiction", _nothing)
    _no_floor(patch)


def _no_cross_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fusion, "_contradiction", _nothing)
    patch.setattr(fusion, "hottest", _first)
    _no_floor(patch)


def _zero_is_dark(patch: pytest.MonkeyPatch) -> None:
    _no_cross_check(patch)
    _no_jump(patch)


MUTANTS = [
    (_no_deadline, "temperature", "hang"),
    (_no_deadline, "power", "hang"),
    (_errors_become_numbers, "temperature", "eio"),
    (_errors_become_numbers, "temperature", "eagain"),
    (_no_clock, "temperature", "duplicate"),
    (_no_clock, "light", "duplicate"),
    (_no_range, "temperature", "x1000"),
    (_no_jump, "temperature", "spike"),
    (_no_jump, "light", "spike"),
    (_never_stuck, "temperature", "frozen"),
    (_never_stuck, "power", "frozen"),
    (_never_stuck, "light", "frozen"),
    (_zero_is_dark, "light", "zero"),
    (_no_cross_check, "temperature", "drift"),
    (_no_cross_check, "power", "drift"),
    (_no_cross_check, "light", "drift"),
]


@pytest.mark.parametrize(("mutate", "quantity", "kind"), MUTANTS, ids=lambda part: getattr(part, "__name__", part))
def test_without_its_guards_the_row_fails(
    orin_nx: FaultySysfs, monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None], quantity: str, kind: str
) -> None:
    """Negative control: with every net of a row taken away the rehearsal must fail, else it proves nothing."""
    mutate(monkeypatch)
    rig = Rig(orin_nx, quantity, kind, 1)
    with pytest.raises(AssertionError):
        rehearse_long(rig) if kind == "drift" else rehearse(rig)


def _keeps_the_last_value(patch: pytest.MonkeyPatch) -> None:
    """A reader that repeats its last number, with a fresh age, whatever the kernel answers."""
    known: dict[tuple[Sysfs, str], int] = {}

    def keeping(plain: Callable[..., int | Missing]) -> Callable[..., int | Missing]:
        def read(self: Sysfs, path: str, *rest: int) -> int | Missing:
            value = plain(self, path, *rest)
            if isinstance(value, Missing):
                return known.get((self, path), value)
            known[self, path] = value
            return value

        return read

    for name in ("read_int", "read_scaled"):
        patch.setattr(Sysfs, name, keeping(getattr(Sysfs, name)))
    _never_stuck(patch)


def _believe(self: IioLight, now_us: int) -> int | Missing:
    """A light sensor that says whatever its file says."""
    return self._millilux()


def _same(value: int | Missing) -> int | Missing:
    """Negative is a number like any other."""
    return value


def _believes_every_number(patch: pytest.MonkeyPatch) -> None:
    """No range, no jump, no clock, no stuck detection, no cross-check: what parses is true."""
    patch.setattr(source, "_first_look", _believed)
    _never_stuck(patch)
    _never_stale(patch)
    patch.setattr(hwmon, "_refuse_negative", _same)
    patch.setattr(hwmon, "_ALL_ONES_MA", 10**12)
    patch.setattr(IioLight, "read", _believe)
    _no_cross_check(patch)


NETS = {
    "hang": _no_deadline,
    **dict.fromkeys(("eio", "eagain", "enoent", "empty", "garbage"), _keeps_the_last_value),
    **dict.fromkeys(("negative", "zero", "x1000", "frozen", "spike", "duplicate", "backwards", "drift"), _believes_every_number),
}


def test_every_kind_of_fault_has_its_control() -> None:
    """No row of the table stands without a mutant that must fail it."""
    assert set(NETS) == {*KINDS, "drift"}


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_without_any_guard_each_row_fails(
    orin_nx: FaultySysfs, monkeypatch: pytest.MonkeyPatch, quantity: str, kind: str
) -> None:
    """Each of the 42 rehearsals fails on a daemon that does what others do: repeat the last value, or believe every number."""
    NETS[kind](monkeypatch)
    rig = Rig(orin_nx, quantity, kind, 1, grace_s=0.2 if kind == "hang" else None)
    with pytest.raises(AssertionError):
        rehearse_long(rig) if kind == "drift" else rehearse(rig)
