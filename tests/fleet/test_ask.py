"""Questions find what was planted and nothing else; SQL from anybody only reads; the page says what is wrong first."""

import html
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.fleet.ask import READY, AskError, ask
from adaptd.fleet.digest import make_missing
from adaptd.fleet.lake import Lake
from adaptd.fleet.softbox import Make, SoftBox
from adaptd.fleet.store import StoreError
from tests.fleet.test_desk import House


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Six boxes over three days, each with something of its own; names by what it is."""
    house = House(tmp_path_factory.mktemp("fleet") / "lake")
    makes = {
        "well": Make(),
        "thirsty": Make(board="orin-nano-8gb", joule_per_inference=0.9),
        "hot": Make(drift_c_per_hour=0.2),
        "night": Make(night_int8=False),
        "broken": Make(broken_bands=("bright",)),
        "forked": Make(),
    }
    boxes = {kind: SoftBox(make) for kind, make in makes.items()}
    for box in boxes.values():
        house.hear(box.checkpoint(), *(box.hour() for _ in range(72)), now_ms=1_796_200_000_000)
    twin = SoftBox(root=boxes["forked"].root, gateway=boxes["forked"].gateway)
    twin.leaves.clear()
    twin._lines.clear()
    twin.record("another")
    house.hear(twin.checkpoint(0))
    Lake(house.folder, house.database).export()
    house.database.close()
    return house.folder, {kind: box.name for kind, box in boxes.items()}


def test_ready_questions_find_what_was_planted_and_nothing_else(fleet: tuple[Path, dict[str, str]]) -> None:
    """The thirsty board, the box that grows warm, the band without INT8, the broken statement, one version."""
    folder, names = fleet
    answers = {name: ask(folder, name).plain() for name in READY}
    assert answers["worst-energy"][0]["board"] == "orin-nano-8gb"
    assert answers["worst-energy"][0]["inferences_per_j"] == pytest.approx(1 / 0.9, abs=0.01)
    assert [row["box"] for row in answers["drifting-hot"]] == [names["hot"]]
    assert answers["drifting-hot"][0]["c_per_day"] == pytest.approx(4.8, abs=0.01)
    assert [(row["box"], row["band"]) for row in answers["never-int8"]] == [(names["night"], "night")]
    assert [(row["box"], row["band"]) for row in answers["broken"]] == [(names["broken"], "bright")]
    assert [row["boxes"] for row in answers["versions"]] == [6]


def test_digests_of_days_give_the_answers_of_the_hours(fleet: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """With every digest, with some, after one that outlived its file, and with none, a ready question has one answer."""
    folder = tmp_path / "lake"
    shutil.copytree(fleet[0], folder)
    from_hours = {name: ask(folder, name) for name in READY}
    days = len(list((folder / "summary").glob("dt=*")))
    assert make_missing(folder, "2026-01-01") == 0
    assert make_missing(folder, "2099-01-01") == 2 * days
    assert make_missing(folder, "2099-01-01") == 0
    assert {name: ask(folder, name) for name in READY} == from_hours
    next((folder / "days").glob("dt=*/part-*")).unlink()
    outlived = next((folder / "band_days").glob("dt=*/part-*"))
    shutil.copy(outlived, outlived.with_name("part-000000000000-000000000000.parquet"))
    assert {name: ask(folder, name) for name in READY} == from_hours
    assert make_missing(folder, "2099-01-01") == 1
    assert len(list(folder.glob("band_days/dt=*/part-*"))) == days
    assert ask(folder, "SELECT sum(hours), max(heat_c_14) FROM days").rows[0] == (6 * 72, pytest.approx(69, abs=5))


def test_digests_on_a_full_disk_are_left_out_in_one_line(fleet: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """The lake goes on without them; the operator reads what to do."""
    folder = tmp_path / "lake"
    shutil.copytree(fleet[0], folder)
    (folder / "days").symlink_to("/dev/full")
    with pytest.raises(StoreError, match=r"no digest can be written .* free some space"):
        make_missing(folder, "2099-01-01")
    assert ask(folder, "versions").rows


@pytest.mark.parametrize(
    "question",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM 'fleet.db'",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "DROP VIEW hours",
        "SELECT 1; DROP VIEW hours",
        "SET threads = 64",
        "INSTALL httpfs",
        "ATTACH '/tmp/x.db'",
        "PRAGMA database_list",
        "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')",
        "SLECT 1",
        "",
    ],
)
def test_sql_that_would_do_more_than_read_the_lake_is_refused_in_one_line(
    fleet: tuple[Path, dict[str, str]], question: str
) -> None:
    """Files, the network, settings and changes are out of reach."""
    with pytest.raises(AskError) as caught:
        ask(fleet[0], question)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_lake_says_what_to_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit 1; a wrong broker is wrong usage."""
    for words in (("ask", "versions"), ("alarms",), ("page", "-o", "x.html"), ("rollout",), ("accept", "b")):
        assert main(["fleet", words[0], "--lake", str(tmp_path / "none"), *words[1:]]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert all("adaptd fleet serve" in line for line in lines)
    assert main(["fleet", "serve", "--lake", str(tmp_path / "l"), "--mqtt", "http://x"]) == 2
    assert main(["fleet", "serve", "--lake", str(tmp_path / "l"), "--mqtt", "mqtt://u:secret@x"]) == 2
    assert "secret" not in capsys.readouterr().err


def test_the_page_and_the_alarms_say_who_needs_a_person(
    fleet: tuple[Path, dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The forked box and the broken statement are named; the alarm makes the exit code 1."""
    folder, names = fleet
    target = tmp_path / "fleet.html"
    assert main(["fleet", "page", "--lake", str(folder), "-o", str(target)]) == 0
    page = html.unescape(target.read_text())
    assert "2 of 6 boxes need a person to look" in page
    assert f"{names['broken']}: its accuracy statement in bright light is broken" in page
    assert main(["fleet", "alarms", "--lake", str(folder)]) == 1
    assert names["forked"] in capsys.readouterr().out
    assert main(["fleet", "ask", "--lake", str(folder)]) == 0
    assert main(["fleet", "ask", "--lake", str(folder), "worst-energy", "--json"]) == 0


def test_the_command_line_starts_without_the_lakes_libraries() -> None:
    """`adaptd --help` loads neither DuckDB nor Arrow nor an MQTT client."""
    code = "import sys; from adaptd.cli.main import build_parser; build_parser(); print([m for m in sys.modules if m in H])"
    code = "H = {'duckdb', 'pyarrow', 'paho', 'jinja2'}; " + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
