"""A Raspberry Pi's own account of under-voltage and throttling."""

from pathlib import Path

import pytest

from adaptd.sense import firmware
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing

MASK = "sys/devices/platform/soc/soc:firmware/get_throttled"


def board(root: Path, mask: str, alarm: str = "") -> Sysfs:
    """A Pi with this mask, and a voltage chip where ``alarm`` is given."""
    files = {MASK: mask}
    if alarm:
        files |= {"sys/class/hwmon/hwmon1/name": "rpi_volt", "sys/class/hwmon/hwmon1/in0_lcrit_alarm": alarm}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n")
    return Sysfs(root)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ("0", ""),
        ("50005", "under-voltage, throttled now"),
        ("50000", "under-voltage, throttled since the start"),
        ("80002", "frequency capped now; soft temperature limit since the start"),
    ],
)
def test_the_mask_is_told_in_words(mask: str, said: str, tmp_path: Path) -> None:
    """What holds now is told apart from what held once."""
    bits = firmware.mask(board(tmp_path, mask))
    assert isinstance(bits, int)
    assert firmware.words(bits) == said


def test_the_voltage_chip_alone_is_enough(tmp_path: Path) -> None:
    """A kernel without the mask still shows the alarm."""
    sysfs = board(tmp_path, "0", "1")
    (tmp_path / MASK).unlink()
    bits = firmware.mask(sysfs)
    assert isinstance(bits, int)
    assert firmware.words(bits) == "under-voltage now"


def test_a_mask_that_is_no_number_is_missing(tmp_path: Path) -> None:
    """Nothing is made up of a broken answer, and other boards have no such source."""
    assert isinstance(firmware.mask(board(tmp_path, "oops")), Missing)
    assert firmware.mask(Sysfs(tmp_path / "elsewhere")) is None
