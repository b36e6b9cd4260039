"""Who is at the other end of the socket, and what they may do. The kernel says who; a process id is never trusted."""

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

MAX_UNIT = 80
ADMIN_GROUP, PUSH_GROUP = "adaptd-admin", "adaptd-push"


@dataclass(frozen=True, slots=True)
class Peer:
    """The user at the other end."""

    uid: int
    gid: int
    pid: int = 0  # 0 where the kernel names none; it decides nothing, for it can be another's by now

    @property
    def unit(self) -> str:
        """The systemd unit of the process, as its control group names it; empty where there is none."""
        return unit_of(self.pid) if self.pid else ""


def peer_of(connection: socket.socket) -> Peer:
    """The credentials the kernel recorded at connect.

    Raises:
        OSError: the socket is not a connected Unix socket.
    """
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, gid = struct.unpack("3i", raw)
    return Peer(uid, gid, pid)


def unit_of(pid: int, proc: Path = Path("/proc")) -> str:
    """The last service or scope in the path of the process's control group; empty for any other."""
    try:
        text = (proc / str(pid) / "cgroup").read_text()
    except (OSError, ValueError):
        return ""
    names = [name for name in text.strip().rpartition(":")[2].split("/") if name.endswith((".service", ".scope"))]
    return names[-1][:MAX_UNIT] if names and names[-1].isprintable() else ""


def may_change(peer: Peer, own_uid: int) -> bool:
    """Changes are for root, for the user the daemon runs as, and for members of the admin group."""
    return peer.uid in (0, own_uid) or _in_group(peer, ADMIN_GROUP)


def may_push(peer: Peer) -> bool:
    """Readings may be pushed by members of a group of their own, who may change nothing else."""
    return _in_group(peer, PUSH_GROUP)


def _in_group(peer: Peer, group: str) -> bool:
    try:
        admin = grp.getgrnam(group)
        name = pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        return False
    return peer.gid == admin.gr_gid or name in admin.gr_mem or admin.gr_gid in os.getgrouplist(name, peer.gid)
