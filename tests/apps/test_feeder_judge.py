"""Alerts end to end on event streams: what is sent, what is said to be unknowable, and what is kept back."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from adaptd.apps.feeder.activity import Activity
from adaptd.apps.feeder.documents import alerts, history, today
from adaptd.apps.feeder.finding import leave_waiting, read_findings
from adaptd.apps.feeder.notes import Note, NoteKind, add_note
from adaptd.apps.feeder.recorder import Standing
from adaptd.apps.feeder.settings import DAY_US, HOUR_US, KITTEN, SECOND_US
from adaptd.apps.feeder.simulated_cat import Cat, events
from tests.apps.streams import BEGIN_US, BERLIN, FP16, INT8, House, day_of

ILL_FROM = 26
X, E = Activity.EMPTY, Activity.EATING


def ill(day: int) -> float:
    """Half the appetite from day 26 on."""
    return 0.5 if day >= ILL_FROM else 1.0


def lived(house: House, standing: Callable[[int], Standing | None], days: int = ILL_FROM + 6, appetite: Any = ill) -> None:
    """A steady cat that falls ill."""
    house.live(events(Cat(seed=1, cv=0.15, season=0.0), BEGIN_US, days, appetite), standing)


def said(house: House) -> list[tuple[str, str]]:
    """Rule and verdict of everything that was found, oldest first."""
    return [(one.rule.value, one.verdict.value) for _, one in reversed(read_findings(house.store)) if one.rule.value != "watch"]


def test_a_halving_is_sent_once_with_what_it_rests_on(house: House) -> None:
    """Half the appetite for six days: one clinical message, with engine, light, rate and account of both periods, and figures."""
    lived(house, lambda _: INT8)
    clinical = [each for each in house.left if each[1] == "clinical"]
    assert len(clinical) == 1
    _, _, text, rests_on = clinical[0]
    assert text.startswith("The pet ate less than 60 % of the usual on 3 days running: ")
    assert "No change of engine, light or frame rate explains it." in text
    assert rests_on["now"]["engines_ppm"] == {"int8": 1_000_000}
    assert rests_on["usual"]["words"].startswith("int8 100 %; bright 100 % light; 1")
    assert "account open, at most 0.25 % of frames differ" in rests_on["now"]["words"]
    assert 1_000 < rests_on["usual_s"] < 1_300


def test_an_illness_is_found_across_a_day_without_a_camera(house: House) -> None:
    """The second day of an illness is lost: the alert comes a day later, names three days that were seen, and says so."""
    lost = lambda at: day_of(ILL_FROM + 1) <= at < day_of(ILL_FROM + 2)  # noqa: E731
    lived(house, lambda at: None if lost(at) else FP16, ILL_FROM + 5)
    assert said(house) == [("drop", "alert")]
    assert "on 3 days running, not counting those that cannot be told: Sun 01 Mar" in house.left[0][2]


def test_a_healthy_cat_is_left_in_peace(house: House) -> None:
    """Two months of a steady cat: nothing is found and nothing sent."""
    house.cat(60)
    assert said(house) == []
    assert house.left == []


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (Standing(variant="int8", efficient=True, band="bright", sure=True, bound_ppm=20_000), "change of engine"),
        (Standing(variant="int8", efficient=True, band="bright", sure=True, bound_ppm=None), "change of engine"),
        (Standing(variant="fp16", band="dim", sure=True, bound_ppm=0), "change of light"),
    ],
)
def test_a_drop_that_came_with_another_engine_or_light_says_cannot_tell(house: House, after: Standing, words: str) -> None:
    """The same halving on the day on which engine or light changed is no alert: it is said that it cannot be told, and why."""
    lived(house, lambda at: after if at >= day_of(ILL_FROM) else FP16)
    assert said(house) == [("drop", "cannot tell")]
    assert house.rules_left() == ["notice"]
    assert f"the {words} could explain it: look at the pet and the bowl yourself" in house.left[0][2]


def test_a_tightly_proven_engine_is_no_excuse(house: House) -> None:
    """A change to an INT8 engine that may differ in one frame of 10,000 cannot explain a halving: the alert is sent."""
    tight = Standing(variant="int8", efficient=True, band="bright", sure=True, bound_ppm=100)
    lived(house, lambda at: tight if at >= day_of(ILL_FROM) else FP16)
    assert house.rules_left() == ["clinical"]


def test_what_rests_on_unproven_serving_is_not_sent(house: House) -> None:
    """INT8 served while its account was shut: the finding is shown as withheld and no message leaves the house."""
    shut = Standing(variant="int8", efficient=True, band="bright", sure=True, unproven=True, bound_ppm=2_500)
    lived(house, lambda at: shut if at >= day_of(ILL_FROM) else INT8)
    assert said(house) == [("drop", "withheld")]
    assert house.left == []
    shown = [one["text"] for one in alerts(house.store, BERLIN)["alerts"] if one["rule"] == "drop"]
    assert shown[0].startswith("Not sent.")


def test_days_in_the_dark_are_cannot_tell_and_no_alarm(house: House) -> None:
    """More than half of each day is too dark for the model: the days have no figure, and a halving in them is not called."""
    dark = Standing(variant="fp16", band="night", sure=False)
    lived(house, lambda at: dark if (at - BEGIN_US) % DAY_US > 11 * HOUR_US else FP16)
    rows = history(house.store, house.settings, BERLIN, day_of(ILL_FROM + 6))["pets"][0]["days"]
    assert {row["eating_24h_s"] for row in rows} == {None}
    assert sum(row["dark_eating_s"] for row in rows) > 0
    assert said(house) == []


def test_a_refusal_is_sent_after_24_hours_seen(house: House) -> None:
    """Nothing eaten any more: the message leaves within 26 h of time seen, and again after the next 24."""
    house.cat(30)
    at = day_of(30)
    last = house.store.base.execute("SELECT max(end_us) FROM bouts").fetchone()[0]
    sent: dict[int, int] = {}
    for _ in range(60):
        house.see(at, at + HOUR_US, X)
        at += HOUR_US
        house.monitor.tick(at, force=True)
        sent[(at - last) // HOUR_US] = house.rules_left().count("clinical")
    assert sent[23] == 0
    assert sent[25] == 1
    assert sent[50] == 2
    assert "Ask a vet today" in next(text for _, kind, text, _ in house.left if kind == "clinical")


def test_a_camera_that_is_off_sees_no_refusal(house: House) -> None:
    """Two days without a camera are two days of nothing known, not of nothing eaten."""
    house.cat(30)
    house.monitor.recorder.blind()
    house.monitor.tick(day_of(32), force=True)
    assert house.left == []


def test_a_kitten_is_reported_after_12_hours(house: House) -> None:
    """The kitten setting halves the time without food."""
    house.monitor.settings = KITTEN
    house.cat(2)
    house.see(day_of(2), day_of(2) + 14 * HOUR_US, X)
    house.monitor.tick(day_of(2) + 14 * HOUR_US, force=True)
    assert "clinical" in house.rules_left()


def test_a_meal_that_may_have_been_in_the_dark_delays_the_message_and_no_more(house: House) -> None:
    """Eating seen in the dark makes 24 h "cannot tell"; at 36 h it is sent all the same, and says so."""
    house.cat(10)
    dark = Standing(variant="fp16", band="night", sure=False)
    house.see(day_of(10), day_of(10) + 60 * SECOND_US, E, dark)
    at, kinds = day_of(10) + 60 * SECOND_US, {}
    for hour in range(48):
        house.see(at, at + HOUR_US, X)
        at += HOUR_US
        house.monitor.tick(at, force=True)
        kinds[hour] = house.rules_left()
    assert kinds[26].count("clinical") == 0
    assert "notice" in kinds[26]
    assert kinds[38].count("clinical") == 1
    assert "may have eaten in the dark" in next(text for _, kind, text, _ in house.left if kind == "clinical")


def test_a_new_diet_starts_the_usual_anew(house: House) -> None:
    """With a diet-change note on the day, half the eating is the new usual to be learnt, not an illness."""
    add_note(house.store, Note(NoteKind.DIET_CHANGE, history_day(ILL_FROM), None, "new food"), BEGIN_US)
    lived(house, lambda _: FP16)
    assert said(house) == []
    row = history(house.store, house.settings, BERLIN, day_of(ILL_FROM + 6))["pets"][0]["days"][-1]
    assert row["usual_s"] is None


def test_a_holiday_is_left_out(house: House) -> None:
    """Days on which the owner says that nobody was at home are neither judged nor part of the usual."""
    add_note(house.store, Note(NoteKind.HOLIDAY, history_day(ILL_FROM), history_day(ILL_FROM + 9)), BEGIN_US)
    lived(house, lambda _: FP16)
    assert said(house) == []
    rows = history(house.store, house.settings, BERLIN, day_of(ILL_FROM + 6))["pets"][0]["days"]
    assert [row["counts"] for row in rows[-7:]] == [True, *[False] * 6]


def test_outages_do_not_look_like_an_illness(house: House) -> None:
    """The camera loses twelve hours every third day: no false alarm; such a day is judged on what was seen, or not at all."""
    lost = lambda at: (at - BEGIN_US) // DAY_US % 3 == 0 and (at - BEGIN_US) % DAY_US > 12 * HOUR_US  # noqa: E731
    lived(house, lambda at: None if lost(at) else FP16, 45, lambda _: 1.0)
    assert said(house) == []


def test_a_phone_service_that_is_down_gets_the_message_later_once(house: House) -> None:
    """The spool cannot be written for days: recording goes on, and the message is handed on when it can be, under one key."""
    broken, calls = True, []

    def leave(key: str, *_: Any) -> None:
        if broken:
            raise OSError(28, "No space left on device")
        calls.append(key)

    house.monitor.leave = leave
    lived(house, lambda _: FP16)
    assert said(house) == [("drop", "alert")]
    broken = False
    assert leave_waiting(house.store, leave) == 1
    assert leave_waiting(house.store, leave) == 0
    assert calls == [f"drop--{history_day(ILL_FROM)}-alert"]


def test_two_cats_have_their_own_days_where_the_model_tells_them_apart(house: House) -> None:
    """One of two named cats stops eating: the message names it, and the other's days are untouched."""
    for day, (mimi, tom) in enumerate(
        zip(
            events(Cat(seed=1, cv=0.15, season=0.0), BEGIN_US, ILL_FROM + 5, ill),
            events(Cat(seed=2, cv=0.15, season=0.0), BEGIN_US, ILL_FROM + 5),
            strict=True,
        )
    ):
        merged = sorted([(*each, "mimi") for each in mimi] + [(*each, "tom") for each in tom], key=lambda each: each[0])
        edges = sorted({edge for start, end, _, _ in merged for edge in (start, end)})
        now = {"mimi": X, "tom": X}
        begins = {(start, name): what for start, _, what, name in merged}
        for start, end in itertools.pairwise(edges):
            now = {name: begins.get((start, name), what) for name, what in now.items()}
            pets = [seen(name, what) for name, what in now.items() if what is not X]
            house.monitor.recorder.span(start, end, pets, FP16, (end - start) * 15 // SECOND_US)
        house.monitor.tick(day_of(day + 1) + HOUR_US, force=True)
    texts = [text for _, kind, text, _ in house.left if kind == "clinical"]
    assert len(texts) == 1
    assert texts[0].startswith("Mimi ate less than 60 %")
    pets = today(house.store, house.settings, BERLIN, day_of(ILL_FROM + 5) + HOUR_US)["pets"]
    assert [pet["name"] for pet in pets] == ["Mimi", "Tom"]


def test_a_pet_that_sleeps_at_the_bowl_is_named_and_not_sent(house: House) -> None:
    """Forty minutes at the bowl without eating: shown as a pet that may sleep there; no message."""
    house.cat(2)
    at = day_of(2)
    house.see(at, at + 45 * 60 * SECOND_US, Activity.PRESENT)
    house.monitor.tick(at + 45 * 60 * SECOND_US, force=True)
    found = [one for _, one in read_findings(house.store) if one.key.startswith("scene-sleeps")]
    assert [one.verdict.value for one in found] == ["watch"]
    assert house.left == []


def test_a_bowl_that_nobody_comes_to_asks_for_a_look_at_the_camera(house: House) -> None:
    """Half a day seen without anybody in view: a notice that names the camera first."""
    house.cat(2)
    house.see(day_of(2), day_of(2) + 14 * HOUR_US, X)
    house.monitor.tick(day_of(2) + 14 * HOUR_US, force=True)
    assert house.rules_left() == ["notice"]
    assert "Check that the camera still sees the bowl" in house.left[0][2]


def history_day(number: int) -> Any:
    """The date of the simulation's day."""
    from adaptd.apps.feeder.days import local_day

    return local_day(BEGIN_US, BERLIN) + timedelta(days=number)


def seen(pet: str, what: Activity) -> Any:
    """One named pet in view."""
    from adaptd.apps.feeder.activity import Seen
    from adaptd.apps.feeder.recorder import Tracked

    return Tracked(0, Seen(pet=pet, activity=what, score_ppm=990_000))
