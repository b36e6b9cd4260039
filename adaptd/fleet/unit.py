"""The systemd unit of `adaptd fleet serve`: hardened, with its own user and folder, and with just the broker to reach.

The broker's URL is a secret where it holds a password: it lies in a file of root's, and systemd hands it to the unit alone.
"""

import ipaddress
from collections.abc import Sequence

NAME = "adaptd-fleet.service"
USER = "adaptd-fleet"
BROKER_FILE = "/etc/adaptd-fleet/broker"
LAKE = "/var/lib/adaptd-fleet"

_UNIT = """\
[Unit]
Description=adaptd fleet server: witness of many boxes' logs, and their hours as Parquet
After=network-online.target mosquitto.service
Wants=network-online.target
StartLimitIntervalSec=300
StartLimitBurst=20

[Service]
Type=exec
LoadCredential=broker:{broker}
ExecStart={command} fleet serve --mqtt @%d/broker --lake {lake}
Restart=always
RestartSec=2
# It ends between two batches; what was not acknowledged the broker sends again.
TimeoutStopSec=30
User={user}
Group={user}
StateDirectory=adaptd-fleet
StateDirectoryMode=0700
UMask=0077
Environment=PYTHONUNBUFFERED=1
Environment=TMPDIR={lake}
MemoryMax=1G
TasksMax=64
LimitNOFILE=4096

# What it may touch: its own folder.
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
ProcSubset=pid
PrivateTmp=yes
PrivateDevices=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

# Whom it may talk to. The kernel drops every packet from or to another address.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
IPAddressDeny=any
{allowed}

[Install]
WantedBy=multi-user.target
"""


def unit_text(command: str, addresses: Sequence[str] = ()) -> str:
    """The unit that starts ``command fleet serve``; ``addresses`` (or networks) may be reached besides loopback.

    Raises:
        ValueError: an address is none; the text is one line with the remedy.
    """
    lines = ["IPAddressAllow=localhost", *(f"IPAddressAllow={_network(one)}" for one in addresses)]
    return _UNIT.format(command=command, broker=BROKER_FILE, lake=LAKE, user=USER, allowed="\n".join(lines))


def _network(address: str) -> str:
    try:
        return str(ipaddress.ip_network(address, strict=False))
    except ValueError:
        raise ValueError(f"{address}: is no address or network, write for example 192.168.1.20 or 192.168.1.0/24") from None
