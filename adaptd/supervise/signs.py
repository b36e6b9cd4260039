"""When is a worker ill, and what then: a table of named signs and a memory of crashes. Pure; the clock is an argument.

A worker is well when its process runs, its beat comes, and the frame in flight is not stuck: three signs, since each of them can
look well alone. Whatever is restarted starts on the reference; three crashes in a minute latch the safe state, in which only the
reference is loaded and restarts are slow, until somebody resets it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

CRASH_WINDOW_US = 60_000_000
CRASHES_TO_LATCH = 3
BACK_OFF_US = (0, 250_000, 1_000_000)
LATCHED_BACK_OFF_US = 30_000_000
SLOW_RESTART_US = 600_000_000
UNSTARTABLE_US = 5_000_000
# Signals by which a process ends through its own fault: ILL, TRAP, ABRT, BUS, FPE, SEGV.
OWN_FAULT = frozenset({-4, -5, -6, -7, -8, -11})


class Sign(str, Enum):
    """What a worker suffers from."""

    WELL = "well"
    STARTING = "starting"
    REFUSED = "refused"
    CRASHED = "crashed"
    LATE = "late"
    SILENT = "silent"
    STUCK = "stuck"
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How long each thing may take; ``settle_us`` after a start the spare process is prepared."""

    start_us: int = 30_000_000
    silent_us: int = 1_000_000
    stuck_us: int = 1_000_000
    stuck_factor: int = 20
    blind_us: int = 15_000_000
    settle_us: int = 2_000_000


@dataclass(frozen=True, slots=True)
class WorkerSigns:
    """What is known of a worker now: ``normal_us`` is the serving variant's warmed-up latency, ``blind_us`` how long without."""

    exit_code: int | None
    refused: bool
    ready: bool
    age_us: int
    beat_age_us: int
    busy_us: int
    normal_us: int
    blind_us: int


TABLE: tuple[tuple[Sign, Callable[[WorkerSigns, WorkerLimits], bool]], ...] = (
    (Sign.REFUSED, lambda facts, limits: facts.refused),
    (Sign.CRASHED, lambda facts, limits: facts.exit_code is not None),
    (Sign.LATE, lambda facts, limits: not facts.ready and facts.age_us > limits.start_us),
    (Sign.STARTING, lambda facts, limits: not facts.ready),
    (Sign.SILENT, lambda facts, limits: facts.beat_age_us > limits.silent_us),
    (Sign.STUCK, lambda facts, limits: facts.busy_us > max(limits.stuck_us, limits.stuck_factor * facts.normal_us)),
    (Sign.BLIND, lambda facts, limits: facts.blind_us > limits.blind_us),
    (Sign.WELL, lambda facts, limits: True),
)


def judge(facts: WorkerSigns, limits: WorkerLimits) -> Sign:
    """The first sign of the table that shows."""
    return next(sign for sign, shows in TABLE if shows(facts, limits))


@dataclass(frozen=True, slots=True)
class History:
    """Crashes of the last minute, whether the safe state is latched, and variants that took the process down with them."""

    crashes_us: tuple[int, ...] = ()
    latched: bool = False
    guilty: tuple[str, ...] = ()
    slow_restart_us: int | None = None


def after_crash(history: History, now_us: int, exit_code: int | None, variant: str, reference: str) -> History:
    """Remember a crash. An efficient variant that was serving when the process faulted by itself is not served again.

    A worker that is only ``BLIND`` has not crashed: a camera that is away for a minute must not cost the engines.
    """
    recent = (*(at for at in history.crashes_us if now_us - at < CRASH_WINDOW_US), now_us)
    guilty = set(history.guilty)
    if exit_code in OWN_FAULT and variant != reference:
        guilty.add(variant)
    latched = history.latched or len(recent) >= CRASHES_TO_LATCH
    return History(recent, latched, tuple(sorted(guilty)), history.slow_restart_us)


def delay_us(history: History) -> int:
    """How long to wait before the next start: none the first time, so that one crash costs no more than the start itself."""
    if history.latched:
        return LATCHED_BACK_OFF_US
    return BACK_OFF_US[min(max(len(history.crashes_us) - 1, 0), len(BACK_OFF_US) - 1)]


def slow_restart_due(history: History, now_us: int) -> bool:
    """Whether a crawling reference earns a restart: it may be the process, but rarely; once in SLOW_RESTART_US."""
    return history.slow_restart_us is None or now_us - history.slow_restart_us >= SLOW_RESTART_US


def words(sign: Sign, exit_code: int | None) -> str:
    """What a sign is, for people."""
    if sign is Sign.CRASHED and exit_code is not None:
        return f"the worker was ended by signal {-exit_code}" if exit_code < 0 else f"the worker ended with code {exit_code}"
    said: dict[Sign, str] = {
        Sign.LATE: "the worker did not become ready in time",
        Sign.SILENT: "the worker's beat stopped",
        Sign.STUCK: "the worker's engine hangs in a frame",
        Sign.BLIND: "the worker's source is stuck",
    }
    return said.get(sign, str(sign.value))
