"""Who reloads, holds, pushes or labels is in the log as the kernel names them, and hears what became of it."""

from typing import Any

import pytest

from adaptd.daemon.changes import GIVEN_US, Givers, Hands, take
from adaptd.daemon.orders import Orders
from adaptd.report.record_words import sentence
from adaptd.serve.api import Change
from adaptd.serve.board import Said

WHO = {"uid": 1000, "pid": 4242, "unit": "cat.service"}
READING = {"quantity": "light", "source": "window", "value": 5, "stamp_us": 1}
LABEL = {"frame": 1, "variant": "int8", "mono_us": 5, "correct": True}


class Mouth:
    """A teller that keeps what it is told; every record gets the next number."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self.record: int | None = None

    def note(self, kind: str, fields: dict[str, Any]) -> int:
        self.records.append({"kind": kind, **fields})
        self.record = len(self.records) - 1
        return self.record

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class Desk:
    """A control loop that takes every reading and label, and asks for policies by their text."""

    def __init__(self) -> None:
        self.mouth, self.asked = Mouth(), []  # type: ignore[var-annotated]
        self.refusal = ""
        self.hands = Hands(
            orders=Orders(self.mouth.note),
            givers=Givers(self.mouth.note),
            say=self.mouth,  # type: ignore[arg-type]
            label=lambda body: self.refusal,
            push=lambda body, now_us: self.refusal,
            checkpoint=lambda: 12,
            reload=lambda change, text: self.asked.append((change, text)),
        )

    def ask(self, verb: str, now_us: int = 0, **body: Any) -> Said:
        """One request of process 4242 of user 1000."""
        change = Change(f"/v1/{verb}", body, **WHO)  # type: ignore[arg-type]
        take(change, now_us, self.hands)
        return change.reply.wait(0)


ASKED = [
    ("hold", {"minutes": 5, "reason": "vet"}, "the reference alone serves for 5 min"),
    ("hold", {"minutes": 0, "reason": "vet"}, "the hold is over"),
    ("budget", {"watts": 9, "reason": "cloudy"}, "the power budget is 9 W at most"),
    ("gateway_key", {"public": "A" * 43 + "=", "reason": "signs"}, "the key is on record"),
    ("checkpoint", {}, "records 0 to 11 are signed"),
    ("reading", READING, "the next decision looks at it"),
    ("feedback", LABEL, "counted for int8 at the next decision"),
]


@pytest.mark.parametrize(("verb", "body", "words"), ASKED)
def test_each_verb_is_on_record_with_uid_process_and_unit(verb: str, body: dict[str, Any], words: str) -> None:
    """Whatever was done, the record names the user, the process and the unit, and the answer names the record."""
    desk = Desk()
    assert desk.ask(verb, **body) == Said("done", words, 0)
    (record,) = desk.mouth.records
    assert WHO.items() <= record.items()
    assert record["by"] == "uid 1000, pid 4242, unit cat.service"
    assert sentence(record).startswith("uid 1000, pid 4242, unit cat.service ")


def test_the_name_that_a_gateway_gives_stands_beside_what_the_kernel_says() -> None:
    """A claim is never alone."""
    desk = Desk()
    desk.ask("hold", minutes=5, reason="vet", by="anna")
    assert desk.mouth.records[0]["by"] == "anna (uid 1000, pid 4242, unit cat.service)"


def test_what_is_refused_says_why_and_is_on_no_record() -> None:
    """A bad order, reading or label changes nothing; the one who asked hears the reason."""
    desk = Desk()
    said = desk.ask("hold", minutes=-1, reason="x")
    assert (said.outcome, said.record) == ("refused", None)
    assert said.words.startswith("minutes: ")
    desk.refusal = "the frame has been labelled before"
    for verb, body in (("feedback", LABEL), ("reading", READING)):
        assert desk.ask(verb, **body) == Said("refused", desk.refusal)
    assert desk.mouth.records == []
    assert len(desk.mouth.warnings) == 3


def test_a_policy_is_tried_before_anybody_hears_of_it() -> None:
    """Reload and offer are handed on with who asked; their answer comes when the trial has ended."""
    desk = Desk()
    assert desk.ask("reload").outcome == "pending"
    assert desk.ask("offer", text="policy: x").outcome == "pending"
    assert [(change.uid, text) for change, text in desk.asked] == [(1000, None), (1000, "policy: x")]


def test_a_sensor_that_pushes_every_second_does_not_fill_the_log() -> None:
    """Who pushes is on record at the first reading and every ten minutes, with how many there were, whatever names it gives."""
    desk = Desk()
    for second in range(1201):
        desk.ask("reading", now_us=second * 1_000_000, **READING, by=f"name {second}")
    assert [record["count"] for record in desk.mouth.records] == [1, GIVEN_US // 1_000_000, GIVEN_US // 1_000_000]


def test_two_users_who_push_the_same_are_both_on_record() -> None:
    """Negative control of the thinning: another user is news at once."""
    desk = Desk()
    desk.ask("reading", **READING)
    take(Change("/v1/reading", dict(READING), 7), 1, desk.hands)
    assert [record["uid"] for record in desk.mouth.records] == [1000, 7]
