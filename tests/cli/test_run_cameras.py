"""`adaptd run` with several cameras: one decision, and results, counters, evidence and a verifiable log of each."""

import json
import socket
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.faults.service import Service, adaptd, verified

DEMO = ROOT / "policies" / "scenarios" / "demo.yaml"
NAMES = ("front", "rear")


def test_two_cameras_share_one_engine_and_each_is_told_for_itself(tmp_path: Path) -> None:
    """INT8 serves both within seconds, status and results name the camera, no frame is lost, and the log verifies."""
    sources = [word for name, rate in zip(NAMES, (15, 14), strict=True) for word in ("--source", f"{name}=pattern:64x48@{rate}")]
    service = Service(tmp_path, *sources, "--twin", DEMO)
    try:
        service.serving()
        served = service.until(lambda document: document["cameras"]["rear"]["last_result"].get("variant") == "int8")
        results = _results(service.socket.parent / "results.sock", 60)
        service.until(lambda document: sum(row["shadowed"] for row in document["account"].values()) > 0)
        document = service.status()
        service.end()
    finally:
        service.kill()
    assert set(served["cameras"]) == set(NAMES)
    for name in NAMES:
        mine = [result["camera_frame"] for result in results if result["camera"] == name]
        assert mine == list(range(mine[0], mine[0] + len(mine)))
        told = document["cameras"][name]
        assert told["source"]["state"] == "ok"
        assert told["frames"]["delivered"] > 0
        assert told["evidence"]["bright"]["admitted"]
        assert document["account"][f"bright/{name}"]["efficient"] > 0
    assert document["frames"]["delivered"] == sum(one["frames"]["delivered"] for one in document["cameras"].values())
    assert verified(service.audit)["verdict"] == "valid"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--source", "a=0", "--source", "a=2"], "the name 'a' is given twice"),
        (["--source", "a=0", "--source", "2"], "has no name"),
    ],
)
def test_cameras_without_a_name_of_their_own_are_refused(words: list[str], says: str, tmp_path: Path) -> None:
    """One line, before anything starts."""
    done = adaptd("run", *words, "--audit", tmp_path / "audit", "--socket", tmp_path / "s.sock")
    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "audit").exists()


def _results(path: Path, count: int) -> list[dict[str, object]]:
    with socket.socket(socket.AF_UNIX) as reader:
        reader.settimeout(20)
        reader.connect(str(path))
        lines = reader.makefile()
        return [json.loads(lines.readline()) for _ in range(count)]
