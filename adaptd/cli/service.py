"""`adaptd service show | install | uninstall`: the systemd unit."""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from adaptd.cli.errors import CommandError

UNIT_NAME = "adaptd.service"

UNIT = """\
[Unit]
Description=adaptd: warm engines, operating point under safety limits, verifiable log
After=local-fs.target nvpmodel.service
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=notify
ExecStart={command} run --policy /etc/adaptd/policy.yaml --audit /var/lib/adaptd/audit_logs --socket /run/adaptd/adaptd.sock
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
WatchdogSec=10
TimeoutStopSec=5
User=adaptd
Group=adaptd
SupplementaryGroups=video render i2c
RuntimeDirectory=adaptd
RuntimeDirectoryMode=0750
StateDirectory=adaptd
StateDirectoryMode=0750
UMask=0077
Environment=ORT_DISABLE_TELEMETRY=1
Environment=PYTHONUNBUFFERED=1

# What it may touch. CUDA maps writable code and needs its device nodes, so MemoryDenyWriteExecute and PrivateDevices stay off.
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
PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX
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
DevicePolicy=closed
DeviceAllow=char-video4linux rw
DeviceAllow=char-nvidia-frontend rw
DeviceAllow=char-nvidia rw
DeviceAllow=char-nvidia-uvm rw
DeviceAllow=char-nvhost rw
DeviceAllow=char-nvmap rw
DeviceAllow=char-drm rw
DeviceAllow=char-i2c r
MemoryMax=2G
TasksMax=128
LimitNOFILE=1024

[Install]
WantedBy=multi-user.target
"""


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the group."""
    group = sub.add_parser("service", help="the systemd unit: show, install, uninstall").add_subparsers(
        dest="verb", required=True
    )
    for verb, handler, words in (
        ("show", _show, "print the unit"),
        ("install", _install, "write the unit, the user and the folders"),
        ("uninstall", _uninstall, "stop the service and remove the unit; the log stays"),
    ):
        parser = group.add_parser(verb, help=words)
        parser.add_argument("--root", type=Path, default=Path("/"), help="install below this folder instead of /")
        parser.set_defaults(handler=handler)


def unit_text() -> str:
    """The unit for this installation of adaptd."""
    beside = Path(sys.executable).parent / "adaptd"
    command = str(beside) if beside.exists() else shutil.which("adaptd") or f"{sys.executable} -m adaptd"
    return UNIT.format(command=command)


def _show(arguments: argparse.Namespace) -> int:
    del arguments
    print(unit_text(), end="")
    return 0


def _install(arguments: argparse.Namespace) -> int:
    from adaptd.config.shipped import policies_dir

    root: Path = arguments.root
    live = root == Path("/")
    if live and os.geteuid() != 0:
        raise CommandError("service install: needs root, run it with sudo")
    unit, policy = root / "etc/systemd/system" / UNIT_NAME, root / "etc/adaptd/policy.yaml"
    unit.parent.mkdir(parents=True, exist_ok=True)
    policy.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(unit_text())
    print(f"wrote {unit}")
    if not policy.exists():
        policy.write_text((policies_dir() / "default.yaml").read_text())
        print(f"wrote {policy} (the feeder policy, tune it)")
    if live:
        _run("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "adaptd", may_fail=True)
        _run("systemctl", "daemon-reload")
        _run("systemctl", "enable", "--now", UNIT_NAME)
        print("started; look with `adaptd status`")
    return 0


def _uninstall(arguments: argparse.Namespace) -> int:
    root: Path = arguments.root
    unit = root / "etc/systemd/system" / UNIT_NAME
    if not unit.exists():
        raise CommandError(f"{unit}: is not installed, nothing to remove")
    if root == Path("/"):
        if os.geteuid() != 0:
            raise CommandError("service uninstall: needs root, run it with sudo")
        _run("systemctl", "disable", "--now", UNIT_NAME, may_fail=True)
    unit.unlink()
    if root == Path("/"):
        _run("systemctl", "daemon-reload")
    print(f"removed {unit}; /etc/adaptd and /var/lib/adaptd stay, remove them by hand if you no longer need the log")
    return 0


def _run(*command: str, may_fail: bool = False) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed words
    except FileNotFoundError:
        raise CommandError(
            f"{command[0]}: not found, this machine is not run by systemd; `adaptd service show` prints the unit"
        ) from None
    if done.returncode and not may_fail:
        raise CommandError(f"{' '.join(command)}: {done.stderr.strip() or 'failed'}, mend that and try again")
