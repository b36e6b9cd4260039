"""The page in a real browser: its figures, its freshness, its silence on the console, and nothing that a name can do to it."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import final

import pytest

from tests.faults.service import Service, adaptd
from tests.gateway.browser import CHROMIUM, Browser
from tests.gateway.rig import DOCUMENT, Daemon, Gateway

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian package chromium)")

Start = Callable[..., Gateway]
ALIVE = "!document.body.classList.contains('away') && document.getElementById('fps').textContent !== ''"
HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests here."""
    running = Browser(tmp_path_factory.mktemp("browser"))
    yield running
    running.close()


@pytest.fixture(autouse=True)
def silent(browser: Browser, start: Start) -> Iterator[None]:
    """No test may leave a complaint on the console, or ask any host but the gateway's."""
    del start  # looked at while the gateways still run: their end is no complaint
    browser.complaints.clear()
    browser.hosts.clear()
    yield
    complaints, hosts = list(browser.complaints), set(browser.hosts)
    browser.leave()
    assert complaints == []
    assert all(host.startswith("127.0.0.1:") for host in hosts), hosts


def raw(browser: Browser, name: str) -> object:
    """The status document's own value that an element shows."""
    return json.loads(browser.value(f"document.getElementById('{name}').dataset.raw"))


def test_the_page_shows_what_status_json_says(tmp_path: Path, start: Start, browser: Browser) -> None:
    """In a real run the page has the figures of `adaptd status --json`, charts drawn, on a desk and on a phone."""
    service = Service(tmp_path)
    try:
        service.serving()
        gateway = start(service.socket)
        gateway.serving()
        browser.open(gateway.url)
        browser.until(ALIVE)
        browser.until("document.querySelectorAll('#charts canvas').length === 4")
        shown = {name: raw(browser, name) for name in ("policy", "engine", "fps", "band")}
        status = json.loads(adaptd("status", "--json", "--socket", service.socket).stdout)
        assert shown["policy"] == status["policy"]["sha256"]
        assert status["band"] in (shown["band"], raw(browser, "band"))
        frames, now = raw(browser, "frames"), status["frames"]["delivered"]
        assert abs(int(str(frames)) - int(now)) < 60, "the page is seconds old at most"
        assert "simulated" in browser.value("document.querySelector('h2 #temp-sim').checkVisibility() && 'simulated'")
        for width in (1400, 380):
            browser.look(width, 900)
            browser.until(f"document.documentElement.scrollWidth <= {width}")
        browser.value("document.getElementById('verify').click()")
        assert "every decision follows" in browser.until("document.querySelector('#verdict.valid')?.textContent")
        status, report, headers = gateway.ask("/report")
        assert (status, report[:15].lower()) == (200, "<!doctype html>")
        assert "sandbox" in headers["content-security-policy"]
    finally:
        service.end()
        service.kill()


def test_each_value_is_the_documents_own(daemon: Daemon, start: Start, browser: Browser) -> None:
    """Values, units, headroom, refusals and what is missing are read from one still document."""
    gateway = start(daemon.socket)
    gateway.serving()
    browser.open(gateway.url)
    browser.until(ALIVE)
    expected = {"engine": "int8", "fps": 14.5, "temp": 61_250, "power": None, "light": 90_000, "band": "dim", "frames": 1234}
    assert {name: raw(browser, name) for name in expected} == expected
    text = browser.value("document.body.innerText")
    for words in (
        "61.3",
        "23.8 °C below the limit of 85 °C",
        "no reading: EIO",
        "fp16 at 15 refused: power 11.4 W would pass the budget of 9.0 W",
        "0.35 points",
    ):
        assert words in text, text
    assert browser.value("document.getElementById('light-sim').checkVisibility()")
    assert not browser.value("document.getElementById('temp-sim').checkVisibility()")


def test_a_change_is_on_the_page_within_two_seconds(daemon: Daemon, start: Start, browser: Browser) -> None:
    """From the daemon's board to the screen of somebody who looks."""
    gateway = start(daemon.socket)
    gateway.serving()
    browser.open(gateway.url)
    browser.until(ALIVE)
    daemon.says(operating_point={"variant": "fp16", "fps": 7.25})
    began = time.monotonic()
    browser.until("document.getElementById('fps').textContent === '7.25'")
    assert time.monotonic() - began < 2.5  # two seconds, and the time to ask the browser


def test_two_cameras_are_told_apart(daemon: Daemon, start: Start, browser: Browser) -> None:
    """The account names the camera of each band, in the policy's order of bands; each camera has a line of its own."""
    row = {"window_end_utc": "2026-11-29T00:00:00Z", "delivered": 1000, "efficient": 900, "shadowed": 50, "differed": 1,
           "bound_ppm": 3100, "limit_ppm": 5000, "bound_frames": 4, "allowed_frames": 79, "open": True}  # fmt: skip
    one = {"source": {"words": "14.9 fps of 15 asked"}, "frames": {"delivered": 244}}
    seen = {"last_result": {"label": "empty", "score_ppm": 994_000, "variant": "int8", "latency_us": 900}}
    cells = {"night/front": row, "dim/front": row, "dim/rear": row}
    daemon.says(account=cells, cameras={"front": {**one, "last_result": {}}, "rear": {**one, **seen}}, **seen)
    gateway = start(daemon.socket)
    gateway.serving()
    browser.open(gateway.url)
    browser.until(ALIVE)
    names = browser.value("[...document.querySelectorAll('#account strong')].map((one) => one.textContent).join('; ')")
    assert names == "dim, camera front; dim, camera rear; night, camera front", "the policy names dim alone"
    assert browser.value("document.querySelectorAll('#account .current').length") == 2
    text = browser.value("document.getElementById('engines').innerText")
    assert "14.9 fps of 15 asked, 244 delivered; last empty, sure to 99.4 %" in text
    assert "Last result" not in text, "with several cameras each has its own"


def test_the_account_is_shown_when_the_daemon_keeps_one(daemon: Daemon, start: Start, browser: Browser) -> None:
    """Bars, frames and the statement's time of each band; the battery's end beside the power."""
    account = {
        "dim": {"window_end_utc": "2026-11-29T00:00:00Z", "delivered": 1000, "efficient": 900, "shadowed": 50, "differed": 1,
                "bound_ppm": 3100, "limit_ppm": 5000, "bound_frames": 4, "allowed_frames": 79, "open": True},
        "night": {"window_end_utc": "2026-11-29T00:00:00Z", "delivered": 10, "efficient": 0, "shadowed": 10, "differed": 4,
                  "bound_ppm": 400_000, "limit_ppm": 5000, "bound_frames": 4, "allowed_frames": 4, "open": False},
    }  # fmt: skip
    daemon.says(
        account=account, endurance={"lasts_until_utc": "21:40", "at_fps": 9}, source={"arriving_fps": 30, "asked_fps": 15}
    )
    gateway = start(daemon.socket)
    gateway.serving()
    browser.open(gateway.url)
    browser.until(ALIVE)
    text = browser.value("document.body.innerText")
    for words in (
        "at most 4 differ, 79 allowed (limit 0.50 points)",
        "shut: the reference serves",
        "battery lasts until 21:40 at 9",
        "30 arrive",
    ):
        assert words in text, text


def test_a_name_is_text_and_never_markup(daemon: Daemon, start: Start, browser: Browser) -> None:
    """HTML in every name that the daemon passes on is shown as it is and does nothing."""
    daemon.says(
        band=HOSTILE, why=HOSTILE, trouble=[HOSTILE], conditions={HOSTILE: False}, policy={"name": HOSTILE, "sha256": HOSTILE},
        sensors={**DOCUMENT["sensors"], "power_mw": {"missing": HOSTILE}},
        last_result={"label": HOSTILE, "score_ppm": 1, "variant": HOSTILE},
        evidence={HOSTILE: {"variant": HOSTILE, "admitted": True, "samples": 1, "bound_ppm": 1}},
        operating_point={"variant": HOSTILE, "fps": 1.0}, engines={**DOCUMENT["engines"], "warm": [HOSTILE], "active": HOSTILE},
    )  # fmt: skip
    gateway = start(daemon.socket)
    gateway.serving()
    browser.open(gateway.url)
    browser.until(ALIVE)
    browser.until("document.querySelectorAll('#charts canvas').length === 4")
    assert "owned" not in browser.value("document.title")
    assert browser.value("document.querySelectorAll('main img:not(#preview), main script').length") == 0
    assert "<img src=x" in browser.value("document.getElementById('why').textContent")


def test_an_absence_is_said_and_no_old_number_poses_as_news(tmp_path: Path, start: Start, browser: Browser) -> None:
    """When the daemon goes, the page says since when and why, dims what it showed, and wakes again by itself."""
    first = Daemon(tmp_path)
    first.says()
    gateway = start(first.socket)
    gateway.serving()
    browser.open(gateway.url)
    browser.until(ALIVE)
    first.stop()
    assert "No status since" in browser.until(
        "!document.getElementById('banner').hidden && document.getElementById('banner').textContent"
    )
    assert browser.value("getComputedStyle(document.querySelector('main')).opacity") < "0.5"
    again = Daemon(tmp_path)
    try:
        again.says()
        browser.until(ALIVE)
    finally:
        again.stop()


def test_the_page_works_under_a_prefix(daemon: Daemon, start: Start, browser: Browser) -> None:
    """Behind a proxy that shows it below a path, as Home Assistant's ingress does, everything still loads."""
    gateway = start(daemon.socket, "--proxy-header", "X-Remote-User-Name")
    gateway.serving()
    with Prefix(gateway.port, "/api/hassio_ingress/abc") as prefix:
        browser.open(f"http://127.0.0.1:{prefix.port}/api/hassio_ingress/abc/")
        browser.until(ALIVE)
        browser.until("document.querySelectorAll('#charts canvas').length === 4")
        assert browser.value("document.fonts.status") == "loaded"


def test_the_camera_is_shown_only_while_somebody_looks(tmp_path: Path, start: Start, browser: Browser) -> None:
    """With the policy's word the page offers it; a click brings pictures from the worker, another ends them."""
    pytest.importorskip("cv2")
    service = Service(tmp_path, edit=lambda text: f"{text}\ncamera: {{preview: true}}\n")
    try:
        service.serving()
        gateway = start(service.socket)
        gateway.serving()
        browser.open(gateway.url)
        browser.until(ALIVE)
        assert browser.value("document.getElementById('preview').naturalWidth") == 0
        browser.value("document.getElementById('look').click()")
        assert browser.until("document.getElementById('preview').naturalWidth") > 0
        browser.value("document.getElementById('look').click()")
        assert browser.value("document.getElementById('preview').hidden")
        status, _, headers = gateway.ask("/api/preview.jpg")
        assert (status, headers["content-type"]) == (200, "image/jpeg")
    finally:
        service.end()
        service.kill()


def test_without_the_policys_word_there_is_no_camera(daemon: Daemon, start: Start, browser: Browser) -> None:
    """The page does not offer it, and the address answers with the key that would allow it."""
    gateway = start(daemon.socket)
    gateway.serving()
    browser.open(gateway.url)
    browser.until(ALIVE)
    assert browser.value("document.getElementById('preview-card').hidden")
    status, words, _ = gateway.ask("/api/preview.jpg")
    assert status == 404
    assert "preview: true" in words


@final
class Prefix:
    """A proxy that strips a prefix, adds ingress headers and passes everything on, streams included."""

    def __init__(self, target: int, path: str) -> None:
        self._target, self._path = target, path.encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> "Prefix":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as gateway:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65_536)
                if not piece:
                    return
                head += piece
            line, _, rest = head.partition(b"\r\n")
            line = line.replace(b" " + self._path, b" ", 1)
            added = b"X-Ingress-Path: " + self._path + b"\r\nX-Remote-User-Name: kim\r\nConnection: close\r\n"
            rest = rest.replace(b"Connection: keep-alive\r\n", b"")
            gateway.sendall(line + b"\r\n" + added + rest)
            try:
                while piece := gateway.recv(65_536):
                    client.sendall(piece)
            except OSError:
                return
