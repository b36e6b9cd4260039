"""Judge what was recorded: close the days that are over, hold them against the usual, and say what is to be said.

Runs after every flush, on the store alone: what it says does not depend on when, or how often, it is asked.
"""

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Any

from adaptd.apps.feeder import words
from adaptd.apps.feeder.basis import Basis, Excuse, excuse_for, excuse_for_refusal, together
from adaptd.apps.feeder.days import Day, closed_days, local_day, pets_of, read_basis, seen_within
from adaptd.apps.feeder.finding import Finding, Rule, Verdict
from adaptd.apps.feeder.notes import EXCLUDES, Note, counts, read_notes
from adaptd.apps.feeder.rules import Watch, low_run, usual
from adaptd.apps.feeder.settings import SECOND_US, WINDOW_US, Settings
from adaptd.apps.feeder.store import Store

LOOK_BACK_DAYS = 120
VERDICTS = {Excuse.NONE: Verdict.ALERT, Excuse.UNPROVEN: Verdict.WITHHELD}
DARK_DELAY_PPM = 1_500_000  # eating that may have been in the dark delays the refusal alert to 1.5 times its limit, no longer


@dataclass(frozen=True, slots=True)
class Past:
    """A pet's closed days up to one day, and the notes that bear on them."""

    days: dict[date, Day]
    last: date
    notes: list[Note]
    settings: Settings

    def series(self) -> tuple[date, list[int | None]]:
        """The first day, and eating in 24 h a day; None where a day cannot be told or does not count."""
        first = min(self.days, default=self.last)
        length = (self.last - first).days + 1
        return first, [self._value(first + timedelta(days=index)) for index in range(length)]

    def _value(self, day: date) -> int | None:
        found = self.days.get(day)
        return found.eating_24h_us(self.settings) if found is not None and counts(self.notes, day, self.last) else None


def judge(store: Store, settings: Settings, zone: tzinfo, now_us: int) -> list[Finding]:
    """Everything that is to be said now; what was said before has the same key again."""
    notes, last = read_notes(store), local_day(now_us, zone) - timedelta(days=1)
    found: list[Finding] = []
    for pet in pets_of(store):
        past = Past(closed_days(store, pet, last - timedelta(days=LOOK_BACK_DAYS), last), last, notes, settings)
        found += judge_days(past, pet)
        if not any(note.kind in EXCLUDES and note.covers(local_day(now_us, zone)) for note in notes):
            found += judge_refusal(store, past, pet, zone, now_us)
    return found


def judge_days(past: Past, pet: str) -> list[Finding]:
    """The drop on the last closed day, or else the watch: "no alert" beside an alert would only confuse."""
    first, series = past.series()
    run = low_run(series, len(series) - 1, past.settings)
    if len(run) >= past.settings.drop_days:
        return [_drop(past, pet, first, series, run)]
    watch = Watch()
    if [watch.step(series, day, past.settings) for day in range(len(series))][-1]:
        return [Finding(f"watch-{pet}-{past.last}", Rule.WATCH, pet, Verdict.WATCH, words.watch_text(pet))]
    return []


def judge_refusal(store: Store, past: Past, pet: str, zone: tzinfo, now_us: int) -> list[Finding]:
    """No eating in 24 h of time seen in light; a new finding for each further 24 h."""
    now_s = now_us // SECOND_US
    row = store.base.execute(
        "SELECT max(start_s) FROM eating WHERE pet = ? AND sure_eating_us > 0 AND start_s <= ?", (pet, now_s)
    ).fetchone()
    if row[0] is None:
        return []
    since = int(row[0]) + WINDOW_US // SECOND_US
    _, seen_us = seen_within(store, (since, now_s + 1))
    times = seen_us // past.settings.refusal_us
    if times == 0:
        return []
    there, dark = store.base.execute(
        "SELECT total(present_us), total(eating_us - sure_eating_us) FROM eating WHERE pet = ? AND start_s >= ? AND start_s <= ?",
        (pet, since, now_s),
    ).fetchone()
    return [_refusal(store, past, pet, zone, (since, now_us), (seen_us, times), came=there > 0, dark=dark > 0)]


def _refusal(
    store: Store, past: Past, pet: str, zone: tzinfo, when: tuple[int, int], how_long: tuple[int, int], *, came: bool, dark: bool
) -> Finding:
    since, now_us = when
    seen_us, times = how_long
    first, series = past.series()
    now, before = read_basis(store, since * SECOND_US, now_us), _usual_basis(past, first, len(series) - 1)
    ordinary = usual([*series, None], len(series), past.settings)
    excuse = excuse_for_refusal(now, before, ordinary, past.settings)
    verdict = VERDICTS.get(excuse, Verdict.CANNOT_TELL)
    if dark and verdict is Verdict.ALERT and seen_us * 1_000_000 < past.settings.refusal_us * DARK_DELAY_PPM:
        verdict = Verdict.CANNOT_TELL
    last = words.clock_time(since * SECOND_US, zone)
    text = words.refusal_text(pet, seen_us, last, came=came, dark=dark, excuse=excuse)
    if dark and verdict is Verdict.CANNOT_TELL and excuse is Excuse.NONE:
        text = f"Cannot tell. {text}"
    key = f"refusal-{pet}-{since}-{times}-{verdict.value.replace(' ', '-')}"
    return Finding(key, Rule.REFUSAL, pet, verdict, text, _grounds(now, before))


def _drop(past: Past, pet: str, first: date, series: list[int | None], run: list[int]) -> Finding:
    at = run[-1]
    low = [first + timedelta(days=each) for each in run[-past.settings.drop_days :]]
    eaten = [(day, series[(day - first).days] or 0) for day in low]
    ordinary = usual(series, at, past.settings) or 0
    now, before = together(past.days[day].basis for day in low), _usual_basis(past, first, at)
    excuse = excuse_for(now, before, sum(each for _, each in eaten) // len(eaten), ordinary, past.settings)
    verdict = VERDICTS.get(excuse, Verdict.CANNOT_TELL)
    key = f"drop-{pet}-{first + timedelta(days=run[0])}-{verdict.value.replace(' ', '-')}"
    days = {f"{day}": each // SECOND_US for day, each in eaten}
    rests_on = {**_grounds(now, before), "usual_s": ordinary // SECOND_US, "days": days}
    return Finding(key, Rule.DROP, pet, verdict, words.drop_text(pet, eaten, ordinary, excuse), rests_on)


def _usual_basis(past: Past, first: date, at: int) -> Basis:
    """What the days that make the usual rest on."""
    settings = past.settings
    back = range(settings.usual_from_days, settings.usual_to_days + 1)
    days = (past.days.get(first + timedelta(days=at - each)) for each in back)
    return together(day.basis for day in days if day and day.known(settings) and counts(past.notes, day.day, past.last))


def _grounds(now: Basis, before: Basis) -> dict[str, Any]:
    return {name: {**one.document(), "words": words.basis_line(one)} for name, one in (("now", now), ("usual", before))}
