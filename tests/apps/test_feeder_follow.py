"""Following a daemon: what results and status mean, and what a person sees of it."""

import base64
import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from adaptd import client
from adaptd.apps.feeder.activity import Activity, UnknownLabelError, meaning_of, seen_in
from adaptd.apps.feeder.clock import WallClock
from adaptd.apps.feeder.follow import Follower, SeveralCamerasError, Source, standing_of
from adaptd.apps.feeder.page import page
from adaptd.apps.feeder.settings import HOUR_US, SECOND_US, Settings
from adaptd.cli.feeder_run import Loop, leave_in, picture_of
from adaptd.cli.main import main
from tests.apps.streams import BEGIN_US, BERLIN, House, day_of
from tests.conftest import ROOT

JPEG = b"\xff\xd8" + bytes(50)
STATUS: dict[str, Any] = {
    "band": "dim",
    "sensors": {"light_mlx": {"value": 60_000}},
    "evidence": {"dim": {"variant": "int8", "admitted": True, "bound_ppm": 3_500}},
}


def result(at_s: float, label: str, **more: Any) -> dict[str, Any]:
    """A result line as the worker writes it."""
    mono = BEGIN_US + round(at_s * SECOND_US)
    return {"frame": 1, "class": label, "score_ppm": 990_000, "latency_us": 1, "variant": "int8", "mono_us": mono, **more}


def test_standing_says_light_proof_and_bound() -> None:
    """INT8 in a proven band is proven with its bound; in one without evidence, or without a status, it is unproven."""
    good = standing_of(STATUS, "int8", Source(), Settings())
    assert (good.sure, good.efficient, good.unproven, good.bound_ppm) == (True, True, False, 3_500)
    assert standing_of({**STATUS, "band": "night"}, "int8", Source(), Settings()).unproven
    blind = standing_of({}, "int8", Source(), Settings())
    assert (blind.sure, blind.unproven) == (False, True)
    assert not standing_of({}, "fp16", Source(), Settings()).unproven


def test_the_account_counts_before_the_scene_guard() -> None:
    """Where the status has the account of a band, that says whether the engine is proven."""
    shut = {**STATUS, "account": {"dim": {"open": False, "bound_ppm": 5_000}}}
    assert standing_of(shut, "int8", Source(), Settings()).unproven


def test_of_several_cameras_the_account_of_the_one_at_the_bowl_counts() -> None:
    """Another camera's account says nothing of the bowl."""
    two = {**STATUS, "account": {"dim/bowl": {"open": False, "bound_ppm": 5_000}, "dim/door": {"open": True, "bound_ppm": 10}}}
    standing = standing_of(two, "int8", Source(camera="bowl"), Settings())
    assert (standing.unproven, standing.bound_ppm) == (True, 5_000)
    assert not standing_of(two, "int8", Source(camera="door"), Settings()).unproven


@pytest.mark.parametrize(("light_mlx", "sure"), [(5_000, True), (4_999, False)])
def test_below_five_lux_everything_says_cannot_tell(light_mlx: int, sure: bool, house: House) -> None:
    """A meal just below the light that the model needs is kept, and counts neither as seen nor as eaten in window and day.

    The limit is that of the model card and of the guide.
    """
    status = {**STATUS, "sensors": {"light_mlx": {"value": light_mlx}}}
    follower = Follower(house.monitor.recorder, Settings(), Source(), lambda: status)
    for at in range(600):
        follower.take(result(at, "eating" if at < 300 else "empty"))
    house.monitor.recorder.close()
    base = house.store.base
    seen, sure_seen = (
        round(one / SECOND_US, -1) for one in base.execute("SELECT sum(seen_us), sum(sure_us) FROM windows").fetchone()
    )
    eaten, sure_eaten = (
        round(one / SECOND_US, -1) for one in base.execute("SELECT sum(eating_us), sum(sure_eating_us) FROM eating").fetchone()
    )
    assert (seen, eaten) == (600, 300)
    assert (sure_seen, sure_eaten) == ((600, 300) if sure else (0, 0))
    for file in (ROOT / "engines" / "pet-bowl" / "MODEL_CARD.md", ROOT / "docs" / "feeder.md"):
        text = file.read_text()
        assert f"{Settings().dark_below_mlx // 1000} lux" in text
        assert "cannot\ntell" in text or "cannot tell" in text


def test_missing_light_is_not_taken_for_light() -> None:
    """Without a light reading nothing is sure, unless the owner vouches for the light."""
    dark = {**STATUS, "sensors": {"light_mlx": {"missing": "no sensor"}}}
    assert not standing_of(dark, "fp16", Source(), Settings()).sure
    assert standing_of(dark, "fp16", Source(), Settings(always_lit=True)).sure


def test_labels_of_other_models_are_mapped_or_refused() -> None:
    """A named label carries its pet, a mapped one means what was said, an unknown one is refused with the remedy."""
    assert meaning_of("eating:mimi") == ("mimi", Activity.EATING)
    assert meaning_of("tabby", {"tabby": "at_bowl:mimi"}) == ("mimi", Activity.PRESENT)
    with pytest.raises(UnknownLabelError, match="--label toaster=eating:NAME"):
        meaning_of("toaster")


def test_a_detected_head_over_the_bowl_eats() -> None:
    """A cat's box that covers a third of the bowl's region eats; one beside it is there; no box is nobody."""
    bowl = (400_000, 600_000, 600_000, 800_000)
    over = {"class": "cat", "score_ppm": 1, "boxes": [["cat", 900_000, 450_000, 300_000, 650_000, 750_000]]}
    beside = {"class": "cat", "score_ppm": 1, "boxes": [["cat", 900_000, 0, 300_000, 350_000, 750_000]]}
    assert [each.activity for each in seen_in(over, bowl)] == [Activity.EATING]
    assert [each.activity for each in seen_in(beside, bowl)] == [Activity.PRESENT]
    assert [each.activity for each in seen_in({**over, "boxes": []}, bowl)] == [Activity.EMPTY]


def test_a_gap_in_the_results_is_time_not_seen(house: House) -> None:
    """Ten seconds without a result are not seen, and not taken for what was before."""
    follower = Follower(house.monitor.recorder, Settings(), Source(), lambda: STATUS)
    for at in [*range(20), *range(30, 50)]:
        follower.take(result(at, "eating"))
    house.monitor.recorder.close()
    seen, eaten = (
        house.store.base.execute(f"SELECT sum({column}) FROM {table}").fetchone()[0] // SECOND_US
        for column, table in (("seen_us", "windows"), ("eating_us", "eating"))
    )
    assert (seen, eaten) == (38, 38)


def test_the_report_stands_alone_and_escapes(house: House) -> None:
    """The vet's page asks for nothing from outside, has both pictures, and a note's text is text."""
    from adaptd.apps.feeder.notes import Note, NoteKind, add_note

    house.cat(30)
    first = house.store.base.execute("SELECT min(day) FROM days").fetchone()[0]
    from datetime import date

    add_note(house.store, Note(NoteKind.REMARK, date.fromisoformat(first), None, "<script>alert(1)</script>"), BEGIN_US)
    text = page(house.store, house.settings, BERLIN, day_of(30) + SECOND_US)
    assert text.count("<svg") == 2
    assert "<script" not in text
    assert "http" not in text
    assert "days known" in text


def test_the_commands_speak_json_and_one_line_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """today, history and alerts print one object each; without a store each says how to get one."""
    path = tmp_path / "feeder.sqlite3"
    assert main(["feeder", "today", "--db", str(path)]) == 1
    assert "start `adaptd feeder run`" in capsys.readouterr().err
    house = House(path)
    house.cat(2)
    house.store.close()
    for verb in ("today", "history", "alerts"):
        assert main(["feeder", verb, "--db", str(path), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["v"] == 1
        assert main(["feeder", verb, "--db", str(path)]) == 0
        capsys.readouterr()
    assert main(["feeder", "note", "diet-change", "new food", "--db", str(path)]) == 0
    assert "the usual is learnt anew" in capsys.readouterr().out
    assert main(["feeder", "report", "--db", str(path), "-o", str(tmp_path / "r.html")]) == 0


def test_run_follows_a_daemon_and_says_where_it_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`adaptd feeder run` records what the socket gives, and names the remedy while nobody serves results."""
    import time

    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "results.sock"))
    server.listen()

    def serve() -> None:
        line, _ = server.accept()
        with line:
            for _ in range(8):
                words = {**result(0, "eating"), "mono_us": time.monotonic_ns() // 1000}
                line.sendall(json.dumps(words).encode() + b"\n")
                time.sleep(0.1)
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    path = tmp_path / "feeder.sqlite3"
    words = ["--socket", str(tmp_path / "adaptd.sock"), "--db", str(path), "--state", str(tmp_path), "--duration", "1.6"]
    assert main(["feeder", "run", *words]) == 0
    thread.join()
    out = capsys.readouterr()
    assert "the daemon has stopped; waiting for results" in out.err
    assert main(["feeder", "today", "--db", str(path), "--json"]) == 0
    assert "Traceback" not in out.err


def test_a_full_disk_is_said_once_and_so_is_its_end(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Hours without room are one line, not one every half minute; room again is a second, and nothing was lost."""
    at = [day_of(0)]
    clock = WallClock(lambda: at[0], lambda: at[0])
    follower = Follower(house.monitor.recorder, Settings(), Source(), lambda: STATUS)
    loop = Loop(house.monitor, follower, clock, None, lambda: at[0])

    def pass_hours(count: int) -> None:
        for _ in range(count * 12):
            house.see(at[0], at[0] + 300 * SECOND_US, Activity.EMPTY)
            at[0] += 300 * SECOND_US
            loop.tick()
            at[0] += SECOND_US
            loop.tick()

    pages = house.store.base.execute("PRAGMA page_count").fetchone()[0]
    house.store.base.execute(f"PRAGMA max_page_count = {pages}")
    pass_hours(24)
    full = capsys.readouterr().err
    house.store.base.execute("PRAGMA max_page_count = 1000000")
    pass_hours(1)
    assert full.count("\n") == 1, full
    assert "make room on the disk" in full
    assert capsys.readouterr().err.count("written again, nothing was lost") == 1
    assert house.store.base.execute("SELECT total(seen_us) FROM windows").fetchone()[0] > 24.9 * HOUR_US


def test_a_message_takes_a_picture_along_only_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unasked there is none; asked it is what the camera sees; without a preview the message goes without one, said once."""
    place = tmp_path / "adaptd.sock"
    asked = leave_in(tmp_path, picture_of(place))

    def left(key: str) -> dict[str, Any]:
        waiting = [json.loads(path.read_text()) for path in (tmp_path / client.ALERTS_FOLDER).glob("*.json")]
        return next(one for one in waiting if one["key"] == f"feeder/{key}")

    leave_in(tmp_path)("plain", "clinical", "Ate little.", {"light": "dim"})
    assert "picture_base64" not in left("plain")
    for key in ("one", "two"):
        asked(key, "clinical", "Ate little.", {"light": "dim"})
        assert "picture_base64" not in left(key)
    assert capsys.readouterr().err.count("set `camera: {preview: true}` in the policy") == 1
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "preview.sock"))
        server.listen()
        thread = threading.Thread(target=lambda: send_picture(server))
        thread.start()
        asked("three", "clinical", "Ate little.", {"light": "dim"})
        thread.join()
    assert base64.b64decode(left("three")["picture_base64"]) == JPEG


def send_picture(server: socket.socket) -> None:
    """What the worker's preview gives to one who asks."""
    line, _ = server.accept()
    with line:
        line.sendall(JPEG)


def test_of_several_cameras_the_one_at_the_bowl_is_named(house: House) -> None:
    """Without --camera it is refused with the remedy; with it the other camera's pets are not this bowl's."""
    with pytest.raises(SeveralCamerasError, match="--camera"):
        Follower(house.monitor.recorder, Settings(), Source(), lambda: STATUS).take(result(0, "empty", camera="front"))
    follower = Follower(house.monitor.recorder, Settings(), Source(camera="bowl"), lambda: STATUS)
    for at in range(60):
        follower.take(result(at, "empty", camera="bowl"))
        follower.take(result(at + 0.5, "eating", camera="garden"))
    house.monitor.recorder.close()
    assert house.store.base.execute("SELECT total(eating_us) FROM eating").fetchone()[0] == 0
    assert follower.results == 60
