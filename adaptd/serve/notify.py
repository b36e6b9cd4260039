"""Tell the service manager how things are: one datagram to ``$NOTIFY_SOCKET`` (see sd_notify(3))."""

import os
import socket
from collections.abc import Mapping


def under_service_manager(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a service manager started this process and waits to be told."""
    return bool(environ.get("NOTIFY_SOCKET", ""))


class Notifier:
    """Sends state lines to the service manager, or nothing where there is none."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        usec = environ.get("WATCHDOG_USEC", "0")
        self.watchdog_us = int(usec) if usec.isdigit() else 0
        self._last_ping_us = 0

    def send(self, *lines: str) -> bool:
        """Send ``lines``; False where no service manager listens."""
        if not self._address.startswith(("/", "@")):
            return False
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)  # a service manager that does not read must not hold up the control loop
                sender.sendto("\n".join(lines).encode(), address)
        except OSError:
            return False
        return True

    def good_tick(self, now_us: int) -> None:
        """Ping the watchdog, at most twice in its period. Call this only after a tick in which everything worked."""
        if self.watchdog_us and now_us - self._last_ping_us >= self.watchdog_us // 2 - self.watchdog_us // 10:
            self._last_ping_us = now_us
            self.send("WATCHDOG=1")
