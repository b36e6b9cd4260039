"""What the three systemd units share: the sandbox, whom a server may talk to, and how they are written and started."""

import ipaddress
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from adaptd.cli.errors import CommandError

USERADD = ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin")
SANDBOX = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectProc=invisible
PrivateTmp=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM"""
_SERVER = """\
{sandbox}
ProcSubset=pid
PrivateDevices=yes
PrivateIPC=yes
MemoryDenyWriteExecute=yes

# Whom it may talk to. The kernel drops every packet from or to another address.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
IPAddressDeny=any
IPAddressAllow=localhost{more}"""


def server_sandbox(addresses: Sequence[str]) -> str:
    """The sandbox of a program that serves a network: no device, and besides loopback only ``addresses`` (or networks).

    Raises:
        ValueError: an address is none; the text is one line with the remedy.
    """
    return _SERVER.format(sandbox=SANDBOX, more="".join(f"\nIPAddressAllow={_network(one)}" for one in addresses))


def _network(address: str) -> str:
    try:
        return str(ipaddress.ip_network(address, strict=False))
    except ValueError:
        raise ValueError(f"{address}: is no address or network, write for example 192.168.1.20 or 192.168.1.0/24") from None


def command() -> str:
    """The absolute command that starts adaptd here."""
    beside = Path(sys.executable).parent / "adaptd"
    return str(beside) if beside.exists() else shutil.which("adaptd") or f"{sys.executable} -m adaptd"


def write_secret(place: Path, text: str) -> None:
    """A line for root's eyes alone; systemd hands it to the unit as a credential. Raises OSError."""
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def run_words(*command: str, may_fail: bool = False) -> None:
    """One command of the system; CommandError with its own last words where it fails."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed words
    except FileNotFoundError:
        raise CommandError(
            f"{command[0]}: not found, this machine is not run by systemd; `adaptd service show` prints the unit"
        ) from None
    if done.returncode and not may_fail:
        raise CommandError(f"{' '.join(command)}: {done.stderr.strip() or 'failed'}, mend that and try again")
