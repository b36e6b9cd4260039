"""Cameras as they really behave: OpenCV's odd answers, odd pixels, options, and secrets that are shown nowhere."""

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from adaptd.base.redact import has_secret, redact
from adaptd.protocol.source_options import SourceOptions
from adaptd.protocol.source_spec import BadFrameError, SourceError, UnusableSourceError, parse_source, written_elsewhere
from adaptd.worker.sources.camera import CameraSource, libcamera_pipeline
from adaptd.worker.sources.opencv import bgr
from tests.worker.fakes import FakeClock


class OddCapture:
    """A VideoCapture that answers what it is told; an exception in the place of an answer is raised."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: dict[int, float] = {}
        self.told: dict[int, float] = {}

    def isOpened(self) -> bool:
        return True

    def set(self, key: int, value: float) -> bool:
        self.asked[key] = value
        return True

    def get(self, key: int) -> float:
        return self.told.get(key, 30.0)

    def grab(self) -> bool:
        return True

    def retrieve(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def release(self) -> None:
        """Nothing is held."""


def camera(answer: Any, monkeypatch: pytest.MonkeyPatch, options: SourceOptions | None = None) -> tuple[CameraSource, OddCapture]:
    """An open camera whose capture answers ``answer``."""
    source, capture = CameraSource("0", FakeClock(), options), OddCapture(answer)
    monkeypatch.setattr(cv2, "VideoCapture", lambda *words: capture)
    source.open()
    assert source.advance()
    return source, capture


@pytest.mark.parametrize(
    "answer",
    [
        (True, None),
        (True, np.zeros((0, 0, 3), np.uint8)),
        (True, np.zeros((4, 0, 3), np.uint8)),
        (True, 7),
        (False, None),
        cv2.error("cv::decode: assertion failed"),
        RuntimeError("driver"),
        SystemError("returned NULL without setting an exception"),
    ],
    ids=str,
)
def test_an_odd_answer_of_opencv_is_one_bad_frame_and_never_a_crash(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the library does, the source says in one line that this frame is no good."""
    source, _ = camera(answer, monkeypatch)
    with pytest.raises(BadFrameError) as error:
        source.picture()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("image", "mean"),
    [
        (np.full((4, 4), 100, np.uint8), 100),
        (np.full((4, 4, 1), 100, np.uint8), 100),
        (np.full((4, 4, 4), 100, np.uint8), 100),
        (np.full((4, 4, 2), 128, np.uint8), 130),  # YUYV, luma 128 in studio range
        (np.full((4, 4, 3), 100, np.uint8), 100),
    ],
    ids=lambda value: str(getattr(value, "shape", value)),
)
def test_pictures_of_one_to_four_channels_are_served(image: Any, mean: int) -> None:
    """Grey, YUYV, colour and colour with alpha all become three channels of eight bits."""
    picture = bgr(cv2, image)
    assert (picture.shape, picture.dtype) == ((4, 4, 3), np.uint8)
    assert abs(int(picture.mean()) - mean) <= 2


def test_sixteen_bits_are_scaled_where_white_is_named_and_refused_where_it_is_not() -> None:
    """Twelve bits in sixteen would be a black picture; so the person says what white is, or is told to."""
    image = np.full((4, 4), 2048, np.uint16)
    assert abs(int(bgr(cv2, image, white=4095).mean()) - 127) <= 1
    assert int(bgr(cv2, np.full((4, 4), 60_000, np.uint16), white=4095).mean()) == 255
    with pytest.raises(UnusableSourceError, match="#white=4095"):
        bgr(cv2, image)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.int16), np.zeros((4, 4, 5), np.uint8)], ids=str
)
def test_pixels_that_cannot_be_served_are_refused_in_one_line(image: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never no frames with health 200: the run ends with what is wrong and what to set."""
    source, _ = camera((True, image), monkeypatch)
    with pytest.raises(UnusableSourceError, match=r"camera 0: gives .*fourcc=") as error:
        source.picture()
    assert "\n" not in str(error.value)


def test_options_are_asked_of_the_camera_and_pictures_are_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Format, size and rate are set on the device; rotation is done to each picture."""
    spec = parse_source("0#size=1280x720,fps=29.97,fourcc=MJPG,rotate=90")
    source, capture = camera((True, np.zeros((2, 6, 3), np.uint8)), monkeypatch, spec.options)
    assert capture.asked[cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert capture.asked[cv2.CAP_PROP_FRAME_HEIGHT] == 720
    assert capture.asked[cv2.CAP_PROP_FPS] == 29.97
    assert capture.asked[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter_fourcc(*"MJPG")
    assert source.picture().shape == (6, 2, 3)


@pytest.mark.parametrize(
    "text",
    [
        "0#size=big",
        "0#fps=0",
        "0#fourcc=MJ",
        "0#rotate=45",
        "0#white=12",
        "0#transport=sctp",
        "0#zoom=2",
        "0#fps=5,fps=6",
        "pattern:64x48@15#rotate=90",
    ],
)
def test_an_option_that_cannot_be_is_refused_before_anything_starts(text: str) -> None:
    """One line that names the option."""
    with pytest.raises(SourceError, match="--source"):
        parse_source(text)


def test_a_hash_that_is_no_option_belongs_to_the_name() -> None:
    """Addresses may hold fragments."""
    assert parse_source("rtsp://host/a#b").target == "rtsp://host/a#b"
    assert parse_source("rtsp://host/a#transport=udp").options.transport == "udp"


def test_gstreamer_is_said_to_be_missing_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheels of pip have no GStreamer: a pipeline ends in one line with what to use, and is not tried for ever."""
    monkeypatch.setattr(cv2, "videoio_registry", SimpleNamespace(getBackends=lambda: [cv2.CAP_FFMPEG]))
    with pytest.raises(UnusableSourceError, match="python3-opencv"):
        CameraSource("videotestsrc ! appsink", FakeClock()).open()
    options = parse_source("libcamera#size=640x480,fps=30").options
    assert libcamera_pipeline("libcamera", options).startswith(
        "libcamerasrc ! video/x-raw,width=640,height=480,framerate=30000/1000"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:s3cret@10.0.0.7/stream", "rtsp://***@10.0.0.7/stream"),
        ("rtsp://admin:p@ss@10.0.0.7/stream", "rtsp://***@10.0.0.7/stream"),
        ("http://cam/mjpg?user=a&password=s3cret&x=1", "http://cam/mjpg?user=a&password=***&x=1"),
        ("rtspsrc location=rtsp://u:s3cret@h/ user-pw=s3cret ! appsink", "rtspsrc location=rtsp://***@h/ user-pw=*** ! appsink"),
        ("/dev/video0", "/dev/video0"),
        ("rtsp://10.0.0.7/stream", "rtsp://10.0.0.7/stream"),
    ],
)
def test_secrets_are_hidden_in_one_place(text: str, shown: str) -> None:
    """Errors, names and records all pass here; what is no secret is left as it is."""
    assert redact(text) == shown
    assert has_secret(text) is (text != shown)
    assert "s3cret" not in str(SourceError(f"camera {text}: cannot be opened"))
    assert "s3cret" not in CameraSource(text, FakeClock()).name


def test_a_source_may_stand_in_a_file(tmp_path: Any) -> None:
    """A password then stands in no command line and no unit; a file that holds no single line is refused."""
    place = tmp_path / "source"
    place.write_text("rtsp://admin:s3cret@10.0.0.7/stream\n")
    assert written_elsewhere(f"@{place}") == "rtsp://admin:s3cret@10.0.0.7/stream"
    assert written_elsewhere("0") == "0"
    for text in ("", "a\nb\n", "@again\n"):
        place.write_text(text)
        with pytest.raises(SourceError, match="in one line"):
            written_elsewhere(f"@{place}")
    with pytest.raises(SourceError, match="cannot be read"):
        written_elsewhere(f"@{tmp_path}/nowhere")


@pytest.mark.parametrize(
    ("how", "moves", "still"), [(3, False, True), (0, False, True), (-1, False, True), (3, True, False), (1, False, False)]
)
def test_an_exposure_that_never_moves_is_told_unless_it_is_manual(
    how: float, moves: bool, still: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Automatic, or nobody knows: what stands still may be an old value. Manual exposure is meant to stand still."""
    source, capture = camera((True, np.zeros((8, 8, 3), np.uint8)), monkeypatch)
    capture.told = {cv2.CAP_PROP_EXPOSURE: 156.0, cv2.CAP_PROP_GAIN: 16.0, cv2.CAP_PROP_AUTO_EXPOSURE: how}
    assert source.settings() == (15_600, 16, how != 1)
    capture.told[cv2.CAP_PROP_EXPOSURE] = 157.0 if moves else 156.0
    assert source.settings().still is still
    capture.told[cv2.CAP_PROP_EXPOSURE] = 156.0
    assert source.settings().still is still
    source.open()
    assert source.settings().still is (how != 1)
