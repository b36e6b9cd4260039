"""Follow a running daemon: its results become spans, its status says in what light and with what proof they were made.

A result stands for the time until the next one, up to five seconds; after that nothing was seen. The status is asked every
ten seconds between two results, so what it says of light and account is at most that old.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adaptd import client
from adaptd.apps.feeder.activity import Activity, Box, Corners, Seen, boxes_of, meaning_of, seen_in
from adaptd.apps.feeder.camera_watch import grid_of
from adaptd.apps.feeder.recorder import Recorder, Standing, Tracked
from adaptd.apps.feeder.settings import SECOND_US, Settings
from adaptd.apps.feeder.tracker import Tracker

STATUS_EVERY_US = 10 * SECOND_US
UNSEEN = Standing()


@dataclass(frozen=True, slots=True)
class Source:
    """How this camera's results are read."""

    reference: str = "fp16"
    roi: Corners | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    camera: str = ""


def standing_of(status: Mapping[str, Any], variant: str, source: Source, settings: Settings) -> Standing:
    """What the status document says of results of ``variant``. A thing it does not say is not taken for good."""
    band = str(status.get("band", "unknown"))
    light = status.get("sensors", {}).get("light_mlx", {}).get("value")
    bright_enough = light is not None and int(light) >= settings.dark_below_mlx
    efficient = variant != source.reference
    account = status.get("account", {})
    row = account.get(f"{band}/{source.camera}") or account.get(band) or status.get("evidence", {}).get(band) or {}
    proven = bool(row.get("open", row.get("admitted", False)))
    bound = row.get("bound_ppm")
    return Standing(
        variant=variant,
        efficient=efficient,
        band=band,
        sure=settings.always_lit or bright_enough,
        unproven=efficient and not proven,
        bound_ppm=int(bound) if efficient and bound is not None else None if efficient else 0,
    )


class SeveralCamerasError(ValueError):
    """Results of more than one camera arrive, and nobody said which looks at the bowl. The text is one line with the remedy."""


class Follower:
    """Turns result lines into spans of ``recorder``. ``status`` gives the daemon's document or raises ApiError."""

    def __init__(
        self,
        recorder: Recorder,
        settings: Settings,
        source: Source,
        status: Callable[[], Mapping[str, Any]],
        status_every_us: int = STATUS_EVERY_US,
    ) -> None:
        self._recorder, self._settings, self._source, self._ask = recorder, settings, source, status
        self._status_every_us = status_every_us
        self._tracker = Tracker()
        self._status: Mapping[str, Any] = {}
        self._asked_us: int | None = None
        self._last_us: int | None = None
        self._pets: list[Tracked] = []
        self._standing = UNSEEN
        self.results = 0

    def take(self, result: Mapping[str, Any]) -> None:
        """One result.

        Raises:
            UnknownLabelError: the model's labels were not explained.
            SeveralCamerasError: it must be said which camera looks at the bowl.
        """
        camera = str(result.get("camera", ""))
        if camera and not self._source.camera:
            raise SeveralCamerasError(
                f"results of several cameras arrive, one of them {camera!r}; name the one at the bowl with --camera"
            )
        if camera != self._source.camera:
            return
        at_us = int(result["mono_us"])
        pets = self._who(result)
        if self._last_us is not None:
            self._pass(at_us)
        if self._asked_us is None or not 0 <= at_us - self._asked_us < self._status_every_us:
            self._refresh(at_us)
        self._last_us, self._pets = at_us, pets
        self._standing = standing_of(self._status, str(result["variant"]), self._source, self._settings)
        self._recorder.bowl(at_us, in_sight=all(each.seen.activity is not Activity.BLIND for each in pets))
        if "scene" in result and self._standing.sure and all(each.seen.activity is Activity.EMPTY for each in pets):
            self._recorder.scene(at_us, grid_of(str(result["scene"])))
        self.results += 1

    def lost(self) -> None:
        """The results have stopped: what comes next begins anew."""
        self._recorder.blind()
        self._last_us, self._asked_us = None, None

    def _pass(self, at_us: int) -> None:
        assert self._last_us is not None
        if 0 < at_us - self._last_us <= self._settings.blind_after_us:
            self._recorder.span(self._last_us, at_us, self._pets, self._standing)
        elif at_us != self._last_us:
            self._recorder.blind()

    def _refresh(self, at_us: int) -> None:
        self._asked_us = at_us
        try:
            self._status = self._ask()
        except client.ApiError:
            self._status = {}

    def _who(self, result: Mapping[str, Any]) -> list[Tracked]:
        seen = seen_in(result, self._source.roi, self._source.labels)
        if "boxes" not in result:
            return [Tracked(0, each) for each in seen]
        return self._track(result, seen)

    def _track(self, result: Mapping[str, Any], seen: list[Seen]) -> list[Tracked]:
        """Number the boxes that show a pet; a pet with a name needs no number."""
        named = [(box, meaning_of(box.label, self._source.labels)) for box in boxes_of(result["boxes"])]
        shown = [Box(pet, box.score_ppm, box.corners) for box, (pet, what) in named if what is not Activity.EMPTY]
        numbers = self._tracker.update(shown)
        if not shown:
            return [Tracked(0, each) for each in seen]
        return [Tracked(0 if each.pet else number, each) for each, number in zip(seen, numbers, strict=True)]
