"""Signs and crashes as a table: every combination has one answer, and the answers are the documented ones."""

import itertools
from dataclasses import replace

import pytest

from adaptd.supervise.signs import (
    BACK_OFF_US,
    CRASH_WINDOW_US,
    LATCHED_BACK_OFF_US,
    History,
    Sign,
    WorkerLimits,
    WorkerSigns,
    after_crash,
    delay_us,
    judge,
    slow_restart_due,
)

WELL = WorkerSigns(None, refused=False, ready=True, age_us=10**7, beat_age_us=0, busy_us=0, normal_us=5_000, blind_us=0)
LIMITS = WorkerLimits()


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ({}, Sign.WELL),
        ({"exit_code": 0}, Sign.CRASHED),
        ({"exit_code": -9}, Sign.CRASHED),
        ({"refused": True, "exit_code": 1}, Sign.REFUSED),
        ({"ready": False, "age_us": 1_000_000, "beat_age_us": 1_000_001}, Sign.STARTING),
        ({"ready": False, "age_us": LIMITS.start_us + 1}, Sign.LATE),
        ({"beat_age_us": LIMITS.silent_us}, Sign.WELL),
        ({"beat_age_us": LIMITS.silent_us + 1}, Sign.SILENT),
        ({"busy_us": LIMITS.stuck_us + 1}, Sign.STUCK),
        ({"busy_us": 3_000_000, "normal_us": 200_000}, Sign.WELL),
        ({"busy_us": 4_000_001, "normal_us": 200_000}, Sign.STUCK),
        ({"blind_us": LIMITS.blind_us + 1}, Sign.BLIND),
    ],
)
def test_each_sign_shows_at_its_limit(change: dict[str, object], sign: Sign) -> None:
    """One microsecond past a limit the sign shows, at the limit it does not."""
    assert judge(replace(WELL, **change), LIMITS) is sign  # type: ignore[arg-type]


def test_every_combination_of_signs_has_an_answer_and_death_comes_first() -> None:
    """Whatever else shows, a process that is gone is crashed or refused; a living one never is."""
    values = {
        "exit_code": (None, 0, -11),
        "refused": (False, True),
        "ready": (False, True),
        "age_us": (0, LIMITS.start_us + 1),
        "beat_age_us": (0, 10**8),
        "busy_us": (0, 10**8),
        "blind_us": (0, 10**8),
    }
    for combination in itertools.product(*values.values()):
        facts = replace(WELL, **dict(zip(values, combination, strict=True)))  # type: ignore[arg-type]
        sign = judge(facts, LIMITS)
        assert (sign is Sign.REFUSED) is facts.refused
        assert (sign is Sign.CRASHED) is (facts.exit_code is not None and not facts.refused)


def crashes(*at_us: int, exit_code: int | None = -9, variant: str = "fp16") -> History:
    """The memory after crashes at these times."""
    history = History()
    for now_us in at_us:
        history = after_crash(history, now_us, exit_code, variant, "fp16")
    return history


def test_the_first_restart_is_immediate_and_the_next_ones_wait_longer() -> None:
    """One crash costs no more than the start itself; a second one waits a little."""
    assert delay_us(crashes(0)) == BACK_OFF_US[0] == 0
    assert delay_us(crashes(0, 1_000_000)) == BACK_OFF_US[1]


def test_three_crashes_in_a_minute_latch_and_time_does_not_unlatch() -> None:
    """A crash loop ends in the safe state, and stays there although the crashes get old."""
    assert not crashes(0, 1, CRASH_WINDOW_US + 2).latched
    looping = crashes(0, 20_000_000, 40_000_000)
    assert looping.latched
    assert delay_us(looping) == LATCHED_BACK_OFF_US
    assert after_crash(looping, 10**12, -9, "fp16", "fp16").latched


@pytest.mark.parametrize(
    ("exit_code", "guilty"), [(-11, True), (-6, True), (-7, True), (-9, False), (-15, False), (3, False), (None, False)]
)
def test_an_engine_that_takes_the_process_down_is_remembered(exit_code: int | None, guilty: bool) -> None:
    """A segfault while INT8 served is held against INT8; a kill from outside or a hang is not."""
    assert ("int8" in crashes(0, exit_code=exit_code, variant="int8").guilty) is guilty


def test_the_reference_is_never_guilty() -> None:
    """There must be something left to serve."""
    assert crashes(0, exit_code=-11, variant="fp16").guilty == ()


def test_a_crawling_reference_earns_one_restart_in_ten_minutes() -> None:
    """A slow machine is not made faster by restarting it all day."""
    assert slow_restart_due(History(), 0)
    assert not slow_restart_due(History(slow_restart_us=0), 599_999_999)
    assert slow_restart_due(History(slow_restart_us=0), 600_000_000)
