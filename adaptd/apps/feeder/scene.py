"""When the camera needs a look and not the pet: it was moved, the bowl is gone, a pet sleeps in front of it, or nothing comes."""

from collections.abc import Sequence
from datetime import tzinfo

from adaptd.apps.feeder import words
from adaptd.apps.feeder.finding import Finding, Rule, Verdict
from adaptd.apps.feeder.settings import HOUR_US, PPM, SECOND_US, WINDOW_S, WINDOW_US
from adaptd.apps.feeder.store import Store

SLEEPS_WINDOWS = 6
SLEEPS_PPM = 900_000
NOTHING_COMES_US = 12 * HOUR_US
MOVED_CORRELATION_MILLI = 600
MOVED_AFTER_US = 120 * SECOND_US


def judge_scene(store: Store, zone: tzinfo, now_us: int) -> list[Finding]:
    """A pet that stays at the bowl without eating, and a bowl that nobody comes to any more."""
    return _sleeper(store, zone, now_us) + _nobody(store, zone, now_us)


def _sleeper(store: Store, zone: tzinfo, now_us: int) -> list[Finding]:
    now_s = now_us // SECOND_US // WINDOW_S * WINDOW_S
    rows = store.base.execute(
        "SELECT start_s, pet, eating_us, present_us FROM eating WHERE start_s >= ? AND start_s < ? ORDER BY start_s DESC",
        (now_s - 12 * HOUR_US // SECOND_US, now_s),
    ).fetchall()
    found = []
    for pet in sorted({row[1] for row in rows}):
        run = 0
        still = {row[0] for row in rows if row[1] == pet and row[2] == 0 and row[3] >= WINDOW_US * SLEEPS_PPM // PPM}
        while now_s - (run + 1) * WINDOW_S in still:
            run += 1
        if run >= SLEEPS_WINDOWS:
            begun = now_s - run * WINDOW_S
            text = (
                f"{words.who(pet)} has been at the bowl without eating since {words.clock_time(begun * SECOND_US, zone)}: "
                "it may sleep there. While it hides the bowl nobody else is seen eating."
            )
            found.append(_finding(f"scene-sleeps-{pet}-{begun}", pet, Verdict.WATCH, text))
    return found


def _nobody(store: Store, zone: tzinfo, now_us: int) -> list[Finding]:
    row = store.base.execute(
        "SELECT max(start_s) FROM eating WHERE present_us > 0 AND start_s <= ?", (now_us // SECOND_US,)
    ).fetchone()
    first = store.base.execute("SELECT min(start_s) FROM windows").fetchone()[0]
    if first is None:
        return []
    since = int(row[0] if row[0] is not None else first)
    seen = store.base.execute(
        "SELECT total(min(sure_us, ?)) FROM windows WHERE start_s > ? AND start_s <= ?", (WINDOW_US, since, now_us // SECOND_US)
    ).fetchone()[0]
    if seen < NOTHING_COMES_US:
        return []
    text = (
        f"Nobody came to the bowl in {words.hours(int(seen))} of time seen, since {words.clock_time(since * SECOND_US, zone)}. "
        "Check that the camera still sees the bowl, and where the pet is."
    )
    return [_finding(f"scene-nobody-{since}", "", Verdict.NOTICE, text)]


def _finding(key: str, pet: str, verdict: Verdict, text: str) -> Finding:
    return Finding(key=key, rule=Rule.SCENE, pet=pet, verdict=verdict, text=text, rests_on={})


def correlation_milli(one: Sequence[int], other: Sequence[int]) -> int:
    """How alike two coarse pictures are, -1000 to 1000, whatever their brightness and contrast; 0 where one is flat."""
    count = len(one)
    a = [value * count - sum(one) for value in one]
    b = [value * count - sum(other) for value in other]
    power = sum(x * x for x in a) * sum(y * y for y in b)
    return 0 if power == 0 else round(1_000 * sum(x * y for x, y in zip(a, b, strict=True)) / power**0.5)


class CameraWatch:
    """Tells that the camera was moved, from coarse pictures (a grid of mean brightness) of the scene without a pet.

    Results carry no picture statistic today; a source that has one feeds it here. The reference is the mean of the first
    ``learn`` grids.
    """

    def __init__(self, learn: int = 30) -> None:
        self._learn = learn
        self._seen = 0
        self._sum: list[int] = []
        self._unlike_since_us: int | None = None

    def feed(self, at_us: int, grid: Sequence[int]) -> bool:
        """True once the scene has been unlike the reference for two minutes."""
        if self._seen < self._learn:
            self._sum = [total + value for total, value in zip(self._sum or [0] * len(grid), grid, strict=True)]
            self._seen += 1
            return False
        if correlation_milli(grid, self._sum) >= MOVED_CORRELATION_MILLI:
            self._unlike_since_us = None
            return False
        if self._unlike_since_us is None:
            self._unlike_since_us = at_us
        return at_us - self._unlike_since_us >= MOVED_AFTER_US
