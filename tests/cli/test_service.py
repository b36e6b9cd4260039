"""The systemd unit: what it promises, and that it is written and removed below any root."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.cli.service import unit_text

MOST_EXPOSED = 1.5


def exposure(unit: str, folder: Path) -> float:
    """What `systemd-analyze security` says of a unit file."""
    path = folder / "adaptd.service"
    path.write_text(unit)
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
    match = re.search(r"Overall exposure level for adaptd\.service: ([0-9.]+)", said)
    assert match is not None, said
    return float(match[1])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_is_hardened(tmp_path: Path) -> None:
    """systemd's own judgement is 1.5 or better; without its restrictions the same unit fails."""
    assert exposure(unit_text(), tmp_path) <= MOST_EXPOSED
    bare = "\n".join(line for line in unit_text().splitlines() if not line.startswith(("Protect", "Restrict", "SystemCall")))
    assert exposure(bare, tmp_path) > MOST_EXPOSED


def test_the_service_manager_is_told_and_watches() -> None:
    """Ready is notified, the watchdog is set, a reload is SIGHUP, and what fails is started again."""
    lines = unit_text().splitlines()
    for line in ("Type=notify", "WatchdogSec=10", "ExecReload=/bin/kill -HUP $MAINPID", "Restart=on-failure", "User=adaptd"):
        assert line in lines
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    command, *words = start.removeprefix("ExecStart=").split()
    assert Path(command).is_absolute()
    assert words[0] == "run"


def test_install_and_uninstall_below_another_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unit and policy are written, a tuned policy is never overwritten, and only the unit is removed."""
    unit, policy = tmp_path / "etc/systemd/system/adaptd.service", tmp_path / "etc/adaptd/policy.yaml"
    assert main(["service", "install", "--root", str(tmp_path)]) == 0
    assert unit.read_text() == unit_text()
    policy.write_text("tuned\n")
    assert main(["service", "install", "--root", str(tmp_path)]) == 0
    assert policy.read_text() == "tuned\n"
    assert main(["service", "uninstall", "--root", str(tmp_path)]) == 0
    assert not unit.exists()
    assert policy.exists()
    capsys.readouterr()
    assert main(["service", "uninstall", "--root", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_show_prints_the_unit(capsys: pytest.CaptureFixture[str]) -> None:
    """What would be installed can be read first."""
    assert main(["service", "show"]) == 0
    assert capsys.readouterr().out == unit_text()
