"""Follow a running daemon: results become parts, and the status says in what light and with what proof they were made."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from adaptd import client
from adaptd.apps.agv.basis import Qualified, standing_of
from adaptd.apps.agv.inspection import Inspected, Inspection
from adaptd.apps.agv.settings import SECOND_US, Settings

STATUS_EVERY_US = 2 * SECOND_US


class Parts(Protocol):
    """Says which part is in view; empty where none is."""

    def at(self, now_us: int) -> str: ...


class NoDetectorError(Exception):
    """The daemon serves a model that gives no boxes. One line with the remedy."""


class Follower:
    """Turns result lines into inspected parts. ``status`` gives the daemon's document or raises ApiError.

    ``done`` hears of each part when it has left, ``found`` of the first confirmed defect of a part, while it is in view.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        status: Callable[[], Mapping[str, Any]],
        done: Callable[[Inspected], None],
        *,
        found: Callable[[str], None] = lambda _: None,
        qualified: Qualified | None = None,
        reference: str = "fp16",
    ) -> None:
        self._settings, self._parts, self._ask = settings, parts, status
        self._done, self._found = done, found
        self._qualified, self._reference = qualified or {}, reference
        self._asked_us: int | None = None
        self._inspection: Inspection | None = None
        self._told = ""
        self.status: Mapping[str, Any] = {}
        self.results = 0

    def take(self, result: Mapping[str, Any]) -> None:
        """One result.

        Raises:
            NoDetectorError: it has no boxes.
        """
        if "boxes" not in result:
            raise NoDetectorError("the daemon serves a classifier, parts need a detector: adaptd run --bundle engines/inspection")
        at_us, camera = int(result["mono_us"]), str(result.get("camera", ""))
        self.turn(at_us)
        self.results += 1
        if self._inspection is None:
            return
        standing = standing_of(self.status, str(result["variant"]), camera, self._qualified, self._reference)
        self._inspection.take(result["boxes"], camera, standing, at_us)
        if self._told != self._inspection.part and self._inspection.confirmed():
            self._told = self._inspection.part
            self._found(self._inspection.part)

    def turn(self, at_us: int) -> None:
        """Another part may have come into view, or none be there any more; the status is asked now and then."""
        if self._asked_us is None or not 0 <= at_us - self._asked_us < STATUS_EVERY_US:
            self._asked_us = at_us
            try:
                self.status = self._ask()
            except client.ApiError:
                self.status = {}
        name = self._parts.at(at_us)
        if self._inspection is not None and name != self._inspection.part:
            self.end(at_us)
        if self._inspection is None and name:
            self._inspection = Inspection(name, at_us, self._settings)

    def end(self, at_us: int) -> None:
        """The part in view has left, or nothing is seen any more."""
        if self._inspection is not None:
            one, self._inspection, self._told = self._inspection, None, ""
            self._done(one.end(at_us))
