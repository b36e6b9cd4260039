"""The service manager hears what it must, and nothing is sent where there is none."""

import socket
from pathlib import Path

from adaptd.serve.notify import Notifier


def test_ready_and_watchdog_reach_the_service_manager(tmp_path: Path) -> None:
    """READY arrives as one datagram, and the watchdog is pinged at most twice in its period."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(1)
        notifier = Notifier({"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "10000000"})
        assert notifier.send("READY=1", "STATUS=serving")
        assert manager.recv(256) == b"READY=1\nSTATUS=serving"
        pings = 0
        for now_us in range(0, 20_000_000, 100_000):
            notifier.good_tick(now_us + 10_000_000)
        manager.setblocking(False)
        try:
            while True:
                pings += manager.recv(64) == b"WATCHDOG=1"
        except BlockingIOError:
            pass
        assert 4 <= pings <= 5


def test_without_a_service_manager_nothing_is_sent() -> None:
    """A daemon started by hand has nobody to tell, and that is no error."""
    assert not Notifier({}).send("READY=1")
    assert not Notifier({"NOTIFY_SOCKET": "/nowhere/at/all"}).send("READY=1")
    Notifier({"WATCHDOG_USEC": "junk"}).good_tick(1)


def test_a_service_manager_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    """When its queue is full the word is lost, and the control loop goes on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "n"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "n")})
        for _ in range(100_000):
            if not notifier.send("WATCHDOG=1"):
                break
        else:
            raise AssertionError("the queue never filled")
