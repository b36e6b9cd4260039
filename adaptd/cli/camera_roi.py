"""`adaptd camera roi`: one picture of the camera as a page on which a person draws a region, and reads the option for it."""

import argparse
import base64
import os
from pathlib import Path
from typing import Any

from adaptd.cli.errors import CommandError

QUALITY, MOST_PIXELS = 85, 1280  # of the picture in the page: sharp enough to see a bowl, small enough to send


def register(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb."""
    parser = verbs.add_parser("roi", help="a page on which you draw the region that counts, and read the option for it")
    parser.add_argument("--source", required=True, help="the camera, as for `adaptd run`")
    parser.add_argument("-o", "--output", type=Path, default=Path("roi.html"), help="the page (default: roi.html)")
    parser.set_defaults(handler=_roi)


def _roi(arguments: argparse.Namespace) -> int:
    from adaptd.base.redact import redact
    from adaptd.drawing.pages import render

    target: Path = arguments.output
    if target.exists():
        raise CommandError(f"{target}: exists already, name another file or remove it")
    jpeg = base64.b64encode(_jpeg(_newest(arguments.source))).decode("ascii")
    text = render("cli/region.html.j2", name=redact(arguments.source), jpeg=jpeg)
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandError(f"{target}: cannot be written ({error.strerror}), name another place") from None
    print(f"wrote {target}: open it in a browser, draw the region and copy the option; it holds a picture, delete it afterwards")
    return 0


def _newest(text: str) -> Any:
    """A picture after those in which exposure still settles, or the last one that came."""
    from adaptd.cli.camera import SKIPPED, TRIES, opened
    from adaptd.protocol.source_spec import BadFrameError, SourceError

    source, picture, good = opened(text, "camera roi"), None, 0
    try:
        for _ in range(TRIES):
            try:
                if not source.advance():
                    break
                picture, good = source.picture(), good + 1
            except BadFrameError:
                continue
            if good > SKIPPED:
                break
    except SourceError as error:
        raise CommandError(f"camera roi: {error}") from None
    finally:
        source.close()
    if picture is None:
        raise CommandError("camera roi: the camera gave no usable frame; check it")
    return picture


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
