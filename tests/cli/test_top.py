"""`adaptd top`: fits 80 by 24, says what is missing, heeds its keys and leaves the terminal as it was."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from adaptd.cli.top_panes import Trail, charts
from adaptd.cli.top_view import bar, view
from tests.conftest import ROOT
from tests.gateway.rig import DOCUMENT, Daemon

PANES = ("why", "sensors", "conditions", "log")


def drawn(document: dict[str, Any] | None, pane: str = "why", size: tuple[int, int] = (80, 24), trouble: str = "") -> list[str]:
    """The lines of one picture."""
    trail = Trail()
    for _ in range(90):
        trail.add(document)
    console = Console(width=size[0], height=size[1], force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(view(document, trouble, trail, pane, size))
    return capture.get().splitlines()


@pytest.mark.parametrize("pane", PANES)
@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 12)])
def test_every_pane_fits_the_terminal(pane: str, size: tuple[int, int]) -> None:
    """No pane is wider or higher than the terminal, and the keys stand on the last line."""
    lines = drawn({**DOCUMENT, "why": "because " * 200}, pane, size)
    assert len(lines) <= size[1]
    assert max(map(len, lines)) <= size[0]
    if size[1] >= 24:
        assert "quit" in lines[-1]


def test_the_figures_are_the_documents_own() -> None:
    """Values with their units, what is left to the limit, what is simulated, and a missing sensor as words."""
    text = "\n".join(drawn(DOCUMENT))
    for words in ("int8 14.5 frames/s of 15 in dim light", "61.2 °C", "23.8 °C left", "no reading: EIO", "90 lux", "simulated"):
        assert words in text, text
    assert "open" in text
    assert "0.35 of 0.50 points" in text


def test_two_cameras_are_told_apart_in_eighty_columns() -> None:
    """Each row of the account names its camera in full, and the pane of the sensors what each camera gives."""
    row = {"delivered": 1000, "efficient": 900, "bound_ppm": 700, "limit_ppm": 5000, "open": True}
    one = {"source": {"words": "14.9 fps of 15 asked"}, "frames": {"delivered": 244}, "last_result": {}}
    two = {**one, "last_result": {"label": "empty", "score_ppm": 994_000}}
    both = {**DOCUMENT, "account": {"dim/front": row, "dim/rear_left": row}, "cameras": {"front": one, "rear_left": two}}
    text = "\n".join(drawn(both, "sensors"))
    for words in ("▸dim front ", "▸dim rear_left ", "0.07 of 0.50 points", "camera front", "244 delivered, last empty 99.4 %"):
        assert words in text, text


def test_an_account_takes_the_place_of_the_evidence() -> None:
    """Where the daemon keeps an account, its bands, bounds and frames are shown."""
    row = {"delivered": 1000, "efficient": 900, "bound_ppm": 7000, "limit_ppm": 5000, "open": False}
    text = "\n".join(drawn({**DOCUMENT, "account": {"night": row}}))
    assert "shut" in text
    assert "0.70 of 0.50 points  1,000 frames" in text


def test_each_pane_shows_its_subject() -> None:
    """Sensors with source and age, conditions with what fails first, the log with what is signed."""
    assert "cpu-thermal" in "\n".join(drawn(DOCUMENT, "sensors"))
    assert "missing: EIO" in "\n".join(drawn(DOCUMENT, "sensors"))
    conditions = "\n".join(drawn(DOCUMENT, "conditions"))
    assert conditions.index("power known") < conditions.index("below limit")
    assert "42 records, 31 of them signed" in "\n".join(drawn(DOCUMENT, "log"))


def test_a_daemon_that_is_away_is_words_and_no_number() -> None:
    """Nothing of the last picture stays on the screen."""
    lines = drawn(None, trouble="s.sock: no daemon listens here, start one with `adaptd run`")
    assert "no daemon listens here" in "\n".join(lines)
    assert "°C" not in "\n".join(lines)


def test_a_gap_in_the_readings_is_a_blank() -> None:
    """A second without a reading leaves a hole in the sparkline; a quantity never read draws nothing."""
    trail = Trail()
    for value in (1000, None, 3000):
        reading = {"missing": "EIO"} if value is None else {"value": value}
        trail.add({**DOCUMENT, "sensors": {"temperature_mc": reading}})
    assert trail.spark("temperature_mc", 10) == "▁ █"
    assert trail.spark("power_mw", 10) == ""
    assert "no reading" in charts(trail, 80, 8)[1].plain
    assert bar(5.0, 10, 0.5).cell_len == 10


def test_keys_change_the_pane_and_q_restores_the_terminal(tmp_path: Path) -> None:
    """On a real terminal of 80 by 24: s shows the sensors, q leaves with code 0, and the settings are as before."""
    daemon = Daemon(tmp_path)
    daemon.says()
    own, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(its)
    environ = {**os.environ, "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "adaptd", "top", "--socket", str(daemon.socket)]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, cwd=ROOT, env=environ)
    try:
        assert read_until(own, b"because")
        os.write(own, b"s")
        assert read_until(own, b"cpu-thermal")
        os.write(own, b"q")
        assert process.wait(10) == 0
        assert termios.tcgetattr(its) == before
    finally:
        process.kill()
        process.wait()
        daemon.stop()
        os.close(own)
        os.close(its)


def read_until(terminal: int, words: bytes) -> bool:
    """Read what the program draws until ``words`` are among it."""
    seen, ends = b"", time.monotonic() + 15
    while words not in seen and time.monotonic() < ends:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65_536)
    return words in seen
