"""`adaptd camera calibrate`: a few lights of known lux make the camera a light sensor; `roi`: a page to draw a region on."""

import argparse
import base64
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from adaptd.cli.errors import CommandError, fresh, refusing, writing
from adaptd.cli.options import Sub, Words, verb, verbs
from adaptd.cli.profile import find_profile

FRAMES, SKIPPED, TRIES = 20, 10, 200
GUIDE = (
    "Hold a lux meter (or a telephone with one) beside the camera, type its lux and press Enter; change the light and repeat.\n"
    "From dark to bright, at least two lights, better four: a lamp at night, a curtain, a lit room, a window. An empty line ends."
)
QUALITY, MOST_PIXELS = 85, 1280  # of the picture in the page: sharp enough to see a bowl, small enough to send


def register(sub: Sub) -> None:
    group = verbs(sub, "camera", "calibrate a camera as a light sensor, draw the region that counts")
    roi = verb(group, "roi", "a page on which you draw the region that counts, and read the option for it", _roi, _source)
    roi.path("-o --output", "the page (default: roi.html)", default=Path("roi.html"))
    words = "guided: from a few lights of known lux to a profile with a calibrated camera"
    calibrate = verb(group, "calibrate", words, _calibrate, _source)
    calibrate.option("--profile", "profile to copy (default: the board's own)")
    calibrate.path("-o --output", "write a copy of the profile with the calibration to this file")


def _source(words: Words) -> None:
    words.option("--source", "the camera, as for `adaptd run`", required=True)


def _calibrate(arguments: argparse.Namespace) -> int:
    fresh(arguments.output)
    source = opened(arguments.source, "camera calibrate")
    print(GUIDE, file=sys.stderr)
    points: list[tuple[int, float]] = []
    try:
        for line in sys.stdin:
            if not line.strip():
                break
            lux = _lux(line)
            if lux is None:
                print(f"{line.strip()!r} is no lux value, write for example 120", file=sys.stderr)
                continue
            mean = _mean_ppm(source)
            points.append((mean, lux))
            print(f"  {lux:g} lux is a mean brightness of {mean / 10_000:.1f} %", file=sys.stderr)
    finally:
        source.close()
    return _finish(points, arguments)


def _finish(points: list[tuple[int, float]], arguments: argparse.Namespace) -> int:
    from adaptd.sense.camera_light import parse_calibration

    points.sort()
    name = "camera:" + ",".join(f"{mean / 10_000:.1f}%={lux:g}" for mean, lux in points)
    try:
        parse_calibration(name.partition(":")[2])
    except ValueError as error:
        raise CommandError(
            f"camera calibrate: {len(points)} points make no calibration ({error}); automatic exposure may hide the light: "
            "switch it off, or take lights that differ more"
        ) from None
    print(name)
    if arguments.output is None:
        print("write this under sensors.light of a copy of the profile, or give -o FILE", file=sys.stderr)
        return 0
    _write(name, arguments)
    print(f"wrote {arguments.output}; use it with: adaptd run --profile {arguments.output}", file=sys.stderr)
    return 0


def _write(name: str, arguments: argparse.Namespace) -> None:
    from adaptd.config.profile import load_profile
    from adaptd.doctor.skeleton import with_light
    from adaptd.sense.board import identify
    from adaptd.sense.sysfs import Sysfs

    base = find_profile(arguments.profile or identify(Sysfs(Path("/"))).profile)
    with writing(arguments.output, "name another place"):
        arguments.output.write_text(with_light(base, name))
    load_profile(arguments.output)


def opened(text: str, command: str) -> Any:
    """The open source; CommandError in ``command``'s name where it cannot be had."""
    from adaptd.base.clock import SystemClock
    from adaptd.protocol.source_spec import SourceError, written_elsewhere
    from adaptd.worker.sources.choose import source_of

    with refusing(SourceError, where=f"{command}: "):
        source = source_of(written_elsewhere(text), SystemClock())
        source.open()
    return source


def _lux(line: str) -> float | None:
    try:
        lux = float(line.strip().removesuffix("lux").strip())
    except ValueError:
        return None
    return lux if 0 < lux <= 150_000 else None


def _pictures(source: Any, command: str) -> Iterator[Any]:
    """The usable pictures, of ``TRIES`` at most; CommandError in ``command``'s name where the camera fails."""
    from adaptd.protocol.source_spec import BadFrameError, SourceError

    for _ in range(TRIES):
        try:
            if not source.advance():
                return
            picture = source.picture()
        except BadFrameError:
            continue
        except SourceError as error:
            raise CommandError(f"{command}: {error}") from None
        yield picture


def _mean_ppm(source: Any) -> int:
    """The mean brightness of some frames, after those in which exposure still settles."""
    from adaptd.worker.latest_frame import Frame
    from adaptd.worker.picture import look

    pictures = islice(_pictures(source, "camera calibrate"), SKIPPED + FRAMES)
    found = [look(Frame(picture, at, 0, None, None)).mean_ppm for at, picture in enumerate(pictures)]
    if len(found) == SKIPPED + FRAMES:
        return sum(found[SKIPPED:]) // FRAMES
    raise CommandError(f"camera calibrate: the camera gave {len(found)} usable frames, {SKIPPED + FRAMES} are needed; check it")


def _roi(arguments: argparse.Namespace) -> int:
    from adaptd.base.redact import redact
    from adaptd.drawing.pages import render

    target: Path = arguments.output
    fresh(target)
    jpeg = base64.b64encode(_jpeg(_newest(arguments.source))).decode("ascii")
    text = render("cli/region.html.j2", name=redact(arguments.source), jpeg=jpeg)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with writing(target, "name another place"), os.fdopen(os.open(target, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    print(f"wrote {target}: open it in a browser, draw the region and copy the option; it holds a picture, delete it afterwards")
    return 0


def _newest(text: str) -> Any:
    """A picture after those in which exposure still settles, or the last one that came."""
    with closing(opened(text, "camera roi")) as source:
        last = deque(islice(_pictures(source, "camera roi"), SKIPPED + 1), maxlen=1)
    if not last:
        raise CommandError("camera roi: the camera gave no usable frame; check it")
    return last[0]


def _jpeg(picture: Any) -> bytes:
    import cv2

    height, width = picture.shape[:2]
    scale = min(1.0, MOST_PIXELS / max(height, width))
    if scale < 1.0:
        picture = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise CommandError("camera roi: the picture cannot be written as JPEG; is OpenCV whole?")
    return bytes(data)
