"""The store: nothing that was written is lost or counted twice, whatever happens to power, disk, clock and program."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from datetime import date
from pathlib import Path

import pytest

from adaptd.apps.feeder.activity import Activity
from adaptd.apps.feeder.days import bounds, closed_days, read_day
from adaptd.apps.feeder.documents import today, trouble
from adaptd.apps.feeder.settings import HOUR_US, SECOND_US, Settings
from adaptd.apps.feeder.store import MIGRATIONS, VERSION, Store, StoreError
from tests.apps.streams import BEGIN_US, BERLIN, House, day_of
from tests.conftest import ROOT

E, P, X = Activity.EATING, Activity.PRESENT, Activity.EMPTY


def meal(house: House, at: int, seconds: int) -> int:
    """A meal of ``seconds`` at ``at`` with a minute of nobody after it; returns its end."""
    house.see(at, at + seconds * SECOND_US, E)
    house.see(at + seconds * SECOND_US, at + (seconds + 90) * SECOND_US, X)
    return at + (seconds + 90) * SECOND_US


def bouts(store: Store) -> list[tuple[int, str]]:
    """Seconds and ending of every bout."""
    rows = store.base.execute("SELECT eating_us, ending FROM bouts ORDER BY start_us").fetchall()
    return [(row[0] // SECOND_US, row[1]) for row in rows]


def test_a_second_recorder_is_refused(house: House) -> None:
    """Two daemons on one store: the second is told which process records there, and readers are still let in."""
    with pytest.raises(StoreError, match=f"process {os.getpid()} records here already"):
        Store(house.path, writer=True)
    Store(house.path).close()


def test_a_store_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """A database that a newer adaptd wrote is refused with the remedy, and not a byte of it is changed."""
    path = tmp_path / "feeder.sqlite3"
    with sqlite3.connect(path) as base:
        base.execute(f"PRAGMA user_version = {VERSION + 1}")
    base.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="install the newer adaptd or name another --db"):
        Store(path, writer=True)
    assert path.read_bytes()[100:] == before[100:]
    Store(tmp_path / "other.sqlite3", writer=True).close()


def test_a_store_of_an_older_version_keeps_its_days(tmp_path: Path) -> None:
    """Days that an older adaptd wrote know nothing of hours: they are taken over and judged by the time seen, as they were."""
    path = tmp_path / "feeder.sqlite3"
    base = sqlite3.connect(path, isolation_level=None)
    for old in MIGRATIONS[:2]:
        base.executescript(old)
    base.execute("PRAGMA user_version = 2")
    base.execute(
        "INSERT INTO days VALUES('2026-02-03', '', ?, ?, ?, ?, 0, 16, '[]')",
        (24 * HOUR_US, 18 * HOUR_US, 18 * HOUR_US, 900 * SECOND_US),
    )
    base.close()
    store = Store(path, writer=True)
    day = closed_days(store, "", date(2026, 2, 3), date(2026, 2, 3))[date(2026, 2, 3)]
    assert day.eating_24h_us(Settings()) == 1_200 * SECOND_US
    store.close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to look like a page " * 30, b"SQLite format 3\0" + b"\1" * 500]
)
def test_a_damaged_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is refused in one line with the remedy."""
    path = tmp_path / "feeder.sqlite3"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="move it away or name another --db"):
        Store(path, writer=True)


def test_a_killed_recorder_loses_at_most_what_was_not_yet_written(tmp_path: Path) -> None:
    """Killed with SIGKILL while it writes, ten times: every flush that was acknowledged is there, once, and the file is whole."""
    program = """
        import sys
        from pathlib import Path
        from tests.apps.streams import BEGIN_US, House
        from adaptd.apps.feeder.activity import Activity
        from adaptd.apps.feeder.settings import SECOND_US
        house, at = House(Path(sys.argv[1])), BEGIN_US + int(sys.argv[2]) * SECOND_US
        while True:
            house.see(at, at + SECOND_US, Activity.EATING)
            assert house.monitor.recorder.flush()
            at += SECOND_US
            print(at, flush=True)
    """
    path, told = tmp_path / "feeder.sqlite3", 0
    for round_ in range(10):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), str(path), str(round_ * 10_000)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert child.stdout is not None
        lines = 0
        for _ in range(10 + 3 * round_):
            lines += bool(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        lines += len(child.stdout.read().splitlines())
        child.wait()
        child.stdout.close()
        told += lines
    store = Store(path, writer=True)
    assert store.base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    seen = store.base.execute("SELECT sum(seen_us) FROM windows").fetchone()[0] // SECOND_US
    assert told <= seen <= told + 10
    assert len(bouts(store)) == 10
    assert {ending for _, ending in bouts(store)} == {"cut"}
    store.close()


def test_a_reboot_inside_a_bout_leaves_one_bout(tmp_path: Path) -> None:
    """The program is started anew within a meal: the meal is one bout, with the eating of both halves and not more."""
    path = tmp_path / "feeder.sqlite3"
    house = House(path)
    house.see(BEGIN_US, BEGIN_US + 40 * SECOND_US, E)
    house.monitor.recorder.flush()
    house.store.base.close()  # the power is cut: nobody says goodbye
    os.close(house.store._lock or 0)
    again = House(path)
    meal(again, BEGIN_US + 60 * SECOND_US, 30)
    again.monitor.recorder.close()
    found = bouts(again.store)
    assert len(found) == 1
    assert 68 <= found[0][0] <= 70
    again.store.close()


def test_a_full_disk_costs_nothing_once_there_is_room(house: House) -> None:
    """While the disk is full everything is kept in memory and said so; afterwards it is all there, once."""
    pages = house.store.base.execute("PRAGMA page_count").fetchone()[0]
    house.store.base.execute(f"PRAGMA max_page_count = {pages}")
    at = BEGIN_US
    for _ in range(400):
        at = meal(house, at, 30) + 600 * SECOND_US
        house.see(at - 600 * SECOND_US, at, X)
    told = house.monitor.tick(at, force=True).trouble
    assert "make room on the disk" in told
    assert house.store.base.execute("SELECT count(*) FROM windows").fetchone()[0] == 0
    house.store.base.execute("PRAGMA max_page_count = 1000000")
    assert house.monitor.tick(at, force=True).trouble == ""
    assert house.store.base.execute("SELECT sum(seen_us) FROM windows").fetchone()[0] == 400 * 720 * SECOND_US
    assert len(bouts(house.store)) == 400


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_the_days_when_the_clocks_change_have_their_own_length(house: House, day: date, hours: int) -> None:
    """A day of 23 or 25 hours is covered when all of it was seen, and eating is scaled to 24 hours."""
    low, high = bounds(day, BERLIN)
    assert high - low == hours * HOUR_US
    house.see(low, high - 200 * SECOND_US, X)
    meal(house, high - 200 * SECOND_US, 100)
    house.monitor.recorder.flush()
    found = read_day(house.store, day, "", BERLIN, high)
    assert found.coverage_ppm > 999_000
    eaten = found.eating_24h_us(Settings()) or 0
    assert abs(eaten - 100 * SECOND_US * 24 // hours) < 3 * SECOND_US


def test_a_bout_across_midnight_is_one_bout_and_its_minutes_lie_in_both_days(house: House) -> None:
    """Half of the eating belongs to each day; the bout is shown on both, and is one row."""
    midnight = day_of(1)
    house.see(midnight - HOUR_US, midnight - 60 * SECOND_US, X)
    meal(house, midnight - 60 * SECOND_US, 120)
    house.monitor.recorder.flush()
    halves = [read_day(house.store, date(2026, 2, 3 + n), "", BERLIN, day_of(2)).eating_us for n in range(2)]
    assert all(abs(half - 60 * SECOND_US) <= 2 * SECOND_US for half in halves)
    assert sum(halves) == 120 * SECOND_US
    assert len(bouts(house.store)) == 1
    assert len(today(house.store, Settings(), BERLIN, midnight + HOUR_US)["pets"][0]["bouts_today"]) == 1


def test_eating_over_a_window_edge_is_split(house: House) -> None:
    """A meal over the edge of five minutes counts in both windows, each with its part."""
    edge = BEGIN_US + 300 * SECOND_US
    meal(house, edge - 20 * SECOND_US, 60)
    house.monitor.recorder.flush()
    rows = house.store.base.execute("SELECT eating_us FROM eating ORDER BY start_s").fetchall()
    assert sum(row[0] for row in rows) == 60 * SECOND_US
    assert 18 * SECOND_US <= rows[0][0] <= 22 * SECOND_US


def test_an_hour_lived_twice_counts_once(house: House) -> None:
    """The wall clock is put back an hour: the day is not seen for more time than it has, and the eating rate stays."""
    for hour in range(2):
        house.shift_us = -hour * HOUR_US
        at = BEGIN_US + (hour + 1) * HOUR_US
        house.see(at - HOUR_US, at - 200 * SECOND_US, X)
        meal(house, at - 200 * SECOND_US, 110)
    house.monitor.recorder.flush()
    found = read_day(house.store, date(2026, 2, 3), "", BERLIN, day_of(1))
    assert found.sure_us == HOUR_US
    assert abs(found.eating_us - 110 * SECOND_US) <= 6 * SECOND_US


def test_the_future_is_left_out_and_named(house: House) -> None:
    """Windows written under a clock that was years ahead neither close days nor make figures, and the owner is told."""
    house.shift_us = day_of(900) - day_of(0)
    at = meal(house, day_of(0), 60)
    house.shift_us = 0
    meal(house, at, 60)
    house.monitor.tick(day_of(0) + 2 * HOUR_US, force=True)
    assert house.store.base.execute("SELECT count(*) FROM days").fetchone()[0] == 0
    assert "lie in the future" in trouble(house.store, day_of(1))[0]
    assert today(house.store, Settings(), BERLIN, day_of(0) + HOUR_US)["pets"][0]["eating_s"] == 60


def test_old_windows_go_and_their_days_stay(house: House) -> None:
    """Retention: after a year windows and bouts older than 120 days are gone, the days are all there."""
    house.cat(5)
    house.store.prune(day_of(200), 120, 3_650)
    count = house.store.base.execute
    assert count("SELECT count(*) FROM windows").fetchone()[0] == 0
    assert count("SELECT count(*) FROM bouts").fetchone()[0] == 0
    assert count("SELECT count(*) FROM days").fetchone()[0] == 5
