"""From the text of ``--source`` to the source that serves it."""

from pathlib import Path

from adaptd.base.clock import WaitingClock
from adaptd.protocol.source_spec import parse_pattern, parse_source
from adaptd.worker.sources.base import FrameSource
from adaptd.worker.sources.camera import CameraSource
from adaptd.worker.sources.folder import FolderSource
from adaptd.worker.sources.pattern import PatternSource
from adaptd.worker.sources.push import PushSource
from adaptd.worker.sources.video import VideoSource


def source_of(text: str, clock: WaitingClock, mfps: int | None = None) -> FrameSource:
    """The source that ``text`` names, not opened yet; ``mfps`` overrides the rate of a file or folder.

    Raises:
        SourceError: there is no such thing.
    """
    spec = parse_source(text)
    if spec.kind == "video":
        return VideoSource(Path(spec.target), clock, spec.options.mfps or mfps)
    if spec.kind == "folder":
        return FolderSource(Path(spec.target), clock, spec.options.mfps or mfps)
    if spec.kind == "push":
        return PushSource(spec.target, clock)
    if spec.kind == "pattern":
        width, height, own_mfps = parse_pattern(spec.target)
        return PatternSource(width, height, mfps or own_mfps, clock)
    return CameraSource(spec.target, clock, spec.options)
