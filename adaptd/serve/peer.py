"""Who is at the other end of the socket, and what they may do. The kernel says who; a process id is never trusted."""

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass

ADMIN_GROUP, PUSH_GROUP = "adaptd-admin", "adaptd-push"


@dataclass(frozen=True, slots=True)
class Peer:
    """The user at the other end."""

    uid: int
    gid: int


def peer_of(connection: socket.socket) -> Peer:
    """The credentials the kernel recorded at connect.

    Raises:
        OSError: the socket is not a connected Unix socket.
    """
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, gid = struct.unpack("3i", raw)
    return Peer(uid, gid)


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
