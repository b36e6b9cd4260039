"""Reading one number from one kernel file."""

import errno
import os
from pathlib import Path

import pytest

from adaptd.sense import sysfs
from adaptd.sense.sysfs import Sysfs, divide, parse_int, parse_scaled
from adaptd.vocabulary import Missing
from tests.sense.fakes import FaultySysfs
from tests.sense.judged import said


@pytest.fixture
def busy_file(tmp_path: Path) -> Path:
    """A file that really answers EAGAIN: a pipe with a writer that says nothing."""
    path = tmp_path / "temp"
    os.mkfifo(path)
    return path


def test_python_turns_eagain_into_a_type_error_or_an_empty_text(busy_file: Path) -> None:
    """The trap itself: on a descriptor that answers EAGAIN, text files lie, and only os.read says what happened."""
    reader = os.open(busy_file, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(busy_file, os.O_WRONLY)
    try:
        with open(reader, encoding="utf-8", closefd=False) as text:
            with pytest.raises(TypeError):
                text.read()
            assert text.readline() == ""
        with open(reader, "rb", closefd=False) as binary:
            assert binary.read() is None
        with pytest.raises(BlockingIOError):
            os.read(reader, 64)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_sensor_that_answers_eagain_is_missing_and_says_so(busy_file: Path) -> None:
    """A sensor that is off is Missing with the kernel's own word, never 0 and never a TypeError."""
    writer = os.open(busy_file, os.O_RDWR)
    try:
        assert said(Sysfs(busy_file.parent).read_int("temp")) == "EAGAIN: sensor is off or busy"
    finally:
        os.close(writer)


def test_a_pipe_in_place_of_a_sensor_cannot_block_the_reader(busy_file: Path) -> None:
    """A pipe without a writer, which blocks an ordinary open for ever, reads as an empty file."""
    assert said(Sysfs(busy_file.parent).read_int("temp")) == "empty"


def test_a_real_input_output_error_is_missing(tmp_path: Path) -> None:
    """The kernel's own EIO (the first page of a process is not readable) arrives as a reason, not as an exception."""
    (tmp_path / "temp").symlink_to("/proc/self/mem")
    assert said(Sysfs(tmp_path).read_int("temp")) == "EIO: bus or device failed"


def test_a_file_that_is_gone_is_missing(tmp_path: Path) -> None:
    """A sensor whose driver was unloaded is Missing."""
    assert said(Sysfs(tmp_path).read_int("sys/class/thermal/thermal_zone0/temp")) == "ENOENT: file is gone"


@pytest.mark.parametrize(
    "number", [errno.EINVAL, errno.ENODATA, errno.ETIMEDOUT, errno.EACCES, errno.EREMOTEIO, errno.ENXIO, errno.EPERM]
)
def test_every_refusal_of_the_kernel_becomes_a_reason(number: int, tmp_path: Path) -> None:
    """Each error number that sensors were seen to answer is named in the reason."""
    sysfs = FaultySysfs(tmp_path)
    sysfs.fail("temp", number)
    reading = sysfs.read_int("temp")
    assert isinstance(reading, Missing)
    assert said(reading).startswith(f"{errno.errorcode[number]}: ")


@pytest.mark.parametrize(("raw", "value"), [(b"49593\n", 49593), (b"-12000\n", -12000), (b"0\n", 0), (b"+7", 7), (b"007\n", 7)])
def test_one_number_and_a_newline_is_read(raw: bytes, value: int) -> None:
    """What the kernel writes is taken, negative temperatures too."""
    assert parse_int(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"nan\n",
        b"inf\n",
        b"12 13\n",
        b"1\n2\n",
        b"1e5\n",
        b"0x10\n",
        b"12.5\n",
        b"9" * 20,
        b"--1",
        b"\xef\xbc\x94",
        b"\xff\xfe",
        b" 12",
        b"12 \n",
    ],
)
def test_anything_else_is_unparsable(raw: bytes) -> None:
    """No guess is made about text that is not exactly one whole number."""
    reading = parse_int(raw)
    assert isinstance(reading, Missing)
    assert said(reading).startswith("unparsable")


@pytest.mark.parametrize("raw", [b"", b"\n"])
def test_an_empty_file_is_missing(raw: bytes) -> None:
    """A disabled zone that reads empty has no temperature."""
    assert said(parse_int(raw)) == "empty"
    assert said(parse_scaled(raw, 3)) == "empty"


@pytest.mark.parametrize(
    ("raw", "places", "value"),
    [
        (b"412.032000\n", 3, 412032),
        (b"0.833333\n", 6, 833333),
        (b"5\n", 3, 5000),
        (b"0.0005\n", 3, 1),
        (b"-0.0005\n", 3, -1),
        (b"1.2344\n", 3, 1234),
    ],
)
def test_a_decimal_is_scaled_and_rounded_half_away_from_zero(raw: bytes, places: int, value: int) -> None:
    """A lux value with decimals becomes whole millilux without a detour over floats."""
    assert parse_scaled(raw, places) == value


@pytest.mark.parametrize("raw", [b".5", b"5.", b"1.2.3", b"1,5", b"1e3", b"nan"])
def test_a_malformed_decimal_is_unparsable(raw: bytes) -> None:
    """Decimals are as strict as whole numbers."""
    assert isinstance(parse_scaled(raw, 3), Missing)


@pytest.mark.parametrize(("top", "bottom", "value"), [(5, 2, 3), (-5, 2, -3), (5, -2, -3), (7, 3, 2), (0, 5, 0)])
def test_division_rounds_half_away_from_zero(top: int, bottom: int, value: int) -> None:
    """The one rounding rule of this room."""
    assert divide(top, bottom) == value


def test_files_are_listed_in_the_order_a_person_counts(tmp_path: Path) -> None:
    """thermal_zone2 comes before thermal_zone10."""
    for number in (10, 2, 0):
        (tmp_path / f"zone{number}").mkdir()
    assert Sysfs(tmp_path).glob("zone*") == ["/zone0", "/zone2", "/zone10"]


def test_a_text_loses_its_newline_and_zero_bytes(tmp_path: Path) -> None:
    """Device-tree texts end in a zero byte and are still compared by their words."""
    (tmp_path / "model").write_bytes(b"NVIDIA Jetson\0")
    (tmp_path / "blank").write_bytes(b"\n")
    assert Sysfs(tmp_path).read_text("model") == "NVIDIA Jetson"
    assert said(Sysfs(tmp_path).read_text("blank")) == "empty"
    assert isinstance(Sysfs(tmp_path).read_text("none"), Missing)


def test_an_error_without_a_name_still_has_words() -> None:
    """A reason is never blank."""
    assert sysfs._refusal(OSError(0, "")).text.startswith("error: ")


def test_a_path_that_cannot_even_be_asked_for_is_not_there(tmp_path: Path) -> None:
    """A folder that may not be entered, or a name that is too long, is no sensor and no exception."""
    assert not Sysfs(tmp_path).exists("x" * 300)
