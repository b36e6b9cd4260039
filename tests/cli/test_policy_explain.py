"""`adaptd policy`: what it does is shown as a picture, what is unsound is refused with one line each."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.cli.policy_picture import svg, terminal
from adaptd.cli.policy_plane import light_of, survey
from adaptd.vocabulary import Mode
from tests.brain.decide.plant import board, facts, feeder
from tests.conftest import ROOT

FEEDER = str(ROOT / "policies" / "feeder.yaml")


def test_the_plane_shows_what_the_controller_does() -> None:
    """Cool and proven: the efficient engine at the target; in the dark the reference; at critical nothing."""
    plane = survey(feeder(), board(), facts())
    bright, dim, night = plane.cells
    assert [band.name for band in plane.bands] == ["bright", "dim", "night"]
    assert (bright[0].variant, dim[0].variant, night[0].variant) == ("int8", "int8", "fp16")
    assert bright[0].mfps == night[0].mfps == 15_000
    assert bright[-1].mfps == 0
    assert bright[-1].mode is Mode.PROTECT
    assert all(cell.variant == "fp16" for cell in night if cell.mfps)
    rates = [cell.mfps for cell in bright]
    assert rates == sorted(rates, reverse=True)


def test_the_light_of_a_band_lies_in_it_alone() -> None:
    """The row of a band is computed outside every overlap."""
    night, dim, bright = feeder().bands
    assert light_of(night) < 8000
    assert 15_000 < light_of(dim) < 150_000
    assert light_of(bright) > 250_000


def test_the_terminal_picture_works_without_colour() -> None:
    """Letters say what colours say, and the words below tell from which temperature on."""
    text = terminal(survey(feeder(), board(), facts()), colour=False)
    assert "\x1b" not in text
    assert "EEEE" in text
    assert "RRRR" in text
    assert "night (0 to 15 lux): fp16 at 15 fps; from 8" in text
    assert "^limit 85" in text


def test_the_svg_is_well_formed_and_tells_each_cell() -> None:
    """A browser can show it, and every cell says its temperature, light, engine, rate and rule."""
    plane = survey(feeder(), board(), facts())
    root = ET.fromstring(svg(plane))
    titles = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == len(plane.bands) * len(plane.temperatures_mc)
    assert any("bright: int8 15 fps, most_worth" in title for title in titles)


def test_explain_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`adaptd policy explain F -o F.svg` shows the plane, says where the energies come from, and writes the picture."""
    target = tmp_path / "feeder.svg"
    assert main(["policy", "explain", FEEDER, "--profile", "orin-nx-16gb", "-o", str(target)]) == 0
    out = capsys.readouterr().out
    assert "feeder on orin-nx-16gb" in out
    assert "Energies and proofs:" in out
    assert target.read_text().startswith("<svg")


def test_explain_refuses_other_pictures_and_bad_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another suffix is wrong usage, a folder that does not exist is one line."""
    assert main(["policy", "explain", FEEDER, "-o", str(tmp_path / "f.gif")]) == 2
    assert main(["policy", "explain", FEEDER, "-o", str(tmp_path / "none" / "f.svg")]) == 1
    assert capsys.readouterr().err.count("\n") == 2


def test_check_refuses_what_can_oscillate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file, the key, what is wrong and the remedy, on one line, and exit code 1."""
    narrow = tmp_path / "p.yaml"
    narrow.write_text(Path(FEEDER).read_text().replace("up_at_lux: 15}", "up_at_lux: 8.5}"))
    assert main(["policy", "check", str(narrow)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"{narrow}: light.bands: night and dim overlap")
    assert err.count("\n") == 1


def test_check_knows_the_board(capsys: pytest.CaptureFixture[str]) -> None:
    """The same policy is good on the board it is meant for and refused where it has no safe exit."""
    assert main(["policy", "check", FEEDER, "--profile", "orin-nx-16gb"]) == 0
    assert "good (feeder on orin-nx-16gb)" in capsys.readouterr().out
    assert main(["policy", "check", FEEDER, "--profile", "h200"]) == 1
    assert "raise it above 122" in capsys.readouterr().err


@pytest.mark.parametrize(("deadline_ms", "code"), [(1, 1), (66, 0)])
def test_a_deadline_that_no_frame_meets_is_refused_by_the_numbers_of_the_bundle(
    deadline_ms: int, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a board, `policy check` names what the reference took where the bundle was qualified, and what deadline it can meet."""
    text = (ROOT / "policies" / "feeder.yaml").read_text()
    (tmp_path / "p.yaml").write_text(re.sub(r"deadline_ms: \d+", f"deadline_ms: {deadline_ms}", text))
    assert main(["policy", "check", str(tmp_path / "p.yaml"), "--profile", "orin-nx-16gb"]) == code
    out, err = capsys.readouterr()
    assert ("good" in out, "no frame would be in time, write at least" in err) == (code == 0, code == 1)
    assert err.count("\n") == code
