"""The server's unit is one that systemd understands, hardened, and open to no address that nobody named."""

from pathlib import Path

import pytest

from adaptd.cli.fleet_service import NAME, unit_text
from adaptd.cli.main import main


def test_only_the_broker_may_be_reached_and_its_secret_stands_nowhere_in_it() -> None:
    """Loopback and what is named; the URL comes as a credential of systemd's; a line break is no address."""
    lines = unit_text("adaptd", ["10.1.0.7/24"]).splitlines()
    assert [line for line in lines if line.startswith("IPAddress")] == [
        "IPAddressDeny=any",
        "IPAddressAllow=localhost",
        "IPAddressAllow=10.1.0.0/24",
    ]
    assert "LoadCredential=broker:/etc/adaptd-fleet/broker" in lines
    assert "ExecStart=adaptd fleet serve --mqtt @%d/broker --lake /var/lib/adaptd-fleet" in lines
    with pytest.raises(ValueError, match="no address or network"):
        unit_text("adaptd", ["1.2.3.4\nUser=root"])


def test_install_writes_the_unit_and_keeps_a_secret_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The broker's file is made once, of mode 0600; a second installation renews the unit alone."""
    assert main(["fleet", "service", "--install", "--root", str(tmp_path)]) == 0
    broker = tmp_path / "etc/adaptd-fleet/broker"
    assert broker.stat().st_mode & 0o777 == 0o600
    broker.write_text("mqtts://fleet:secret@broker:8883\n")
    assert main(["fleet", "service", "--install", "--root", str(tmp_path), "--reach", "192.168.1.2"]) == 0
    assert "secret" in broker.read_text()
    assert "IPAddressAllow=192.168.1.2/32" in (tmp_path / "etc/systemd/system" / NAME).read_text()
    assert "secret" not in capsys.readouterr().out
    assert main(["fleet", "service", "--reach", "broker.lan"]) == 2
    assert "no address or network" in capsys.readouterr().err
