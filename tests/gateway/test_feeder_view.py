"""The feeder's tab: shown when the application has left figures, with every value the application's own and names as text."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adaptd import client
from adaptd.apps.feeder.days import bounds, local_day
from adaptd.apps.feeder.documents import view
from adaptd.apps.feeder.notes import Note, NoteKind, add_note
from adaptd.apps.feeder.settings import DAY_US
from adaptd.gateway.spool import read_view
from tests.apps.streams import BEGIN_US, BERLIN, House, day_of
from tests.gateway.browser import CHROMIUM, Browser
from tests.gateway.rig import Daemon, Gateway

Start = Callable[..., Gateway]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a feeder knows after 40 days, five of them with half the eating."""
    house = House(tmp_path_factory.mktemp("house") / "feeder.sqlite3")
    house.cat(40, lambda day: 0.45 if day >= 35 else 1.0)
    add_note(house.store, Note(NoteKind.REMARK, local_day(BEGIN_US, BERLIN), None, HOSTILE), BEGIN_US)
    found = view(house.store, house.settings, BERLIN, day_of(40) - 3_600_000_000)
    house.store.close()
    return found


def test_a_view_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    """No file, another application's name, a link, garbage and a huge file are no view; what was left is."""
    assert read_view(tmp_path, "feeder") is None
    client.show(tmp_path, "feeder", {"v": 1})
    assert read_view(tmp_path, "feeder") == {"v": 1}
    assert read_view(tmp_path, "../alerts/x") is None
    place = tmp_path / "views" / "feeder.json"
    for text in ("[1]", "{", " " * (client.MAX_VIEW_BYTES + 1)):
        place.write_text(text)
        assert read_view(tmp_path, "feeder") is None
    place.unlink()
    place.symlink_to("/etc/hostname")
    assert read_view(tmp_path, "feeder") is None


def test_only_known_applications_of_bounded_size_are_shown(tmp_path: Path) -> None:
    """A name that the page cannot draw and a view over 256 kB are refused where they are made."""
    with pytest.raises(ValueError, match="one of feeder"):
        client.show(tmp_path, "toaster", {})
    with pytest.raises(ValueError, match="at most"):
        client.show(tmp_path, "feeder", {"x": "y" * client.MAX_VIEW_BYTES})


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for both tests here."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here (Debian package chromium)")
    running = Browser(tmp_path_factory.mktemp("browser"))
    yield running
    running.close()


def test_the_tab_shows_bouts_weeks_and_what_an_alert_rests_on(
    tmp_path: Path, figures: dict[str, Any], daemon: Daemon, start: Start, browser: Browser
) -> None:
    """Every bout of the day, every day against its usual, the alert with both periods; on a desk and a phone, names as text."""
    first = bounds(local_day(BEGIN_US, BERLIN), BERLIN)[0]
    assert first == BEGIN_US
    client.show(tmp_path / "state", "feeder", {**figures, "made_utc_ms": int(time.time() * 1_000)})
    gateway = start(daemon.socket, "--state", tmp_path / "state")
    gateway.serving()
    browser.open(f"{gateway.url}#feeder")
    browser.until("document.querySelectorAll('#pets svg').length === 2")
    pet = figures["today"]["pets"][0]
    assert browser.value("document.querySelectorAll('#pets .meal').length") == len(pet["bouts_today"]) > 5
    assert browser.value("document.querySelectorAll('#pets rect.day').length") == len(figures["history"]["pets"][0]["days"])
    assert browser.value("document.querySelectorAll('#pets rect.day.low').length") >= 3
    text = browser.value("document.getElementById('feeder').innerText")
    for words in ("Alert, sent", "These days rest on fp16 100 %", "The usual rests on", "usual by now", HOSTILE):
        assert words in text, text
    assert browser.value("document.getElementById('feeder-old').hidden")
    assert browser.value("document.getElementById('device').hidden")
    for width in (1400, 380):
        browser.look(width, 900)
        browser.until(f"document.documentElement.scrollWidth <= {width}")
    browser.value("document.querySelector('[data-view=device]').click()")
    browser.until("document.getElementById('engine').checkVisibility()")
    assert "owned" not in browser.value("document.title")
    assert (browser.complaints, browser.value("document.querySelectorAll('#feeder img').length")) == ([], 0)
    browser.leave()


def test_without_a_feeder_there_is_no_tab_and_old_figures_say_their_age(
    tmp_path: Path, figures: dict[str, Any], daemon: Daemon, start: Start, browser: Browser
) -> None:
    """A device without the application shows no tab; figures that nobody writes any more are shown with their age."""
    gateway = start(daemon.socket, "--state", tmp_path / "state")
    gateway.serving()
    assert gateway.json("/api/view/feeder") == {"view": None}
    browser.open(gateway.url)
    browser.until("document.getElementById('fps').textContent !== ''")
    assert browser.value("document.getElementById('views').hidden")
    client.show(tmp_path / "state", "feeder", {**figures, "made_utc_ms": int(time.time() * 1_000) - 2 * DAY_US // 1_000})
    browser.leave()
    browser.open(f"{gateway.url}#feeder")
    assert "These figures are 2 days old" in browser.until("document.getElementById('feeder-old').innerText")
    browser.leave()
