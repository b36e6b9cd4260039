"""Subscribers get every result as a JSON line; one that sleeps is dropped and delays nobody."""

import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adaptd.vision.answers import Answer
from adaptd.worker.results import MAX_SUBSCRIBERS, Results


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Results]:
    """An open results socket."""
    opened = Results(str(tmp_path / "results.sock"), ("cat", "dog"), (50, 100))
    yield opened
    opened.close()


def subscribe(results: Results, tmp_path: Path) -> socket.socket:
    """One more subscriber, let in."""
    newcomer = socket.socket(socket.AF_UNIX)
    newcomer.connect(str(tmp_path / "results.sock"))
    newcomer.settimeout(5)
    results.accept()
    return newcomer


def test_a_subscriber_reads_one_json_line_a_frame(results: Results, tmp_path: Path) -> None:
    """Frame, class, score, latency, variant and time, in integers and strings."""
    with subscribe(results, tmp_path) as reader, reader.makefile() as lines:
        results.publish(17, Answer('a "b"', 981_200), 4_210, "int8", 81_234_567, False)
        assert json.loads(lines.readline()) == {
            "frame": 17,
            "class": 'a "b"',
            "score_ppm": 981_200,
            "latency_us": 4_210,
            "variant": "int8",
            "mono_us": 81_234_567,
            "shadowed": False,
        }


def test_a_frame_drawn_for_both_engines_says_so(results: Results, tmp_path: Path) -> None:
    """Who labels frames can leave out those that were counted already."""
    with subscribe(results, tmp_path) as reader, reader.makefile() as lines:
        results.publish(17, Answer("cat", 1), 1, "int8", 1, True)
        assert json.loads(lines.readline())["shadowed"] is True


def test_boxes_come_in_ppm_of_the_picture(results: Results, tmp_path: Path) -> None:
    """Corners do not depend on the network's input size, and never leave the picture."""
    rows = np.array([[10, 10, 50, 25, 0.5, 1], [-5, 0, 200, 50, 0.25, 0]], np.float32)
    with subscribe(results, tmp_path) as reader, reader.makefile() as lines:
        results.publish(1, Answer("dog", 500_000, rows), 1, "int8", 1, False)
        assert json.loads(lines.readline())["boxes"] == [
            ["dog", 500_000, 100_000, 200_000, 500_000, 500_000],
            ["cat", 250_000, 0, 0, 1_000_000, 1_000_000],
        ]


def test_a_sleeping_subscriber_is_dropped_and_the_others_miss_nothing(results: Results, tmp_path: Path) -> None:
    """Publishing never blocks: who does not read loses the connection, the reader beside gets every frame."""
    with subscribe(results, tmp_path), subscribe(results, tmp_path) as reader, reader.makefile() as lines:
        count = 0
        while len(results) == 2:
            results.publish(count, Answer("cat", 1), 1, "int8", 1, False)
            assert json.loads(lines.readline())["frame"] == count
            count += 1
            assert count < 100_000
        results.publish(count, Answer("cat", 1), 1, "int8", 1, False)
        assert json.loads(lines.readline())["frame"] == count


def test_a_subscriber_that_left_is_forgotten(results: Results, tmp_path: Path) -> None:
    """A closed connection costs one failed send and no signal."""
    subscribe(results, tmp_path).close()
    results.publish(1, Answer("cat", 1), 1, "int8", 1, False)
    assert len(results) == 0


def test_the_crowd_is_limited(results: Results, tmp_path: Path) -> None:
    """One subscriber more than the limit is turned away at once; the others stay."""
    crowd = [subscribe(results, tmp_path) for _ in range(MAX_SUBSCRIBERS)]
    with subscribe(results, tmp_path) as late:
        assert late.recv(1) == b""
    assert len(results) == MAX_SUBSCRIBERS
    for subscriber in crowd:
        subscriber.close()


def test_the_socket_is_for_user_and_group_only(results: Results, tmp_path: Path) -> None:
    """Mode 0660 whatever the umask; removed at the end."""
    path = tmp_path / "results.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    results.close()
    assert not path.exists()


def test_nobody_to_serve_is_fine() -> None:
    """Without a path there is no socket, and publishing does nothing."""
    silent = Results("", (), (1, 1))
    silent.publish(1, Answer("cat", 1), 1, "int8", 1, False)
    assert silent.listener is None
    silent.close()
