"""What a ``--source`` means. No heavy library: the daemon checks a source with this before it starts a worker."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adaptd.base.folder import read_plain
from adaptd.base.redact import redact
from adaptd.protocol.source_options import SourceOptions, split_options

LONGEST_SOURCE = 4096
NO_OPTIONS = SourceOptions()
IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff")
_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,31})=")
MOST_CAMERAS = 16
_PATTERN = re.compile(r"(\d{1,5})x(\d{1,5})(?:@(\d{1,4}))?")


class SourceError(Exception):
    """A source that cannot be used. ``str(error)`` is one line without secrets: what, where, remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(redact(" ".join(message.split())))


class UnusableSourceError(SourceError):
    """No waiting helps: a library is missing, or the camera gives pixels that cannot be served."""


class BadFrameError(SourceError):
    """One frame that cannot be used; the next may be good."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """``kind`` is video, folder, camera, push or pattern; ``target`` path, device, pipeline or size.

    ``options`` are a camera's; of a video and a folder the rate at which they play.
    """

    kind: str
    target: str
    options: SourceOptions = NO_OPTIONS


def parse_source(text: str) -> SourceSpec:
    """Tell the kinds apart.

    A folder of images; ``push:SOCKET``; ``pattern:320x240@30``; a camera as index, ``/dev/videoN``, ``camera:ANYTHING``, an
    address with ``://`` or a pipeline with `` ! ``; everything else is a video file. Options of a camera stand behind a ``#``,
    and the rate of a video or folder (``#fps=25``).

    Raises:
        SourceError: nothing there, in one line with the remedy.
    """
    try:
        target, options = split_options(text)
    except ValueError as error:
        raise SourceError(f"--source {text}: {error}") from None
    spec = _kind_of(target)
    played = spec.kind in ("video", "folder")
    if spec.kind != "camera" and options != (SourceOptions(mfps=options.mfps) if played else NO_OPTIONS):
        known = "of a file or folder fps alone can be said" if played else f"this is a {spec.kind}"
        raise SourceError(f"--source {text}: options are for cameras, {known}; leave out what follows #")
    return replace(spec, options=options)


def _kind_of(text: str) -> SourceSpec:
    kind, colon, rest = text.partition(":")
    if colon and kind in ("push", "camera", "pattern"):
        if not rest or (kind == "pattern" and not _PATTERN.fullmatch(rest)):
            raise SourceError(f"--source {text}: {_EXAMPLES[kind]}")
        return SourceSpec(kind, rest)
    if text.isdigit() or text.startswith(("/dev/", "libcamera")) or "://" in text or " ! " in text:
        return SourceSpec("camera", text)
    path = Path(text)
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise SourceError(
            f"{text}: no such video, folder or camera; name a file, a folder of images, a camera index or push:SOCKET"
        )
    if not path.is_file():
        raise SourceError(f"{text}: is neither a file nor a folder; name a video, a folder of images, or camera:{text}")
    return SourceSpec("video", text)


def written_elsewhere(text: str) -> str:
    """The source itself: ``@FILE`` names a file that holds it, so that a password stands in no command line and no unit.

    Raises:
        SourceError: the file cannot be read or holds no single line.
    """
    if not text.startswith("@"):
        return text
    path = Path(text[1:])
    try:
        data = read_plain(path, LONGEST_SOURCE)
    except OSError as error:
        raise SourceError(
            f"--source {text}: cannot be read ({error.strerror}); write the source into that file, in one line"
        ) from None
    lines = data.decode("utf-8", "replace").strip().splitlines()
    if len(lines) != 1 or lines[0].startswith("@"):
        raise SourceError(f"--source {text}: holds {len(lines)} lines; write the source alone into that file, in one line")
    return lines[0].strip()


def on_the_network(text: str) -> bool:
    """Whether the source needs a network: an address, or a pipeline with one."""
    return "://" in text.replace("file://", "")


def named(text: str) -> tuple[str, str]:
    """The name of a camera and its source: ``front=/dev/video0``; no name where none is given."""
    match = _NAMED.match(text)
    return (match[1], text[match.end() :]) if match else ("", text)


def cameras_of(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Names and sources of several cameras, in the order in which they were given.

    Raises:
        SourceError: more than ``MOST_CAMERAS``, one without a name, a name or a source that comes twice, or no such source.
    """
    found = [named(text) for text in texts]
    if len(found) > MOST_CAMERAS:
        raise SourceError(f"--source: {len(found)} cameras are given, {MOST_CAMERAS} at most are served by one daemon")
    for at, (name, source) in enumerate(found):
        if not name and len(found) > 1:
            raise SourceError(f"--source {source}: has no name, with several cameras each has one: --source NAME={source}")
        if name and name in [other for other, _ in found[:at]]:
            raise SourceError(f"--source {name}={source}: the name {name!r} is given twice, name each camera once")
        if source in [other for _, other in found[:at]]:
            raise SourceError(f"--source {name}={source}: is the source of another camera already, give each its own")
        parse_source(source)
    return tuple(found)


_EXAMPLES = {
    "push": "names no socket, write for example push:/run/adaptd/frames.sock",
    "camera": "names no camera, write for example camera:0 or camera:/dev/video2",
    "pattern": "is no size, write for example pattern:320x240@30",
}


def parse_pattern(target: str) -> tuple[int, int, int]:
    """Width, height and rate in mfps of a test pattern."""
    match = _PATTERN.fullmatch(target)
    assert match is not None
    return int(match[1]), int(match[2]), int(match[3] or 30) * 1000


def images_in(folder: Path) -> Iterator[Path]:
    """The images of a folder and of the folders in it, in no order.

    Hidden folders are left out, and links to folders are not followed: they may lead in a circle.

    Raises:
        SourceError: one of the folders cannot be listed.
    """
    for name, folders, files in os.walk(folder, onerror=_unlisted):
        folders[:] = [each for each in folders if not each.startswith(".")]
        paths = (Path(name) / file for file in files if file.lower().endswith(IMAGES))
        yield from (path for path in paths if path.is_file())


def _unlisted(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be listed ({error.strerror}); make the folder readable") from None


def _folder(path: Path) -> SourceSpec:
    if next(images_in(path), None) is None:
        raise SourceError(f"{path}: holds no images ({', '.join(IMAGES)}); put some there or name another folder")
    return SourceSpec("folder", str(path))
