"""Retention while the log is being written: old segments are read in a thread, and go between two ticks, on record."""

import threading
from collections.abc import Callable

from adaptd.log import KEEP_DAYS
from adaptd.log.format.store import Store
from adaptd.log.write.ledger import Ledger
from adaptd.log.write.prune import Outlived, outlived, remove

MOST = 16  # segments that go at once: their deletion must fit between two ticks


class Retention:
    """Removes what has outlived ``keep_days``. ``seek`` and ``settle`` are the control thread's and never wait."""

    def __init__(
        self, ledger: Ledger, store: Store, utc_ms: Callable[[], int], complain: Callable[[str], None], keep_days: int = KEEP_DAYS
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._utc_ms = utc_ms
        self._complain = complain
        self._keep_days = keep_days
        self._thread: threading.Thread | None = None
        self._found: Outlived | None = None

    def seek(self) -> None:
        """Begin to look for old segments, unless that is going on."""
        if self._thread is None and self._ledger.ok:
            self._thread = threading.Thread(target=self._look, name="retention", daemon=True)
            self._thread.start()

    def settle(self, tell: Callable[[str], None]) -> None:
        """Remove what was found, once it was, and ``tell`` in words; where there may be more, look again."""
        if self._thread is None or self._thread.is_alive():
            return
        self._thread, found, self._found = None, self._found, None
        if found is None or not self._ledger.ok:
            return
        try:
            remove(self._ledger, self._store, found.old, found.rest, self._keep_days)
        except OSError as error:
            self._complain(f"retention: an old segment could not be removed ({error.strerror or error})")
            return
        tell(f"{len(found.old)} segments of the log were older than {self._keep_days} days and are removed, on record")
        if len(found.old) == MOST:
            self.seek()

    def _look(self) -> None:
        try:
            self._found = outlived(self._store, now_ms=self._utc_ms(), keep_days=self._keep_days, most=MOST, unasked=True)
        except OSError as error:
            self._complain(f"retention: {error.strerror or error}")
