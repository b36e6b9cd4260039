"""`adaptd camera roi`: a page with the camera's picture, on which a region is drawn."""

from pathlib import Path

import pytest

from adaptd.apps.feeder.activity import Corners
from adaptd.cli.feeder import _roi
from adaptd.cli.main import main
from tests.conftest import ROOT
from tests.gateway.browser import CHROMIUM, Browser

CLIP = ROOT / "engines" / "pet-bowl" / "clip" / "day-to-night.mp4"


def test_a_page_with_the_picture_is_written_once_and_for_its_owner_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asks no host, its file is the owner's, it is not written over, and a camera that is not there is one line."""
    page = tmp_path / "roi.html"
    assert main(["camera", "roi", "--source", str(CLIP), "-o", str(page)]) == 0
    text = page.read_text()
    assert "data:image/jpeg;base64," in text
    assert "http://" not in text
    assert "https://" not in text
    assert page.stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    assert main(["camera", "roi", "--source", str(CLIP), "-o", str(page)]) == 1
    assert main(["camera", "roi", "--source", "/nowhere.mp4", "-o", str(tmp_path / "other.html")]) == 1
    assert capsys.readouterr().err.count("\n") == 2
    assert not (tmp_path / "other.html").exists()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian package chromium)")
def test_what_is_drawn_is_the_option_that_the_feeder_takes(tmp_path: Path) -> None:
    """Edges that are typed or drawn become both options; nonsense is told and changes neither."""
    page = tmp_path / "roi.html"
    assert main(["camera", "roi", "--source", str(CLIP), "-o", str(page)]) == 0
    browser = Browser(tmp_path / "browser")
    try:
        browser.open(page.as_uri(), 900, 900)
        set_left = "document.getElementById('l').value = '{}'; document.getElementById('l').dispatchEvent(new Event('input'))"
        feeder, engine, wrong = (f"document.getElementById('{name}').textContent" for name in ("feeder", "engine", "wrong"))
        browser.value(set_left.format(10))
        words = browser.value(feeder)
        assert words == "adaptd feeder run --roi 10,50,70,90"
        corners: Corners = _roi(words.rpartition(" ")[2])
        assert corners == (100_000, 500_000, 700_000, 900_000)
        assert browser.value(engine).endswith("--roi 0.1,0.5,0.6,0.4")
        browser.value(set_left.format(80))
        assert "left of right" in browser.value(wrong)
        assert browser.value(feeder) == words
        box = "document.getElementById('frame').getBoundingClientRect()"
        left, top, width, height = (browser.value(f"{box}.{name}") for name in ("left", "top", "width", "height"))
        for kind, x, y in (("mousePressed", 0.2, 0.3), ("mouseMoved", 0.5, 0.6), ("mouseReleased", 0.5, 0.6)):
            browser.do(
                "Input.dispatchMouseEvent",
                type=kind,
                x=left + x * width,
                y=top + y * height,
                button="left",
                buttons=1,
                clickCount=1,
            )
        assert browser.value(feeder) == "adaptd feeder run --roi 20,30,50,60"
        assert browser.complaints == []
    finally:
        browser.close()
