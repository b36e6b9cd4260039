"""Who is at the other end of the socket, and what they may do, and how often. The kernel says who, never a process id."""

import grp
import os
import pwd
import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path

MAX_UNIT = 80
ADMIN_GROUP, PUSH_GROUP = "adaptd-admin", "adaptd-push"
MAX_REQUEST_BYTES = 64 * 1024
REQUEST_DEADLINE_S = 1.0
MAX_CONNECTIONS = 16
MAX_FOR_OTHERS = 12  # the rest is for root and the daemon's own user, whoever else is there
MAX_FOR_ONE = 8
RATE_PER_S = 50
BURST = 100
MAX_TRACKED_UIDS = 64


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


@dataclass
class TokenBucket:
    """``RATE_PER_S`` requests a second on average, ``BURST`` at once."""

    tokens_us: int = BURST * 1_000_000
    at_us: int = 0

    def take(self, now_us: int) -> bool:
        """True when one more request is within the rate."""
        elapsed_us = max(0, now_us - self.at_us)
        self.at_us = max(now_us, self.at_us)
        self.tokens_us = min(BURST * 1_000_000, self.tokens_us + elapsed_us * RATE_PER_S)
        if self.tokens_us < 1_000_000:
            return False
        self.tokens_us -= 1_000_000
        return True


@dataclass
class Limiter:
    """One bucket for each user id that ever connected; the number of buckets is bounded."""

    buckets: dict[int, TokenBucket] = field(default_factory=dict)

    def allow(self, uid: int, now_us: int) -> bool:
        """True when this user may make one more request now."""
        if uid not in self.buckets:
            if len(self.buckets) >= MAX_TRACKED_UIDS:
                self.buckets.pop(next(iter(self.buckets)))
            self.buckets[uid] = TokenBucket(at_us=now_us)
        return self.buckets[uid].take(now_us)


class Seats:
    """Who holds how many connections: one user cannot take them all, and all of them together cannot lock root out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[int, int] = {}
        self._others = 0

    def take(self, uid: int, *, owner: bool) -> bool:
        """True where one more connection of ``uid`` is accepted; ``owner`` is root or the daemon's own user."""
        with self._lock:
            if sum(self._held.values()) >= MAX_CONNECTIONS:
                return False
            if not owner and (self._others >= MAX_FOR_OTHERS or self._held.get(uid, 0) >= MAX_FOR_ONE):
                return False
            self._held[uid] = self._held.get(uid, 0) + 1
            self._others += not owner
            return True

    def leave(self, uid: int, *, owner: bool) -> None:
        """One connection of ``uid`` has ended."""
        with self._lock:
            self._held[uid] -= 1
            self._others -= not owner
            if not self._held[uid]:
                del self._held[uid]
