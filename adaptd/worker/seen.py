"""What each camera has shown last: its picture, how light it was, and its newest result."""

from operator import attrgetter, itemgetter
from typing import Any

from adaptd.config.cells import cell_of
from adaptd.protocol.messages import LastResult, Picture
from adaptd.vision.answers import Answer
from adaptd.worker import picture
from adaptd.worker.latest_frame import Frame

LOOK_US = 500_000
AWAY_US = 5_000_000
Result = tuple[int, Answer, int, str, int]


class Seen:
    """One entry a camera, written by the frame loop and read by the link. ``cells``: what is behind a band of each of them."""

    def __init__(self, names: tuple[str, ...], now_us: int) -> None:
        self.names = names
        self.cells = tuple([cell_of("", name) for name in names])
        self.images: list[Any] = [None] * len(names)
        self.pictures: list[Picture | None] = [None] * len(names)
        self.results: list[Result | None] = [None] * len(names)
        self.scenes = [""] * len(names)
        self._looked_us = [now_us - LOOK_US] * len(names)

    def look(self, frame: Frame) -> None:
        """See how light a picture is. Raises ValueError where it has no three channels."""
        self.pictures[frame.camera] = picture.look(frame)
        self.images[frame.camera] = frame.image

    def look_now_and_then(self, frame: Frame, now_us: int) -> None:
        """The same for a frame that was served, every LOOK_US."""
        if now_us - self._looked_us[frame.camera] >= LOOK_US:
            self._looked_us[frame.camera] = now_us
            self.pictures[frame.camera] = picture.look(frame)
            self.scenes[frame.camera] = picture.scene(frame).hex()

    def take_scene(self, camera: int) -> str:
        """What a result carries of the picture's coarse look, once after each look: JSON fields, each after a comma."""
        scene, self.scenes[camera] = self.scenes[camera], ""
        return f',"scene":"{scene}"' if scene else ""

    @property
    def newest(self) -> LastResult | None:
        """The newest result of any camera."""
        found = [one for one in self.results if one is not None]
        return as_message(max(found, key=itemgetter(0), default=None))

    @property
    def darkest(self) -> Picture | None:
        """The picture that says the least light: all cameras share one engine, so the darkest decides where it may serve.

        A camera that has been away for AWAY_US is left out: nothing of it is served.
        """
        known = [one for one in self.pictures if one is not None]
        newest_us = max([one.at_us for one in known], default=0)
        return darkest([one for one in known if newest_us - one.at_us <= AWAY_US])


def darkest(pictures: list[Picture]) -> Picture | None:
    """By mean over exposure and gain where every camera tells both, else by mean alone."""
    told = all(one.exposure_us and one.gain_raw and not one.exposure_still for one in pictures)
    return min(pictures, key=_per_exposure if told else attrgetter("mean_ppm"), default=None)


def as_message(last: Result | None) -> LastResult | None:
    """A result as it is told."""
    if last is None:
        return None
    frame, answer, latency_us, variant, at_us = last
    return LastResult(frame, answer.label, answer.score_ppm, latency_us, variant, at_us)


def _per_exposure(one: Picture) -> float:
    return one.mean_ppm / ((one.exposure_us or 1) * (one.gain_raw or 1))
