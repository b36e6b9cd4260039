"""The README's one command in short form: bouts, history, an illness, and its message in a real broker."""

from pathlib import Path

import pytest

from adaptd.cli.children import MOSQUITTO
from adaptd.cli.main import main


def run(tmp_path: Path, *more: str) -> None:
    """The rendered day, short."""
    where = ["--db", tmp_path / "feeder.sqlite3", "--state", tmp_path / "state", "--zone", "Europe/Berlin"]
    assert main(["feeder", "run", "--rendered-day", "--fast", "--short", *map(str, where), *more]) == 0


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed (Debian package mosquitto)")
def test_the_rendered_day_ends_with_its_message_in_a_real_broker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bout read from pictures, days against the usual, an alert, and the same words heard by a subscriber of the topic."""
    pytest.importorskip("paho.mqtt", reason="the gateway's MQTT is not installed: pip install 'adaptd[gateway]'")
    run(tmp_path)
    told = capsys.readouterr().out
    for words in ("The pet ate", " in 1 bout,", "eating in 24 h", "low", "[alert] The pet ate less than 60 %", "weeks: "):
        assert words in told, told
    heard = told.partition("/alert\n")[2]
    assert heard.lstrip().startswith("clinical: The pet ate less than 60 % of the usual on 3 days running"), told
    assert "usual: int8" in heard, "what it rests on arrives as well"
    assert (tmp_path / "state" / "views" / "feeder.json").is_file(), "the page's tab has its figures"
