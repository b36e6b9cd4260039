"""Twins that boxes send up: proven, the newest counts, and a fleet is tuned with them."""

import json
from collections.abc import Iterator
from math import exp
from pathlib import Path
from typing import Any

import pytest

from adaptd.cli.main import main
from adaptd.fleet.softbox import Message, SoftBox
from adaptd.fleet.statistics import load
from adaptd.fleet.twins import TEXTS, lay_out
from tests.fleet.planted import alarms
from tests.fleet.test_desk import House
from tests.fleet.test_tune import slower, written

NOW_MS = 1_795_999_999_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A server that has heard of nobody."""
    one = House(tmp_path / "lake")
    yield one
    one.database.close()


def said(box: SoftBox, folder: Path, made_ms: int = NOW_MS, **changes: Any) -> Message:
    """What a gateway says of the twin in ``folder``."""
    texts = {name: (folder / f"{name}.yaml").read_text() for name in TEXTS}
    words = {"v": 1, "key": "twin:1", "utc_ms": made_ms, "box": box.name, "twin": json.loads((folder / "twin.json").read_text())}
    return box.sealed("twin", {**words, **texts, **changes})


def test_a_proven_twin_is_kept_and_laid_out_as_it_was_fitted(house: House, tmp_path: Path) -> None:
    """Before the log has shown the key it waits; then it is there, byte for byte where people read it."""
    box, folder = SoftBox(), written(tmp_path / "own", 1.5, "fanless-box")
    house.hear(said(box, folder))
    assert lay_out(house.database, tmp_path / "out") == 0
    house.hear(box.checkpoint())
    assert lay_out(house.database, tmp_path / "out") == 1
    assert load(tmp_path / "out" / box.name).enclosure == "fanless-box"
    for name in TEXTS:
        assert (tmp_path / "out" / box.name / f"{name}.yaml").read_text() == (folder / f"{name}.yaml").read_text()
    assert house.alarms() == []


def test_an_older_twin_never_replaces_a_newer_one(house: House, tmp_path: Path) -> None:
    """Somebody who plays an old message again changes nothing."""
    box = SoftBox()
    old, new = (said(box, written(tmp_path / enclosure, 1.5, enclosure), at) for enclosure, at in (("old", 5), ("new", 6)))
    house.hear(box.checkpoint(), old, new, old)
    house.hear(old)
    lay_out(house.database, tmp_path / "out")
    assert load(tmp_path / "out" / box.name).enclosure == "new"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"utc_ms": NOW_MS + 2 * 86_400_000}, "a day ahead"),
        ({"twin": {"estimates": {}}}, "lacks a field"),
        ({"twin": 5}, "lacks a field"),
        ({"policy": None}, "lacks a field"),
        ({"utc_ms": "x"}, "lacks a field"),
        ({"v": 2}, "later schema"),
    ],
)
def test_what_is_no_twin_is_put_aside_in_one_line(house: House, tmp_path: Path, change: dict[str, Any], why: str) -> None:
    """Of the future, of another shape: nothing of it counts, and the reason is there."""
    box = SoftBox()
    house.hear(box.checkpoint(), said(box, written(tmp_path / "own", 1.5, "sealed"), **change))
    ((kind, words),) = house.alarms()
    assert kind == "refused"
    assert why in words
    assert lay_out(house.database, tmp_path / "out") == 0


def test_a_strangers_twin_is_refused(house: House, tmp_path: Path) -> None:
    """Only the key on the box's record speaks for its numbers."""
    box, folder = SoftBox(), written(tmp_path / "own", 1.5, "sealed")
    house.hear(box.checkpoint(), said(SoftBox(root=box.root), folder))
    assert "not signed" in house.alarms()[0][1]
    assert lay_out(house.database, tmp_path / "out") == 0


def test_a_fleet_is_tuned_with_what_its_boxes_sent_up(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Clusters, priors and a proposal come from the lake's folder alone; a twin that cannot be played is named and left out."""
    boxes = [SoftBox() for _ in range(5)]
    for number, box in enumerate(boxes):
        folder = written(tmp_path / f"own-{number}", 1.3 * exp(0.02 * number), "fanless-box")
        broken = {"twin": {**json.loads((folder / "twin.json").read_text()), "schema": 99}} if number == 4 else {}
        house.hear(box.checkpoint(), said(box, folder, **broken))
    out = tmp_path / "tuned"
    words = ["--policy", str(slower(tmp_path)), "--goal", "min power", "--clusters", "1", "--jobs", "1", "-o", str(out)]
    assert main(["fleet", "tune", "--lake", str(house.folder), *words]) == 0
    assert "left out" in capsys.readouterr().err
    found = json.loads((out / "fleet.json").read_text())
    assert sorted(found["clusters"][0]["boxes"]) == sorted(box.name for box in boxes[:4])
    assert found["priors"][0]["r"]["factor"] == pytest.approx(1.34, rel=0.1)
    assert found["priors"][0]["differs"][0]["band"] == "dim"
    assert main(["fleet", "tune", "--lake", str(tmp_path / "none")]) == 1
    assert main(["fleet", "tune"]) == 2


def test_wrongs_in_logs_hours_twins_and_reports_are_all_found_and_none_is_made_up(tmp_path: Path) -> None:
    """Forks, rollbacks and gaps go on sending twins and reports; false twins and reports come too. No honest box is blamed."""
    found = alarms(tmp_path, 12, 18)
    assert (found["planted"], found["found"], found["false"], found["missed"]) == (18, 18, 0, [])
    assert len(found["kinds"]) == 9
    assert found["wrong_reports_that_count"] == found["wrong_twins_that_count"] == found["packs_offered_to_forked_boxes"] == 0
