"""Labelled feedback: what the user's application knows to be right or wrong counts as evidence too.

On a frame that only the efficient engine served, "wrong" is an upper bound of the harm (the reference may have been wrong as
well), so its loss is 1, and "right" is loss 0. Frames that were also run on the reference have been counted already and are
not taken again. Assumed, and for the user to keep: the labelled frames are not chosen by what the engines answered.
"""

from typing import Any

from adaptd.config.cells import cell_of
from adaptd.vocabulary import Shadow

MAX_WAITING = 256
MAX_REMEMBERED = 65_536
WRONG_PPM = 1_000_000


class Feedback:
    """Collects losses between two ticks; the clock is handed in."""

    def __init__(self, efficient: tuple[str, ...], cameras: tuple[str, ...] = ()) -> None:
        self._efficient = efficient
        self._cameras = cameras
        self._waiting: list[Shadow] = []
        self._seen: set[int] = set()
        self._band = ""
        self._since_us = 0

    def now_in(self, band: str, now_us: int) -> None:
        """The light band of this tick; only frames served since it was entered can count for it."""
        if band != self._band:
            self._band, self._since_us = band, now_us
            self._seen.clear()

    def take(self, body: dict[str, Any]) -> str:
        """One message ``{frame, variant, mono_us, correct}`` made from a result; why it was refused, empty if taken.

        With several cameras ``camera`` stands in it too, as in the result.
        """
        camera = body.get("camera", "")
        frame, variant, at_us, correct = (body.get(name) for name in ("frame", "variant", "mono_us", "correct"))
        if type(frame) is not int or type(at_us) is not int or type(correct) is not bool or not isinstance(variant, str):
            return "feedback needs frame, variant and mono_us as in the result, and correct: true or false"
        if body.get("shadowed") is True:
            return "the frame was run on both engines and has been counted"
        if variant not in self._efficient:
            return f"{variant!r} is no efficient variant of the policy, only those need evidence"
        if camera not in (self._cameras or ("",)):
            named = ", ".join(self._cameras)
            return f"camera {camera!r} is not served, one of {named} is" if named else "one camera without a name is served"
        if at_us <= self._since_us:
            return "the frame was served in another light band"
        if frame in self._seen:
            return "the frame has been labelled before"
        if len(self._waiting) >= MAX_WAITING:
            return "too much feedback since the last tick"
        if len(self._seen) >= MAX_REMEMBERED:
            self._seen.clear()
        self._seen.add(frame)
        self._waiting.append(Shadow(cell_of(self._band, camera), variant, 0 if correct else WRONG_PPM))
        return ""

    def losses(self) -> tuple[Shadow, ...]:
        """What came since the last tick."""
        taken, self._waiting = tuple(self._waiting), []
        return taken
