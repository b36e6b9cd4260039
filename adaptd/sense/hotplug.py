"""Which sensors are there: the first look at each, and those that a profile names and that were not there, looked for again.

A driver may be loaded after the daemon, and a USB sensor plugged in later. The looking happens in a thread of its own, since the
files of a bus that comes up can hang; the station takes what was found at its next tick. A sensor that was there and went away
is its own source's affair: it finds itself again by name.
"""

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from adaptd.base.clock import monotonic_us
from adaptd.sense.catalog import JTOP_SOCKET, Catalog, Named
from adaptd.sense.source import Source
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import MissingReason

EVERY_S = 10.0
# ``push`` and ``camera`` wait by themselves, whether somebody sends or not.
LOOKED_FOR = ("", "thermal", "hwmon", "nvml", "rapl", "battery", "iio", "jtop")

Wanted = tuple[str, Named]
PATIENCE_S = 0.5


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
            jtop: list[Source] | str = [] if self._sysfs.exists(JTOP_SOCKET) else "not running"
            found = jtop if name.kind == "jtop" else here.resolve(quantity, name)
            if not isinstance(found, str):
                self.wanted.remove(wanted)
                self._come.put((wanted, found))

    def take(self) -> list[tuple[Wanted, list[Source]]]:
        """What has come since the last call; never waits. The sources of ``jtop`` are the station's own."""
        return [self._come.get() for _ in range(self._come.qsize())]

    def close(self) -> None:
        """Look no more."""
        self._ending.set()

    def _run(self) -> None:
        while self.wanted and not self._ending.wait(EVERY_S):
            self.look()


def unreadable(sources: Sequence[Source]) -> str:
    """Why none of ``sources`` can be read; empty where one can, or where one may in a moment.

    They are read in a thread that is left behind where it hangs: a bus that does not answer must not hold the start up.
    """
    reasons: list[str] = []
    spoke = threading.Event()

    def look() -> None:
        for source in sources:
            why = source.why_not(monotonic_us())
            if why is None or why.reason is MissingReason.MOMENTARY:
                break
            reasons.append(f"{source.name}: {why.text}")
        spoke.set()

    threading.Thread(target=look, name="adaptd-first-look", daemon=True).start()
    if not spoke.wait(PATIENCE_S):
        return f"{sources[len(reasons)].name}: no answer for {PATIENCE_S:g} s" if len(reasons) < len(sources) else reasons[0]
    return reasons[0] if sources and len(reasons) == len(sources) else ""
