"""Sources on real files and sockets: what they give, and the one line they say when they cannot."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from adaptd.base.clock import SystemClock
from adaptd.protocol.source_spec import SourceError, SourceSpec, cameras_of, named, parse_source
from adaptd.worker.push import FramePusher
from adaptd.worker.sources.camera import CameraSource
from adaptd.worker.sources.choose import source_of
from adaptd.worker.sources.folder import FolderSource
from adaptd.worker.sources.pattern import PatternSource
from adaptd.worker.sources.push import PushSource
from adaptd.worker.sources.video import VideoSource
from tests.worker.fakes import FakeClock

FRAMES = 12


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 12 grey frames at 10 fps, each a step brighter."""
    path = tmp_path_factory.mktemp("clip") / "steps.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for index in range(FRAMES):
        writer.write(np.full((48, 64, 3), 20 * index, np.uint8))
    writer.release()
    return path


def brightness(source: Any, frames: int) -> list[int]:
    """The next frames' mean values, rounded to steps of 20."""
    seen = []
    for _ in range(frames):
        assert source.advance()
        seen.append(round(float(source.picture().mean()) / 20))
    return seen


def test_a_video_plays_at_its_own_rate_and_starts_again(clip: Path) -> None:
    """12 frames at 10 fps take 1.2 s, then the first one follows the last."""
    clock = FakeClock()
    source = VideoSource(clip, clock)
    source.open()
    assert source.mfps == 10_000
    assert brightness(source, FRAMES + 3) == [*range(FRAMES), 0, 1, 2]
    assert clock.us == (FRAMES + 2) * 100_000
    source.close()
    source.close()


def test_a_video_can_be_played_faster(clip: Path) -> None:
    """A given rate overrides the file's."""
    clock = FakeClock()
    source = VideoSource(clip, clock, 50_000)
    source.open()
    assert brightness(source, FRAMES) == list(range(FRAMES))
    assert clock.us == (FRAMES - 1) * 20_000
    source.close()


def test_a_video_is_not_raced_through_after_a_sleep(clip: Path) -> None:
    """When the machine slept for an hour the clip goes on from where it was."""
    clock = FakeClock()
    source = VideoSource(clip, clock)
    source.open()
    assert brightness(source, 2) == [0, 1]
    clock.us += 3_600_000_000
    before_us = clock.us
    assert brightness(source, 3) == [2, 3, 4]
    assert clock.us - before_us == 200_000
    source.close()


def refusal(source: Any, act: Callable[[Any], Any] = lambda source: source.open()) -> str:
    """The one line with which a source refuses."""
    with pytest.raises(SourceError) as caught:
        act(source)
    source.close()
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)
    return str(caught.value)


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    """Path and remedy in one line."""
    assert "no such file" in refusal(VideoSource(tmp_path / "none.mp4", FakeClock()))


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    """What cannot be decoded at all is named with a remedy."""
    path = tmp_path / "text.mp4"
    path.write_text("this is no video")
    assert "no video that OpenCV can read" in refusal(VideoSource(path, FakeClock()))


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_the_shipped_clip_cut_short_is_refused_by_its_length(root: Path, tmp_path: Path, share: float) -> None:
    """However little is missing from an MP4, the file's own boxes tell, before a frame is served."""
    whole = (root / "engines" / "pet-bowl" / "clip" / "day-to-night.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "is cut short" in refusal(VideoSource(path, FakeClock()))


def test_a_clip_of_another_format_cut_short_is_found_at_its_end(clip: Path, tmp_path: Path) -> None:
    """Where the container cannot tell, the first pass does: half of the promised frames is not the file."""
    path = tmp_path / "cut.avi"
    path.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    source = VideoSource(path, FakeClock())

    def play(source: VideoSource) -> None:
        source.open()
        while source.advance():
            pass

    assert "copy" in refusal(source, play)


def test_a_folder_is_served_in_the_order_of_names(tmp_path: Path) -> None:
    """Names decide, other files are left out, and the first image follows the last."""
    for name, value in (("b.png", 40), ("a.png", 20), ("c.jpg", 60)):
        cv2.imwrite(str(tmp_path / name), np.full((10, 10, 3), value, np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    source = FolderSource(tmp_path, FakeClock())
    source.open()
    assert brightness(source, 4) == [1, 2, 3, 1]
    source.close()


def test_a_video_or_a_folder_plays_at_the_rate_that_is_asked(clip: Path, tmp_path: Path) -> None:
    """`#fps=25`, so that two folders can stand for two cameras; a camera's other options mean nothing there."""
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((4, 4, 3), np.uint8))
    for place in (clip, tmp_path):
        clock = FakeClock()
        source = source_of(f"{place}#fps=25", clock)
        source.open()
        assert source.mfps == 25_000
        for _ in range(3):
            assert source.advance()
        assert clock.now_us() == 80_000
        source.close()
        with pytest.raises(SourceError, match="fps alone"):
            parse_source(f"{place}#fps=25,rotate=90")


def test_the_folders_in_a_folder_are_served_too(tmp_path: Path) -> None:
    """Pictures sorted into folders by class or day are found, in the order of their names; hidden folders are left out."""
    for name, value in (("b/2.png", 40), ("b/1.png", 20), ("c/d/e.jpg", 60), (".trash/x.png", 80), ("a/none.txt", 0)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((10, 10, 3), value, np.uint8)) if path.suffix != ".txt" else path.write_text("no image")
    (tmp_path / "circle").symlink_to(tmp_path)
    assert parse_source(str(tmp_path)).kind == "folder"
    source = FolderSource(tmp_path, FakeClock())
    source.open()
    assert brightness(source, 4) == [1, 2, 3, 1]
    source.close()


def test_a_grey_image_becomes_three_channels(tmp_path: Path) -> None:
    """Every picture that leaves a source has the same form."""
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((10, 10), 100, np.uint8))
    source = FolderSource(tmp_path, FakeClock())
    source.open()
    assert source.advance()
    assert source.picture().shape == (10, 10, 3)
    source.close()


def test_an_image_that_is_none_is_named(tmp_path: Path) -> None:
    """The line names the file in the folder, not the folder."""
    (tmp_path / "bad.png").write_text("no image")
    source = FolderSource(tmp_path, FakeClock())

    def look(source: FolderSource) -> None:
        source.open()
        source.advance()
        source.picture()

    assert "bad.png: is no image" in refusal(source, look)


def test_a_camera_that_is_not_there_is_named() -> None:
    """Index, remedy, one line."""
    assert "camera 63" in refusal(CameraSource("63", FakeClock()))


def test_anything_opencv_opens_can_be_a_camera_and_its_end_is_a_stop(clip: Path) -> None:
    """A stream that ends says False, so that the grabber opens it again."""
    source = CameraSource(str(clip), FakeClock())
    source.open()
    assert brightness(source, FRAMES) == list(range(FRAMES))
    assert source.advance() is False
    assert source.settings() == (None, None, False)
    source.open()
    assert brightness(source, 1) == [0]
    source.close()


def test_a_pattern_moves_and_repeats_on_every_machine() -> None:
    """Two sources of one pattern give the same frames, and consecutive frames differ."""
    one, two = (PatternSource(32, 24, 30_000, FakeClock()) for _ in range(2))
    frames = []
    for source in (one, two):
        source.open()
        for _ in range(3):
            assert source.advance()
            frames.append(source.picture().tobytes())
    assert frames[:3] == frames[3:]
    assert len(set(frames)) == 3


@pytest.fixture
def listening(tmp_path: Path) -> Any:
    """A push source that listens, and its path."""
    clock = FakeClock()
    source = PushSource(str(tmp_path / "frames.sock"), clock)
    source.open()
    yield source, str(tmp_path / "frames.sock"), clock
    clock.until_us = 0
    source.close()


@pytest.mark.parametrize("order", ["bgr", "rgb", "gray"])
def test_a_pushed_frame_arrives_pixel_for_pixel(listening: Any, order: str) -> None:
    """Whatever the order of channels pushed, blue-green-red comes out."""
    source, path, _ = listening
    image = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    sent = {"bgr": image, "rgb": np.ascontiguousarray(image[..., ::-1]), "gray": np.ascontiguousarray(image[..., 0])}[order]
    expected = np.repeat(image[..., :1], 3, axis=2) if order == "gray" else image
    with FramePusher(path, 8, 6, order) as pusher:
        assert pusher.push(sent)
        assert source.advance()
        assert np.array_equal(source.picture(), expected)


def test_the_newest_pushed_frame_is_served(listening: Any) -> None:
    """An application that is faster than the worker is not slowed down; old frames give way."""
    source, path, _ = listening
    with FramePusher(path, 4, 4) as pusher:
        for value in range(9):
            assert pusher.push(np.full((4, 4, 3), value, np.uint8))
        assert source.advance()
        assert int(source.picture()[0, 0, 0]) == 8


def test_pushing_never_blocks_and_says_when_nobody_listens(tmp_path: Path) -> None:
    """Without a worker push returns False at once; connected says so."""
    with FramePusher(str(tmp_path / "nobody.sock"), 4, 4) as pusher:
        assert pusher.push(bytes(48)) is False
        assert not pusher.connected


def test_pushing_survives_a_worker_that_reads_nothing(listening: Any) -> None:
    """A worker that hangs costs frames, not the application's time."""
    _, path, _ = listening
    with FramePusher(path, 4, 4) as pusher:
        outcomes = [pusher.push(bytes(48)) for _ in range(5_000)]
    assert outcomes[0] is True
    assert outcomes[-1] is False


def test_an_application_connects_again_after_the_worker_restarts(tmp_path: Path) -> None:
    """The pusher outlives its worker: frames flow again into the next one."""
    path = str(tmp_path / "frames.sock")
    with FramePusher(path, 4, 4) as pusher:
        for _ in range(2):
            source = PushSource(path, FakeClock())
            source.open()
            pusher._retry_at = 0.0
            thread = threading.Thread(target=lambda: [pusher.push(bytes(48)) for _ in range(2)])
            thread.start()
            thread.join()
            assert source.advance()
            source.close()


@pytest.mark.parametrize("frame", [bytes(47), bytes(49), np.zeros((4, 8, 3), np.uint8)[:, ::2]], ids=["short", "long", "strided"])
def test_a_frame_of_another_size_is_refused(listening: Any, frame: Any) -> None:
    """What would be read as garbage is never sent."""
    _, path, _ = listening
    with FramePusher(path, 4, 4) as pusher, pytest.raises(ValueError, match="contiguous ones of 48"):
        pusher.push(frame)


def test_a_stranger_at_the_socket_is_shown_out(listening: Any) -> None:
    """Somebody who does not speak the protocol, or whose memory could be cut, cannot crash or stall the source."""
    import os
    import socket as sockets

    from adaptd.worker.push import HELLO, MAGIC

    source, path, _ = listening
    unsealed = os.memfd_create("unsealed")
    os.ftruncate(unsealed, 10_000)
    greetings: list[tuple[bytes, list[int]]] = [
        (b"hello", []),
        (HELLO.pack(MAGIC, 1, 0, 4, 4, 4), []),
        (HELLO.pack(MAGIC, 1, 0, 4, 4, 4), [unsealed]),
        (HELLO.pack(MAGIC, 9, 0, 4, 4, 4), [unsealed]),
        (HELLO.pack(MAGIC, 1, 0, 60_000, 60_000, 4), [unsealed]),
    ]
    for greeting, handles in greetings:
        with sockets.socket(sockets.AF_UNIX, sockets.SOCK_SEQPACKET) as stranger:
            stranger.connect(path)
            sockets.send_fds(stranger, [greeting], handles)
            source._welcome()
            assert source._feed is None
    os.close(unsealed)
    with FramePusher(path, 4, 4) as pusher:
        assert pusher.push(bytes(48))
        assert source.advance()


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("0", SourceSpec("camera", "0")),
        ("/dev/video2", SourceSpec("camera", "/dev/video2")),
        ("camera:0", SourceSpec("camera", "0")),
        ("rtsp://host/stream", SourceSpec("camera", "rtsp://host/stream")),
        ("videotestsrc ! appsink", SourceSpec("camera", "videotestsrc ! appsink")),
        ("push:/run/s", SourceSpec("push", "/run/s")),
        ("pattern:320x240@30", SourceSpec("pattern", "320x240@30")),
    ],
)
def test_the_text_of_a_source_says_its_kind(text: str, spec: SourceSpec) -> None:
    """What a person types is what they get; nothing is opened to find out."""
    assert parse_source(text) == spec
    assert source_of(text, FakeClock()).live == (spec.kind == "camera")


def test_files_and_folders_are_told_apart(clip: Path, tmp_path: Path) -> None:
    """A file is a video, a folder of images is a folder."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    assert parse_source(str(clip)).kind == "video"
    assert isinstance(source_of(str(clip), FakeClock()), VideoSource)
    assert isinstance(source_of(str(tmp_path), FakeClock(), 5_000), FolderSource)


@pytest.mark.parametrize("text", ["/nowhere/clip.mp4", "push:", "camera:", "pattern:big", "nothing.avi"])
def test_a_source_that_cannot_be_is_refused_before_a_worker_starts(text: str) -> None:
    """One line with the remedy, from the daemon, without a heavy library."""
    with pytest.raises(SourceError, match=r"; |write for example"):
        parse_source(text)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """The line says which images would be read."""
    with pytest.raises(SourceError, match=r"holds no images \(\.png"):
        parse_source(str(tmp_path))


def test_several_cameras_have_names() -> None:
    """A name stands before the source; what looks like one inside an address or a pipeline is none."""
    assert cameras_of(["front=0", "rear=pattern:64x64@5"]) == (("front", "0"), ("rear", "pattern:64x64@5"))
    assert cameras_of(["only=0"]) == (("only", "0"),)
    assert cameras_of(["rtsp://host/x?a=b"]) == (("", "rtsp://host/x?a=b"),)
    assert named("v4l2src device=/dev/video0 ! appsink") == ("", "v4l2src device=/dev/video0 ! appsink")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["front=0", "front=2"], "the name 'front' is given twice"),
        (["front=0", "rear=0"], "is the source of another camera already"),
        (["front=0", "2"], r"has no name, with several cameras each has one: --source NAME=2"),
        (["front=0", "rear=/nowhere.mp4"], "no such video, folder or camera"),
        ([f"c{at}={at}" for at in range(17)], "17 cameras are given, 16 at most"),
    ],
)
def test_cameras_that_cannot_be_told_apart_are_refused_in_one_line(texts: list[str], words: str) -> None:
    """Before a worker starts, with the remedy."""
    with pytest.raises(SourceError, match=words):
        cameras_of(texts)


def test_a_pushed_frame_says_its_senders_number_and_stamp(tmp_path: Path) -> None:
    """Whoever pushes frames finds its own in the results again."""
    path = str(tmp_path / "s")
    source = PushSource(path, SystemClock())
    source.open()
    with FramePusher(path, 4, 4) as pusher:
        assert pusher.push(bytes(48))
        assert source.advance()
        told = json.loads(f"{{{source.tag[1:]}}}")
    source.close()
    assert told["sent_seq"] == 1
    assert 0 < told["sent_us"] <= SystemClock().now_us()
