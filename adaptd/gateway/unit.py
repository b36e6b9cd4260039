"""The gateway's systemd unit: hardened, with just the addresses it needs, and after the daemon it talks to.

It runs as the daemon's user, because the log is that user's alone and history and verifier read it; the log is mounted read-only,
and the key that signs it is out of reach. What the network may reach is loopback, until the owner names more.
"""

from collections.abc import Sequence

NAME = "adaptd-gateway.service"
ENVIRONMENT_FILE = "/etc/adaptd/gateway.env"

_UNIT = """\
[Unit]
Description=adaptd gateway: live page, Prometheus and MQTT beside the daemon
After=network.target adaptd.service
StartLimitIntervalSec=300
StartLimitBurst=20

[Service]
Type=exec
EnvironmentFile=-{environment}
ExecStart={command} gateway --socket /run/adaptd/adaptd.sock --state /var/lib/adaptd-gateway $ADAPTD_GATEWAY_ARGS
Restart=always
RestartSec=2
TimeoutStopSec=10
User={user}
Group=adaptd
StateDirectory=adaptd-gateway
StateDirectoryMode=0700
UMask=0077
Environment=PYTHONUNBUFFERED=1

# It gives way to the daemon, and has little.
Nice=10
CPUSchedulingPolicy=batch
IOSchedulingClass=idle
CPUWeight=20
MemoryMax=512M
TasksMax=64
LimitNOFILE=1024
OOMScoreAdjust=500

# What it may touch: the daemon's socket, its own state, and the log to read.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
ReadOnlyPaths=-/var/lib/adaptd -/run/adaptd
ReadWritePaths=-/var/lib/adaptd/packs
InaccessiblePaths=-/var/lib/adaptd/audit_logs/private
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
PrivateIPC=yes
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


def unit_text(command: str, addresses: Sequence[str] = (), user: str = "adaptd") -> str:
    """The unit that starts ``command gateway``; ``addresses`` (hosts or networks in CIDR form) may be reached besides loopback.

    Another ``user`` than the daemon's own reaches the socket by its group, and does not read the log.

    Raises:
        ValueError: an address is none; the text is one line with the remedy.
    """
    lines = ["IPAddressAllow=localhost", *(f"IPAddressAllow={_network(address)}" for address in addresses)]
    return _UNIT.format(command=command, environment=ENVIRONMENT_FILE, allowed="\n".join(lines) + "\n", user=user)


def _network(address: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_network(address, strict=False))
    except ValueError:
        raise ValueError(f"{address}: is no address or network, write for example 192.168.1.20 or 192.168.1.0/24") from None
