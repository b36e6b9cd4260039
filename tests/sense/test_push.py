"""Readings pushed by another process are checked before they are kept."""

import pytest

from adaptd.sense.push import FORGOTTEN_US, PushInbox
from adaptd.vocabulary import RawReading, Unread
from tests.sense.judged import said


@pytest.fixture
def inbox() -> PushInbox:
    """An inbox whose profile names one light source."""
    box = PushInbox()
    box.open("light", "room")
    return box


def message(**fields: object) -> dict[str, object]:
    """A good message with changes."""
    return {"quantity": "light", "source": "room", "value": 250_000, "stamp_us": 10, **fields}


def test_a_pushed_reading_has_its_senders_age(inbox: PushInbox) -> None:
    """A value measured 200 ms before it arrived is 200 ms old."""
    assert inbox.push(message(age_us=200_000), now_us=1_000_000) == ""
    sample = inbox.open("light", "room").sample(1_000_000)
    assert isinstance(sample, RawReading)
    assert (sample.age_us, sample.value, sample.source) == (200_000, 250_000, "push:room")


def test_nothing_pushed_yet_is_missing(inbox: PushInbox) -> None:
    """A sender that was never heard has no reading."""
    assert said(inbox.open("light", "room").sample(0)) == "nothing pushed yet"


def test_a_source_that_the_profile_does_not_name_is_refused_with_the_remedy(inbox: PushInbox) -> None:
    """Nobody can push a cool temperature past the person who wrote the profile."""
    refusal = inbox.push(message(quantity="temperature"), 0)
    assert "write push:room under sensors of the profile" in refusal


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        "light=5",
        {"quantity": "light"},
        message(value=1.5),
        message(value=True),
        message(value="250"),
        message(value=None),
        message(value=float("nan")),
        message(value=10**13),
        message(stamp_us=None),
        message(stamp_us=1.0),
        message(age_us=-1),
        message(age_us=60_000_001),
        message(quantity="humidity"),
        message(quantity=["light"]),
        message(source=7),
        message(source={}),
        message(extra=1),
    ],
)
def test_a_malformed_message_is_refused_in_one_line(inbox: PushInbox, broken: object) -> None:
    """Wrong types, missing fields, unknown fields and numbers out of range never become a reading."""
    refusal = inbox.push(broken, 0)
    assert refusal
    assert "\n" not in refusal
    assert isinstance(inbox.open("light", "room").sample(0), Unread)


@pytest.mark.parametrize(("stamp_us", "word"), [(10, "repeated"), (9, "went backwards")])
def test_a_stamp_that_repeats_or_goes_back_is_missing_until_it_goes_on(inbox: PushInbox, stamp_us: int, word: str) -> None:
    """A sender that repeats itself or whose clock jumps is not believed."""
    inbox.push(message(), 0)
    assert word in inbox.push(message(stamp_us=stamp_us), 1)
    assert said(inbox.open("light", "room").sample(1)) == f"clock: the sender's stamp {word}"
    assert inbox.push(message(stamp_us=11), 2) == ""
    assert isinstance(inbox.open("light", "room").sample(2), RawReading)


def test_a_sender_that_was_started_anew_is_heard_after_a_silence(inbox: PushInbox) -> None:
    """Its stamps begin again at a small number."""
    inbox.push(message(stamp_us=10**9), 0)
    assert inbox.push(message(stamp_us=1), FORGOTTEN_US - 1)
    assert inbox.push(message(stamp_us=1), FORGOTTEN_US) == ""
