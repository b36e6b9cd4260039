"""What a board's firmware did by itself: a Raspberry Pi tells under-voltage and throttling, and no thermal zone shows either.

``get_throttled`` is a mask in hexadecimal (Raspberry Pi documentation, vcgencmd): bits 0 to 3 hold now, 16 to 19 held since the
start. The ``rpi_volt`` chip raises ``in0_lcrit_alarm`` for as long as the supply is below 4.63 V.
"""

from adaptd.sense.source import Source
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing, MissingReason

FIRMWARE = "firmware"
MASKS = ("sys/devices/platform/soc*/soc*:firmware/get_throttled", "sys/devices/platform/soc*/*.firmware/get_throttled")
_NOW = {0x1: "under-voltage", 0x2: "frequency capped", 0x4: "throttled", 0x8: "soft temperature limit"}
_SINCE = 16


class FirmwareFlags(Source):
    """The mask of one board; 0 while nothing was ever wrong."""

    quantity = FIRMWARE

    def __init__(self, sysfs: Sysfs, mask: str, alarm: str) -> None:
        super().__init__("firmware")
        self._sysfs, self._mask, self._alarm = sysfs, mask, alarm

    def read(self, now_us: int) -> int | Missing:
        mask = self._sysfs.read_text(self._mask) if self._mask else "0"
        if isinstance(mask, Missing):
            return mask
        try:
            bits = int(mask, 16)
        except ValueError:
            return Missing(MissingReason.UNREADABLE, f"unparsable: {mask[:24]!a}")
        alarm = self._sysfs.read_int(self._alarm) if self._alarm else 0
        return alarm if isinstance(alarm, Missing) else bits | (1 if alarm else 0)


def words(bits: int) -> str:
    """What the mask says in words: what holds now, and what held since the start; empty where nothing is or was wrong."""
    now = [word for bit, word in _NOW.items() if bits & bit]
    before = [word for bit, word in _NOW.items() if bits >> _SINCE & bit and not bits & bit]
    parts = [f"{', '.join(now)} now"] if now else []
    parts += [f"{', '.join(before)} since the start"] if before else []
    return "; ".join(parts)


def discover(sysfs: Sysfs) -> list[FirmwareFlags]:
    """The board's own, where its firmware tells."""
    masks = [path for pattern in MASKS for path in sysfs.glob(pattern)]
    chips = [path for path in sysfs.glob("sys/class/hwmon/hwmon*") if sysfs.read_text(f"{path}/name") == "rpi_volt"]
    alarm = f"{chips[0]}/in0_lcrit_alarm" if chips else ""
    return [FirmwareFlags(sysfs, masks[0] if masks else "", alarm)] if masks or alarm else []
