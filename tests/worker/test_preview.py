"""The preview: one picture a second at most, only when asked for, and nothing where the policy does not allow it."""

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adaptd.base.clock import SystemClock
from adaptd.client import ApiError, preview
from adaptd.config.policy import parse_policy
from adaptd.worker.preview import EVERY_US, WIDTH, Preview, jpeg


def test_a_picture_is_encoded_only_when_asked_and_once_a_second(tmp_path: Path) -> None:
    """Fifty askers within a second cost one encoding; nobody asking costs none."""
    seen: list[Any] = []

    def encode(image: Any) -> bytes:
        seen.append(image)
        return f"picture {image}".encode()

    numbers = iter(range(100))
    glimpse = Preview(str(tmp_path / "preview.sock"), lambda: next(numbers), SystemClock(), encode)
    assert seen == []
    assert {glimpse.picture(1000 + ask) for ask in range(50)} == {b"picture 0"}
    assert glimpse.picture(1000 + EVERY_US) == b"picture 1"
    assert len(seen) == 2
    glimpse.close()


def test_before_the_first_frame_there_is_no_picture(tmp_path: Path) -> None:
    """None is served, and nothing made up."""
    glimpse = Preview(str(tmp_path / "preview.sock"), lambda: None, SystemClock(), lambda image: b"never")
    assert glimpse.picture(0) == b""
    glimpse.close()


def test_an_asker_gets_the_picture_over_the_socket_and_a_mute_one_holds_up_nobody(tmp_path: Path) -> None:
    """A large picture arrives whole; who connects and leaves costs the next one nothing."""
    clock = SystemClock()
    picture = bytes(range(256)) * 4000
    glimpse = Preview(str(tmp_path / "preview.sock"), lambda: 1, clock, lambda image: picture)
    glimpse.start()
    try:
        assert preview(tmp_path / "adaptd.sock") == picture
        with socket.socket(socket.AF_UNIX) as leaver:
            leaver.connect(str(tmp_path / "preview.sock"))
        assert preview(tmp_path / "adaptd.sock", timeout_s=10) == picture
    finally:
        clock.stopping.set()
        glimpse.join(5)
        glimpse.close()
    assert not (tmp_path / "preview.sock").exists()


def test_without_the_policys_word_there_is_no_socket(tmp_path: Path) -> None:
    """The client says which key allows it."""
    with pytest.raises(ApiError, match="preview: true"):
        preview(tmp_path / "adaptd.sock")


def test_the_picture_is_a_small_jpeg_whatever_comes() -> None:
    """A large frame is made smaller; what is no picture gives none."""
    cv2 = pytest.importorskip("cv2")
    data = jpeg(np.full((1200, 1600, 3), 90, np.uint8))
    assert data.startswith(b"\xff\xd8")
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[1] == WIDTH
    assert jpeg(np.zeros((0, 0, 3), np.uint8)) == b""
    assert jpeg("no picture") == b""


def test_the_policy_allows_it_in_so_many_words(feeder_text: str) -> None:
    """Off unless `camera: {preview: true}` stands there."""
    assert not parse_policy(feeder_text).preview
    assert parse_policy(f"{feeder_text}\ncamera: {{preview: true}}\n").preview
