"""Sensors that a profile names and that were not there at the start: looked for again, so that a late driver or plug is noticed.

A driver may be loaded after the daemon, and a USB sensor plugged in later. The looking happens in a thread of its own, since the
files of a bus that comes up can hang; the station takes what was found at its next tick. A sensor that was there and went away
is its own source's affair: it finds itself again by name.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from adaptd.sense.catalog import JTOP_SOCKET, Catalog, Named
from adaptd.sense.source import Source
from adaptd.sense.sysfs import Sysfs

EVERY_S = 10.0
# ``push`` and ``camera`` wait by themselves, whether somebody sends or not.
LOOKED_FOR = ("", "thermal", "hwmon", "nvml", "rapl", "battery", "iio", "jtop")

Wanted = tuple[str, Named]


class Hotplug:
    """Looks every ten seconds for what is ``wanted`` (quantity, name); ``take`` gives what has come. Ends when all has."""

    def __init__(self, sysfs: Sysfs, wanted: list[Wanted], catalog: Callable[[Sysfs], Catalog] = Catalog) -> None:
        self._sysfs = sysfs
        self._catalog = catalog
        self._come: SimpleQueue[tuple[Wanted, list[Source]]] = SimpleQueue()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="adaptd-lookout", daemon=True)
        self.wanted = list(wanted)

    def start(self) -> None:
        """Begin to look, where there is anything to look for."""
        if self.wanted:
            self._thread.start()

    def look(self) -> None:
        """One look at the machine."""
        here = self._catalog(self._sysfs)
        for wanted in list(self.wanted):
            quantity, name = wanted
            if name.kind == "jtop":
                found: list[Source] | str = [] if self._sysfs.exists(JTOP_SOCKET) else "not running"
            else:
                found = here.resolve(quantity, name)
            if not isinstance(found, str):
                self.wanted.remove(wanted)
                self._come.put((wanted, found))

    def take(self) -> list[tuple[Wanted, list[Source]]]:
        """What has come since the last call; never waits. The sources of ``jtop`` are the station's own."""
        come = []
        try:
            while True:
                come.append(self._come.get_nowait())
        except Empty:
            return come

    def close(self) -> None:
        """Look no more."""
        self._ending.set()

    def _run(self) -> None:
        while self.wanted and not self._ending.wait(EVERY_S):
            self.look()
