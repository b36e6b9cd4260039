"""What can be asked of a camera, behind a ``#`` in the source's text: ``/dev/video0#size=1280x720,fps=30,fourcc=MJPG``."""

import re
from collections.abc import Callable
from dataclasses import dataclass

KEYS = "size=1280x720, fps=30, fourcc=MJPG, rotate=90|180|270, white=4095 (16-bit pixels), transport=tcp|udp"
_LOOKS_LIKE = re.compile(r"[a-z][a-z0-9_-]*=[^=]*")
_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")
_FPS = re.compile(r"\d{1,4}(?:\.\d{1,3})?")
MAX_SIDE, MAX_FPS, MAX_WHITE = 16_384, 1000.0, 65_535


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """``size`` in pixels, ``mfps`` in frames per 1000 s, ``rotate`` in degrees clockwise; None and empty where nothing is asked.

    ``white`` is the 16-bit value that counts as white: a camera with 12 bits says 4095 in 16-bit pixels.
    """

    size: tuple[int, int] | None = None
    mfps: int | None = None
    fourcc: str = ""
    rotate: int = 0
    white: int | None = None
    transport: str = ""


def split_options(text: str) -> tuple[str, SourceOptions]:
    """The source without its options, and these. A ``#`` that is followed by no ``key=`` belongs to the name.

    Raises:
        ValueError: an unknown key or a value that cannot be; one line.
    """
    target, mark, tail = text.rpartition("#")
    parts = tail.split(",")
    if not mark or not target or not all(_LOOKS_LIKE.fullmatch(part) for part in parts):
        return text, SourceOptions()
    found: dict[str, object] = {}
    for part in parts:
        key, _, value = part.partition("=")
        if key not in _PARSERS:
            raise ValueError(f"{key!r} is no option of a camera, there are {KEYS}")
        name, parser, wrong = _PARSERS[key]
        if name in found:
            raise ValueError(f"{key} is given twice, keep one")
        found[name] = parser(value)
        if found[name] is None:
            raise ValueError(f"{part} {wrong}")
    return target, SourceOptions(**found)  # type: ignore[arg-type]


def _size(value: str) -> tuple[int, int] | None:
    match = _SIZE.fullmatch(value)
    sides = None if match is None else (int(match[1]), int(match[2]))
    return sides if sides and max(sides) <= MAX_SIDE else None


def _fps(value: str) -> int | None:
    return round(float(value) * 1000) if _FPS.fullmatch(value) and 0 < float(value) <= MAX_FPS else None


def _fourcc(value: str) -> str | None:
    return value if len(value) == 4 and value.isascii() and value.isprintable() else None


def _white(value: str) -> int | None:
    return int(value) if value.isdigit() and 255 <= int(value) <= MAX_WHITE else None


_LARGEST = "cannot be, write the largest pixel value, 255 to 65535, for example white=4095"
# By key: the field, what makes it of the text (None: it cannot be), and what is said then.
_PARSERS: dict[str, tuple[str, Callable[[str], object], str]] = {
    "size": ("size", _size, "is no size, write for example size=1280x720"),
    "fps": ("mfps", _fps, "is no frame rate, write for example fps=30"),
    "fourcc": ("fourcc", _fourcc, "is no pixel format, write four letters such as fourcc=MJPG"),
    "rotate": ("rotate", {"0": 0, "90": 90, "180": 180, "270": 270}.get, "cannot be, one of 0, 90, 180, 270 can"),
    "white": ("white", _white, _LARGEST),
    "transport": ("transport", {"tcp": "tcp", "udp": "udp"}.get, "cannot be, one of tcp, udp can"),
}
