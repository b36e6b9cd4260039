"""Alerts reach telephones and mailboxes: at least once, each key once where the service answers; no clinical one is held back."""

import email
import email.policy
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptd.client import alert
from adaptd.gateway.notify import Address, settle
from adaptd.gateway.notify_apprise import reason_in
from adaptd.gateway.notify_config import Config, config_of
from adaptd.gateway.notify_text import Text, digest_text, message_text
from adaptd.gateway.outbox import FILE_NAME, Outbox
from adaptd.gateway.secret_file import SettingsError
from tests.conftest import ROOT
from tests.gateway.stand_ins import MailServer, WebServer

needs_apprise = pytest.mark.skipif(importlib.util.find_spec("apprise") is None, reason="the extra notify is not installed")


class Telephone:
    """Takes texts, unless it is off or does not like one."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self.pictures: list[bytes | None] = []
        self.off = False
        self.dislikes = "\0"

    def __call__(self, text: Text, picture: bytes | None) -> bool:
        """One notification."""
        if self.off or self.dislikes in text.body:
            return False
        self.texts.append(text)
        self.pictures.append(picture)
        return True


class Clock:
    """A monotonic clock that the test moves."""

    now_s = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


class Set:
    """One address on an outbox."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.outbox = Outbox(path)
        self.telephone, self.clock, self.said = Telephone(), Clock(), list[str]()
        config = Config(path, ((1, "json://x"),), **settings)
        self.address = Address("notify:x", "conf:1 (json)", self.telephone, config, self.clock)
        settle(self.outbox, [self.address], self.said.append)

    def alert(self, key: str, kind: str = "watch", **more: Any) -> None:
        """Put one."""
        self.outbox.put_alert(key, kind, f"text of {key}", {"engine_mix": {"int8": 0.4}}, **more)

    def serve(self) -> int:
        """One round."""
        return self.address.serve(self.outbox, self.said.append)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Set]]:
    """Sets, closed at the end."""
    made: list[Set] = []

    def one(**settings: Any) -> Set:
        made.append(Set(tmp_path / FILE_NAME, **settings))
        return made[-1]

    yield one
    for each in made:
        each.outbox.close()


def test_an_alert_says_what_when_and_what_it_rests_on(make: Callable[..., Set]) -> None:
    """A person reads it without a manual."""
    one = make()
    one.alert("k", "clinical")
    assert one.serve() == 1
    (text,) = one.telephone.texts
    assert text.title == "adaptd: Please look"
    assert text.body.startswith("text of k\n")
    assert "- engine mix: int8 0.4" in text.body
    assert one.serve() == 0


def test_a_telephone_that_is_off_gets_it_later_and_once(make: Callable[..., Set]) -> None:
    """Tried again with doubling waits; said once a try; delivered once."""
    one = make()
    one.telephone.off = True
    one.alert("k", "clinical")
    for _ in range(100):
        one.serve()
        one.clock.now_s += 2
    assert 4 <= len(one.said) <= 7
    one.telephone.off = False
    one.clock.now_s += 700
    assert (one.serve(), one.serve()) == (1, 0)
    assert len(one.telephone.texts) == 1


def test_a_service_that_is_down_for_a_week_gets_what_is_clinical_all_the_same(make: Callable[..., Set]) -> None:
    """Seven days without an answer, or with a token that it refuses: each clinical alert is there afterwards, once."""
    one = make()
    one.telephone.off = True
    for day in range(7):
        one.alert(f"day {day}", "clinical")
        for _ in range(24):
            one.serve()
            one.clock.now_s += 3_600
    one.telephone.off = False
    one.clock.now_s += 700
    while one.serve():
        one.clock.now_s += 700
    assert [text.body.partition("\n")[0] for text in one.telephone.texts] == [f"text of day {day}" for day in range(7)]


def test_an_alert_that_is_never_taken_holds_up_no_other(make: Callable[..., Set]) -> None:
    """A service may refuse one text for ever; the next clinical alert still gets through."""
    one = make()
    one.telephone.dislikes = "text of bad"
    one.alert("bad", "clinical")
    one.serve()
    one.alert("good", "clinical")
    one.clock.now_s += 700
    one.serve()
    assert [text.body.partition("\n")[0] for text in one.telephone.texts] == ["text of good"]


def test_clinical_alerts_are_never_held_back(make: Callable[..., Set]) -> None:
    """Two hundred in an hour are two hundred."""
    one = make(most_an_hour=3)
    for number in range(200):
        one.alert(f"k{number}", "clinical")
    assert one.serve() == 200
    assert len(one.telephone.texts) == 200


def test_other_alerts_are_capped_by_the_hour_and_the_rest_comes_as_one(make: Callable[..., Set]) -> None:
    """A hundred from one walk past are so many notifications, the last a digest of what was held back; nothing is lost."""
    one = make(most_an_hour=3)
    for number in range(100):
        one.alert(f"k{number}")
    assert one.serve() == 100
    assert len(one.telephone.texts) == 3
    assert one.telephone.texts[2].title == "adaptd: 98 alerts that were held back"
    for number in range(5):
        one.alert(f"later{number}")
    one.alert("urgent", "clinical")
    assert one.serve() == 1
    one.clock.now_s += 3601
    assert one.serve() == 5
    assert len(one.telephone.texts) == 3 + 1 + 3


def test_a_picture_goes_along_only_where_the_owner_said_so(make: Callable[..., Set]) -> None:
    """Pictures stay on the box unless asked for."""
    jpeg = b"\xff\xd8" + bytes(10)
    for pictures in (False, True):
        one = make(pictures=pictures)
        one.alert(f"k{pictures}", "clinical", picture=jpeg)
        one.serve()
        assert one.telephone.pictures == [jpeg if pictures else None]


def test_an_address_that_is_no_longer_configured_keeps_nothing_waiting(make: Callable[..., Set]) -> None:
    """Its alerts do not fill the outbox for ever; the broker's channel is not touched."""
    one = make()
    one.outbox.open_channel("mqtt")
    one.outbox.open_channel("notify:old")
    one.alert("k")
    settle(one.outbox, [one.address], one.said.append)
    assert one.outbox.channels() == ["mqtt", "notify:x"]
    assert "1 alerts wait no more" in one.said[0]


def test_texts_are_bounded(make: Callable[..., Set]) -> None:
    """A long list is cut, and says so."""
    one = make()
    for number in range(60):
        one.outbox.put_alert(f"k{number}", "watch", "x" * 2000, {"why": ["y" * 100] * 100, "n": None})
    waiting = one.outbox.waiting("notify:x")
    assert len(message_text(waiting[0]).body) == 3000
    assert "- n: not known" in message_text(waiting[0]).body or message_text(waiting[0]).body.endswith("...")
    assert len(digest_text(waiting).body) == 3000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 addresses"),
        ("# nothing\n", "0 addresses"),
        ("json://a\njson://a\n", "twice"),
        ("pictures: maybe\njson://a\n", ":1: pictures: yes or no"),
        ("json://a\nmost_an_hour: 0\n", ":2: most_an_hour"),
        ("json://a\nhello\n", ":2: neither"),
        ("\n".join(f"json://{n}" for n in range(21)), "21 addresses"),
    ],
)
def test_a_configuration_that_is_wrong_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    """File, line and what would be right."""
    path = tmp_path / "notify.conf"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=words):
        config_of(path)


def run(path: Path, state: Path, *more: str) -> "subprocess.Popen[str]":
    """The process as an owner starts it."""
    command = [sys.executable, "-m", "adaptd.gateway.notify", "--config", str(path), "--state", str(state), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server that takes alerts."""
    one = WebServer()
    yield one
    one.close()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A mail server."""
    one = MailServer()
    yield one
    one.close()


def wait(true: Callable[[], Any]) -> None:
    """For what another process does."""
    end_s = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.05)


@needs_apprise
def test_apprise_delivers_to_a_web_server_and_by_mail(tmp_path: Path, web: WebServer, mail: MailServer) -> None:
    """The real process, real services: an alert with HTML in it, a picture, one server that fails first; then a clean stop."""
    path = tmp_path / "notify.conf"
    path.write_text(f"# mine\npictures: yes\n{web.url}\n{mail.url}\n")
    path.chmod(0o600)
    web.fail = True
    alert(tmp_path, "k1", "clinical", "No eating <script>alert(1)</script>.", {"light": "dim"}, b"\xff\xd8" + bytes(50))
    with run(path, tmp_path) as process:
        wait(lambda: mail.mails)
        assert web.posts == []
        web.fail = False
        wait(lambda: web.posts)
        alert(tmp_path, "k1", "clinical", "No eating.", {})
        alert(tmp_path, "k2", "notice", "Lens is dirty.", {})
        wait(lambda: len(web.posts) == 2 and len(mail.mails) == 2)
        os.kill(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "did not take an alert (the service has trouble of its own (500)), trying again in 5 s" in errors
    assert web.url not in errors
    assert web.posts[0]["title"] == "adaptd: Please look"
    assert "No eating" in web.posts[0]["message"]
    assert len(web.posts[0]["attachments"]) == 1
    first = email.message_from_string(mail.mails[0], policy=email.policy.default)
    parts = {part.get_content_type(): part for part in first.walk()}
    assert "image/jpeg" in parts
    if "text/html" in parts:
        assert "<script>" not in parts["text/html"].get_content()


@needs_apprise
def test_a_try_says_which_address_works(tmp_path: Path, web: WebServer) -> None:
    """Before the first real alert; exit 1 where one does not work; the URL itself is not shown."""
    path = tmp_path / "notify.conf"
    path.write_text(f"{web.url}\njson://127.0.0.1:1/secret\n")
    path.chmod(0o600)
    with run(path, tmp_path, "--test") as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"{path}:1 (json): took it" in output
    assert f"{path}:2 (json): did not take it (no answer that gives a reason; look at name, port, password and network)" in output
    assert "secret" not in output + errors
    assert len(web.posts) == 1


def test_why_a_service_refuses_is_told_and_its_words_are_not() -> None:
    """A wrong token is named by the service's status; what apprise logs beside it, which may hold the token, is left out."""
    log = "Failed to send ntfy notification: Unauthorized - Invalid Token., error=401.\nResponse Details: tk_secret"
    assert reason_in(log) == "the service refuses token or password (401)"
    assert reason_in("error=429 wait") == "the service takes no more for now (429)"
    assert "secret" not in reason_in("A Connection error occurred sending to https://secret@host")


@needs_apprise
def test_what_apprise_does_not_know_is_refused_at_start(tmp_path: Path) -> None:
    """By line, without the URL; exit 2."""
    path = tmp_path / "notify.conf"
    path.write_text("nonsense://token@x\n")
    path.chmod(0o600)
    with run(path, tmp_path) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"{path}:1: apprise knows no such address" in errors
    assert "token" not in errors
