"""`adaptd camera calibrate`: lights of known lux make a camera a light sensor."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptd.cli import camera
from adaptd.cli.main import main
from adaptd.config.profile import load_profile


class Lamp:
    """A camera whose picture is as bright as the light that was last typed in."""

    def __init__(self, levels: list[int]) -> None:
        self.levels, self.frames = levels, 0

    def advance(self) -> bool:
        self.frames += 1
        return True

    def picture(self) -> Any:
        at = (self.frames - 1) // (camera.SKIPPED + camera.FRAMES)
        return np.full((48, 64, 3), self.levels[min(at, len(self.levels) - 1)], np.uint8)

    def close(self) -> None:
        """Nothing is held."""


def calibrated(typed: str, levels: list[int], monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The command, with what a person types and what the camera sees."""
    monkeypatch.setattr(camera, "opened", lambda text, command: Lamp(levels))
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return main(["camera", "calibrate", "--source", "0", *words])


def test_a_few_lights_make_a_profile_with_a_calibrated_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a person types is asked again where it is no number; the profile that comes out loads and names the camera."""
    target = tmp_path / "mine.yaml"
    words = ("--profile", "raspberry-pi-5", "-o", str(target))
    assert calibrated("2\nbright\n80 lux\n300\n\n", [13, 51, 128], monkeypatch, *words) == 0
    said = capsys.readouterr()
    assert said.out.strip().startswith("camera:5.1%=2,20.0%=80,50.2%=300")
    assert "is no lux value" in said.err
    assert load_profile(target).light_sources[-1] == said.out.strip()


@pytest.mark.parametrize(("typed", "levels"), [("80\n", [51]), ("2\n80\n", [51, 51]), ("80\n2\n", [13, 51]), ("", [51])])
def test_points_that_say_nothing_are_refused(
    typed: str, levels: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One light, a picture that does not move, or one that is darker in more light: one line with what to do."""
    assert calibrated(typed, levels, monkeypatch) == 1
    assert "make no calibration" in capsys.readouterr().err
