"""Messages between daemon and worker: every one survives the journey, and nothing that arrives can hurt the reader."""

import json
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptd.protocol.messages import (
    Applied,
    Begin,
    EngineInfo,
    Fault,
    Garbled,
    Hello,
    LastResult,
    Picture,
    Stop,
    Swapped,
    Waiting,
    WorkerReport,
)
from adaptd.protocol.wire import MAX_LINE, MAX_PENDING, Channel, WireError, decode, encode
from adaptd.vocabulary import Served, Setpoint, Shadow

EXAMPLES = [
    Begin("engines/pet-bowl", "ort", ("fp16", "int8"), "clip.mp4", 15_000, 66_000, spinning=None, results="/run/r.sock"),
    Setpoint(7, "int8", 10_000, 600_000_000, 20_000, "1" * 39, "dim", deadline_us=50_000),
    Stop(),
    Waiting(12, 5),
    Hello(
        12,
        "ort",
        (EngineInfo("fp16", "fp32", 60, warm=True, latency_us=4200),),
        "clip.mp4",
        None,
        spinning=False,
        start_us=1,
        at_us=2,
    ),
    Applied(7, "int8", 10_000, 900, 5),
    Swapped(7, "fp16", "int8", "setpoint", 41, 800, 5),
    Fault("engine", 'a "quoted" ü line', 5, "int8", fatal=True),
    WorkerReport(
        9,
        7,
        "int8",
        10_000,
        41,
        0,
        3,
        0,
        delivered=4,
        missed=1,
        dropped=2,
        shadow_frames=1,
        served=(Served("int8", 5, 9000, 2500),),
        shadows=(Shadow("dim", "int8", 0),),
        quarantined=("odd",),
        source_mfps=15_001,
        picture=Picture(40, 8, 500_000, 200_000, 0, 10, exposure_us=None, gain_raw=3),
        result=LastResult(41, "eating", 980_000, 2100, "int8", 9),
    ),
]


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel and the bare socket at its other end."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message: object) -> None:
    """Every kind of message, with every kind of field, is equal after the journey and fits on one ASCII line."""
    line = encode(message)  # type: ignore[arg-type]
    assert decode(line) == message
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()


BAD_LINES = [
    b"",
    b"nonsense",
    b"[]",
    b"null",
    b'{"k":"open"}',
    b'{"k":["set"]}',
    b'{"k":"stop","extra":1}',
    b'{"k":"set","seq":1}',
    b'{"k":"fault","kind":1,"text":"t","at_us":2}',
    b'{"k":"fault","kind":"k","text":"t","at_us":2.5}',
    b'{"k":"fault","kind":"k","text":"t","at_us":NaN}',
    b'{"k":"fault","kind":"k","text":"t","at_us":true}',
    b'{"k":"fault","kind":"k","text":"t","at_us":' + b"9" * 400 + b"}",
    b'{"k":"fault","kind":"k","text":"t","at_us":2,"fatal":1}',
    b'{"k":"begin","bundle":"b","backend":"o","variants":"fp16","source":"s","safe_mfps":1,"deadline_us":1}',
    b"[" * 50_000,
    b'{"k":"stop"}\xff',
]


@pytest.mark.parametrize("line", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_line_that_is_no_message_is_refused_by_name(line: bytes) -> None:
    """Whatever is wrong with a line ends in one kind of error, so that no reader can be crashed by it."""
    with pytest.raises(WireError):
        decode(line)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    """Any bytes are a message or a WireError, nothing else."""
    try:
        decode(data)
    except WireError:
        assert True


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_a_report_with_a_field_of_any_type_never_crashes_the_reader(value: object) -> None:
    """A well-formed line whose field holds something else is refused or read, never worse."""
    plain = json.loads(encode(EXAMPLES[-1]))  # type: ignore[arg-type]
    plain["served"] = value
    try:
        decode(json.dumps(plain, separators=(",", ":")).encode())
    except WireError:
        assert value != []


def test_good_lines_around_a_bad_one_are_heard(pair: tuple[Channel, socket.socket]) -> None:
    """A garbled line becomes a value in its place and costs no other message."""
    channel, other = pair
    other.sendall(encode(Stop()) + b"{garbage\n" + encode(EXAMPLES[1]))  # type: ignore[arg-type]
    first, second, third = channel.receive()
    assert (first, third) == (Stop(), EXAMPLES[1])
    assert isinstance(second, Garbled)


def test_a_message_in_pieces_is_put_together(pair: tuple[Channel, socket.socket]) -> None:
    """A line may arrive byte by byte."""
    channel, other = pair
    heard = []
    for byte in encode(EXAMPLES[4]):  # type: ignore[arg-type]
        other.sendall(bytes([byte]))
        heard += channel.receive()
    assert heard == [EXAMPLES[4]]


def test_an_endless_line_takes_no_endless_memory(pair: tuple[Channel, socket.socket]) -> None:
    """A line over the limit is thrown away as it comes, told once, and the next message is heard."""
    channel, other = pair
    heard = []
    for _ in range(5):
        other.sendall(b"x" * (MAX_LINE // 2 + 1))
        heard += channel.receive()
        assert len(channel._in) <= MAX_LINE
    other.sendall(b"tail\n" + encode(Stop()))
    heard += channel.receive()
    assert [type(message) for message in heard] == [Garbled, Stop]


def test_a_reader_that_sleeps_never_blocks_the_writer(pair: tuple[Channel, socket.socket]) -> None:
    """Sending to somebody who reads nothing returns at once, and is refused once a megabyte has piled up."""
    channel, _ = pair
    results = [channel.send(EXAMPLES[-1]) for _ in range(6000)]  # type: ignore[arg-type]
    assert results[0] is True
    assert results[-1] is False
    assert channel.backlog <= MAX_PENDING + MAX_LINE


def test_the_end_of_the_other_side_is_noticed(pair: tuple[Channel, socket.socket]) -> None:
    """When the other process has gone the channel is closed, reading and writing stay harmless."""
    channel, other = pair
    other.sendall(encode(Stop()))
    other.close()
    assert channel.receive() == [Stop()]
    channel.receive()
    assert channel.closed
    assert channel.send(Stop()) is False


def test_a_message_too_long_for_a_line_is_refused_by_the_sender() -> None:
    """Nobody sends what nobody would read."""
    with pytest.raises(WireError, match="at most"):
        encode(Fault("k", "x" * MAX_LINE, 1))
