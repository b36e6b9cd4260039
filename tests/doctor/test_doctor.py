"""`adaptd doctor`: what is there, what is missing, and the remedy, on a bare PC and on every captured board."""

import argparse
import importlib.util
import io
import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from adaptd.cli import doctor
from adaptd.cli.errors import CommandError
from adaptd.config.profile import load_profile
from adaptd.config.shipped import profiles_dir
from adaptd.doctor import Finding, Level
from adaptd.doctor import host as doctor_host
from adaptd.doctor.probe import read_all, reading_findings
from adaptd.doctor.view import draw
from adaptd.sense.source import TEMPERATURE, Source
from adaptd.vocabulary import Missing, MissingReason, Unread
from tests.sense.conftest import TREES, tree

BOARDS = sorted(path.name for path in TREES.iterdir() if (path / "SOURCE.md").is_file())


def run(*words: str) -> int:
    """The command as a person types it."""
    parser = argparse.ArgumentParser()
    doctor.register(parser.add_subparsers())
    arguments = parser.parse_args(["doctor", *words])
    return int(arguments.handler(arguments))


def rows(report: dict[str, Any], area: str) -> dict[str, dict[str, str]]:
    """The findings of one area, by item."""
    return {row["item"]: row for row in report["findings"] if row["area"] == area}


@pytest.mark.parametrize("board", BOARDS)
def test_every_captured_board_is_told_what_it_has_and_what_it_lacks(board: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each board is recognised, its junction is read, nothing must be mended, and everything missing has a remedy."""
    assert run("--root", str(tree(board)), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["profile"] == board
    assert report["good"] is True
    assert rows(report, "reading")["temperature"]["level"] == "ok"
    for row in report["findings"]:
        assert row["found"]
        assert row["remedy"] or row["level"] != "missing", row
    assert [row["missing"] for row in report["missing_means"]] == ["temperature", "power", "light"]


def test_a_plain_pc_is_told_what_serves_without_a_thermometer(tmp_path: Path) -> None:
    """A machine without any sensor: what its absence counts as, what to do where it has none, and how light can be had."""
    report = doctor.examine(tmp_path)
    assert report["good"] is True
    assert "counts as hot" in rows(report, "reading")["temperature"]["found"]
    assert "--profile no-thermometer" in rows(report, "reading")["temperature"]["remedy"]
    assert "camera" in rows(report, "light")["no sensor"]["remedy"]
    assert rows(report, "profile")["thermal.ambient_c"]["found"].startswith("assumed")


def test_this_machine_is_examined_with_its_engines() -> None:
    """Without --root the engines, permissions and the service manager are looked at too."""
    report = doctor.examine(Path("/"))
    assert rows(report, "engines")["onnxruntime"]["level"] == "ok"
    assert "CPU" in rows(report, "engines")["onnxruntime"]["found"]
    assert rows(report, "machine")["python"]["level"] == "ok"
    assert rows(report, "service")
    assert rows(report, "permissions")


def test_a_captured_tree_says_nothing_of_this_machines_engines() -> None:
    """Engines belong to the machine the command runs on, not to the tree."""
    assert not rows(doctor.examine(tree("jetson-thor")), "engines")


def test_the_wrong_profile_must_be_mended(capsys: pytest.CaptureFixture[str]) -> None:
    """An Orin NX with the profile of a Thor is a fault with the right name beside it, and exit code 1."""
    assert run("--root", str(tree("orin-nx-16gb")), "--profile", "jetson-thor") == 1
    out = capsys.readouterr().out
    assert "use --profile orin-nx-16gb" in out
    assert "2 things must be mended before adaptd can be trusted here." in out


def test_a_sensor_that_the_profile_does_not_name_is_pointed_out(tmp_path: Path) -> None:
    """Simulated readings beside a real sensor are no matter of course: on a PC with a GPU sensor and remedy are named."""
    there = [
        Finding("temperature", "nvml:0", Level.OK, "36.0 C"),
        Finding("power", "no sensor", Level.MISSING, "none", "add one"),
    ]
    found = {row.item: row for row in reading_findings(load_profile(profiles_dir() / "generic-x86.yaml"), tmp_path, there)}
    assert found["temperature"].level is Level.MISSING
    assert "names no sensor that is here" in found["temperature"].found
    assert "nvml:0" in found["temperature"].remedy
    assert found["power"].level is Level.NOTE


def test_a_trip_point_below_the_profiles_must_be_mended(tmp_path: Path) -> None:
    """The kernel of this device slows down at 95 C: the profile's 99 C is wrong here."""
    shutil.copytree(tree("orin-nx-16gb"), tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob("sys/class/thermal/thermal_zone0/trip_point_0_temp"):
        path.write_text("95000\n")
    row = rows(doctor.examine(tmp_path), "profile")["passive trip"]
    assert (row["level"], row["remedy"]) == ("bad", "set thermal.passive_c to 95 in the profile")


def test_a_board_that_lost_its_rails_must_be_mended(tmp_path: Path) -> None:
    """On the profile's own board a quantity without any of its sources is a fault, not a gap to simulate."""
    shutil.copytree(tree("orin-nx-16gb"), tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "sys/class/hwmon")
    report = doctor.examine(tmp_path)
    assert rows(report, "profile")["power VDD_IN"]["level"] == "bad"
    assert report["good"] is False
    assert rows(report, "reading")["power"]["level"] == "missing"


def test_a_missing_folder_is_wrong_usage() -> None:
    """A root that is not there is said in one line with an example."""
    with pytest.raises(CommandError, match="no such folder") as refusal:
        run("--root", "/nonexistent")
    assert refusal.value.code == 2


def test_the_plain_text_has_one_line_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    """What is piped to a file is one line each, with the remedy behind an arrow."""
    assert run("--root", str(tree("raspberry-pi-5"))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Raspberry Pi 5")
    assert next(line for line in lines if "iio:bh1750" in line).startswith("ok ")
    assert [line for line in lines if "assumed numbers" in line]
    assert lines[-1].startswith("Nothing must be mended.")
    assert lines[-1].endswith("adaptd runs with care instead, as said above.")


@pytest.mark.parametrize("board", ["jetson-thor", "generic-x86"])
def test_the_table_for_a_terminal_holds_every_finding(board: str) -> None:
    """On a narrow terminal the table still shows each item, its remedy and what missing means."""
    report = doctor.examine(tree(board))
    out = io.StringIO()
    draw(report, Console(file=out, width=100))
    text = out.getvalue()
    for row in report["findings"]:
        assert row["item"] in text.replace("\n", "") or row["found"].startswith("assumed")
    assert "What a missing reading means" in text
    assert "Nothing must be mended." in text
    draw({**report, "good": False}, Console(file=out, width=100))
    assert "must be mended before adaptd can be trusted here" in out.getvalue()


def test_a_library_that_crashes_when_imported_is_named_and_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library names its installation, one that does not load names its complaint."""
    if importlib.util.find_spec("tensorrt"):
        pytest.skip("TensorRT is installed here")
    absent = doctor_host._library("tensorrt")
    assert (absent.level, absent.found) == (Level.MISSING, "not installed")
    assert "python3-libnvinfer" in absent.remedy
    monkeypatch.setattr(doctor_host, "_installed", lambda name: "tensorrt 10.3")
    assert "does not load" in doctor_host._library("tensorrt").found


@pytest.mark.parametrize(
    ("code", "out", "level", "words"),
    [
        (0, b'{"model": "m", "other": []}', Level.OK, "its proof holds here"),
        (0, b'{"model": "m", "other": ["int8"]}', Level.NOTE, "int8 gives other output here"),
        (1, b"", Level.MISSING, "does not load: sha256 does not match"),
    ],
)
def test_the_doctor_says_whether_the_shipped_proof_holds_here(
    monkeypatch: pytest.MonkeyPatch, code: int, out: bytes, level: Level, words: str
) -> None:
    """A certificate belongs to a device: on another one that is a note with a remedy, a damaged bundle is missing."""
    done = subprocess.CompletedProcess([], code, out, b"Traceback\nsha256 does not match")
    monkeypatch.setattr(doctor_host, "_child", lambda name: done)
    found = doctor_host._qualification()
    assert (found.level, words in found.found) == (level, True)
    assert bool(found.remedy) == (level is not Level.OK)


def test_a_library_that_hangs_when_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor comes back from a driver that does not answer."""
    monkeypatch.setattr(doctor_host, "_CHILD_TIMEOUT_S", 0.001)
    found = doctor_host._library("onnxruntime")
    assert found.level is Level.BAD
    assert found.found.startswith("hangs when imported")


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("onnxruntime", {"version": "1.31", "providers": ["CUDAExecutionProvider", "CPUExecutionProvider"]}, "1.31: CUDA, CPU"),
        ("cv2", {"version": "4.10", "gstreamer": True}, "OpenCV 4.10, GStreamer yes"),
        ("nvml", {"version": "580.1", "gpus": ["NVIDIA H200"]}, "driver 580.1: NVIDIA H200"),
        ("pycuda", {"version": "2026.1", "gpus": ["NVIDIA H200"], "driver": 13000}, "2026.1, driver API 13000: NVIDIA H200"),
        ("tensorrt", {"version": "10.3.0"}, "10.3.0"),
    ],
)
def test_each_library_is_described_in_a_few_words(name: str, answer: dict[str, Any], said: str) -> None:
    """Version and what it can use."""
    assert doctor_host._said(name, answer) == said


def test_a_source_that_hangs_does_not_hang_the_doctor() -> None:
    """A file that never answers is one line of the report."""
    gate = threading.Event()

    class Stuck(Source):
        """Never answers."""

        quantity = TEMPERATURE

        def read(self, now_us: int) -> int | Missing:
            gate.wait()
            return 1

    reading = read_all([Stuck("stuck")])["temperature stuck"]
    gate.set()
    assert isinstance(reading, Unread)
    assert reading.reason is MissingReason.HUNG
