"""The gateway's unit is one that systemd understands, hardened, and open to no address that nobody named."""

import shutil
import subprocess
from pathlib import Path

import pytest

from adaptd.cli import fleet_service as fleet
from adaptd.cli.service_gateway import NAME, unit_text


def test_only_named_addresses_may_be_reached() -> None:
    """Everything is denied; loopback is allowed, and what the owner names, as a network."""
    lines = unit_text("/opt/adaptd/bin/adaptd", ["192.168.1.20", "10.1.0.7/24"]).splitlines()
    assert "IPAddressDeny=any" in lines
    allowed = [line.partition("=")[2] for line in lines if line.startswith("IPAddressAllow=")]
    assert allowed == ["localhost", "192.168.1.20/32", "10.1.0.0/24"]


@pytest.mark.parametrize("address", ["", "broker.lan", "10.0.0.0/33", "1.2.3.4\nUser=root"])
def test_a_name_or_nonsense_is_no_address(address: str) -> None:
    """A host name cannot be enforced by the kernel, and a line break must not become a line of the unit."""
    with pytest.raises(ValueError, match="no address or network"):
        unit_text("adaptd", [address])


def test_it_gives_way_to_the_daemon_and_starts_by_itself() -> None:
    """Low priority, bounded memory, restarted always, after the daemon but not bound to it."""
    text = unit_text("/opt/adaptd/bin/adaptd")
    for line in ("Nice=10", "MemoryMax=512M", "Restart=always", "After=network.target adaptd.service", "ProtectSystem=strict"):
        assert line in text.splitlines()
    assert "Requires=" not in text
    assert "BindsTo=" not in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian package systemd)")
@pytest.mark.parametrize(("name", "text"), [(NAME, unit_text("/bin/true")), (fleet.NAME, fleet.unit_text("/bin/true"))])
def test_systemd_finds_it_hardened(tmp_path: Path, name: str, text: str) -> None:
    """systemd's own measure of exposure stays below 2 of 10, for the gateway and for the fleet's server."""
    path = tmp_path / name
    path.write_text(text)
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
