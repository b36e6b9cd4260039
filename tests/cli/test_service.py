"""The systemd unit: what it promises, and that it is written and removed below any root."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adaptd.cli.main import main
from adaptd.cli.service_unit import GROUPS, Wanted, groups_here, out_of_sight, unit_text

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
    install = ["service", "install", "--root", str(tmp_path), "--source", "/dev/video0"]
    assert main(install) == 0
    assert unit.read_text() == unit_text(Wanted(("/dev/video0",)))
    policy.write_text("tuned\n")
    assert main(install) == 0
    assert policy.read_text() == "tuned\n"
    assert main(["service", "uninstall", "--root", str(tmp_path)]) == 0
    assert not unit.exists()
    assert policy.exists()
    capsys.readouterr()
    assert main(["service", "uninstall", "--root", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no --source"),
        (("--source", "/nowhere.mp4"), "no such video"),
        (("--source", "0#zoom=2"), "no option of a camera"),
        (("--source", "a=0", "--source", "1"), "has no name"),
        (("--source", "a=0", "--source", "a=1"), "given twice"),
        (("--source", "a=0", "--source", "b=0"), "another camera already"),
        (("--source", "a=0", "--source", "b=rtsp://u:secret@h/x"), "needs a network"),
        (("--source", "a=0", "--source", "b=1#zoom=2"), "no option of a camera"),
        (("--source", "rtsp://u:secret@h/x"), "needs a network"),
        (("--source", "0", "--bundle", "/nowhere"), "is no bundle"),
        (("--source", "0", "--profile", "abacus"), "no such profile"),
        (("--source", "0", "--policy", "README.md"), "README.md"),
    ],
)
def test_what_could_not_run_is_not_installed(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is refused in one line before anything is written, and no password is shown."""
    assert main(["service", "install", "--root", str(tmp_path), *words]) in (1, 2)
    told = capsys.readouterr().err
    assert said in told
    assert "secret" not in told
    assert not (tmp_path / "etc").exists()


def test_a_password_stands_in_no_unit(tmp_path: Path) -> None:
    """It lies in a file that root alone reads, and systemd hands it over as a credential."""
    words = ["--source", "rtsp://u:secret@h/x", "--network"]
    assert main(["service", "install", "--root", str(tmp_path), *words]) == 0
    unit, kept = (tmp_path / "etc/systemd/system/adaptd.service").read_text(), tmp_path / "etc/adaptd/source"
    assert "secret" not in unit
    assert "LoadCredential=source:/etc/adaptd/source" in unit
    assert "--source @%d/source" in unit
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_text() == "rtsp://u:secret@h/x\n"


def test_several_cameras_each_have_their_name_their_options_and_their_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One ExecStart names all; each password has a file of its own, and none is left of a camera that was taken away."""
    root = tmp_path / "root"
    install = ["service", "install", "--root", str(root), "--source", "front=0#size=1280x720,fps=25", "--network"]
    rear, side = ["--source", "rear=rtsp://u:secret1@h/x#transport=tcp"], ["--source", "side=rtsp://u:secret2@h/y"]
    assert main([*install, *rear, *side, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert not root.exists()
    assert main([*install, *rear, *side]) == 0
    unit = (root / "etc/systemd/system/adaptd.service").read_text()
    assert unit == shown
    start = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    for word in ("front=0#size=1280x720,fps=25", "rear=@%d/source.rear", "side=@%d/source.side"):
        assert f" --source {word}" in start
    assert "LoadCredential=source.rear:/etc/adaptd/source.rear\nLoadCredential=source.side:/etc/adaptd/source.side\n" in unit
    assert "secret" not in unit + capsys.readouterr().out
    assert (root / "etc/adaptd/source.rear").read_text() == "rtsp://u:secret1@h/x#transport=tcp\n"
    assert main([*install, *side]) == 0
    assert sorted(path.name for path in (root / "etc/adaptd").glob("source*")) == ["source.side"]


def test_the_unit_never_simulates_names_groups_that_exist_and_opens_the_network_when_asked() -> None:
    """Nothing is staged under the service manager; a group that is missing would keep the unit from starting."""
    closed, opened = unit_text(Wanted(("0",))), unit_text(Wanted(("rtsp://h/x",), network=True))
    assert " --no-twin " in closed
    assert "PrivateNetwork=yes" in closed
    assert "PrivateNetwork" not in opened
    assert "AF_INET6" in opened
    assert "BindPaths=-/tmp/argus_socket" in closed
    assert set(groups_here()) <= set(GROUPS)
    assert ("SupplementaryGroups=" in closed) is bool(groups_here())
    assert "--packs /var/lib/adaptd/packs --pack-key /etc/k.pem" in unit_text(Wanted(("0",), pack_key=Path("/etc/k.pem")))
    assert '--source "v4l2src ! appsink"' in unit_text(Wanted(("v4l2src ! appsink",)))
    assert "50%%" in unit_text(Wanted(("clip-50%.mp4",)))


def test_what_the_sandbox_hides_is_known(tmp_path: Path) -> None:
    """An interpreter below a home folder would not start, also where only a link leads there."""
    assert "sandbox hides" in out_of_sight(Path("/home/ada/adaptd/.venv/bin/python"))
    link = tmp_path / "python"
    link.symlink_to("/root/.pyenv/bin/python")
    assert "sandbox hides" in out_of_sight(link)
    assert out_of_sight(Path("/opt/adaptd/.venv/bin/python")) == ""


def test_show_prints_the_unit(capsys: pytest.CaptureFixture[str]) -> None:
    """What would be installed can be read first."""
    assert main(["service", "show"]) == 0
    assert capsys.readouterr().out == unit_text()


def test_the_gateways_unit_reaches_what_was_named_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Install writes both; the gateway's allows loopback and the named broker, and its options are never overwritten."""
    gateway, options = tmp_path / "etc/systemd/system/adaptd-gateway.service", tmp_path / "etc/adaptd/gateway.env"
    install = ["service", "install", "--root", str(tmp_path), "--source", "0", "--gateway-reach", "192.168.1.20"]
    assert main([*install, "--gateway-user", "adaptd-gateway"]) == 0
    lines = gateway.read_text().splitlines()
    assert [line for line in lines if line.startswith("IPAddress")] == [
        "IPAddressDeny=any", "IPAddressAllow=localhost", "IPAddressAllow=192.168.1.20/32"
    ]  # fmt: skip
    assert {"User=adaptd-gateway", "Group=adaptd", "EnvironmentFile=-/etc/adaptd/gateway.env"} <= set(lines)
    options.write_text("ADAPTD_GATEWAY_ARGS=--box kitchen\n")
    assert main(install) == 0
    assert "User=adaptd" in gateway.read_text().splitlines()
    assert "kitchen" in options.read_text()
    capsys.readouterr()
    assert main(["service", "show", "--gateway"]) == 0
    assert "adaptd gateway:" in capsys.readouterr().out
    assert main(["service", "uninstall", "--root", str(tmp_path)]) == 0
    assert not gateway.exists()


@pytest.mark.parametrize("words", [("--gateway-reach", "broker.lan"), ("--gateway-user", "root"), ("--gateway-user", "a b")])
def test_a_gateway_that_could_not_be_kept_in_is_refused(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A host name that the kernel cannot enforce, root, and nonsense: one line, nothing written."""
    assert main(["service", "install", "--root", str(tmp_path), "--source", "0", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "etc").exists()
