"""What a board's firmware did by itself: a Raspberry Pi tells under-voltage and throttling, and no thermal zone shows either.

``get_throttled`` is a mask in hexadecimal (Raspberry Pi documentation, vcgencmd): bits 0 to 3 hold now, 16 to 19 held since the
start. The ``rpi_volt`` chip raises ``in0_lcrit_alarm`` for as long as the supply is below 4.63 V.
"""

from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing, MissingReason

MASKS = ("sys/devices/platform/soc*/soc*:firmware/get_throttled", "sys/devices/platform/soc*/*.firmware/get_throttled")
_NOW = {0x1: "under-voltage", 0x2: "frequency capped", 0x4: "throttled", 0x8: "soft temperature limit"}
_SINCE = 16


def mask(sysfs: Sysfs) -> int | Missing | None:
    """The mask of this board, 0 while nothing was ever wrong; None where its firmware tells nothing."""
    masks = [path for pattern in MASKS for path in sysfs.glob(pattern)]
    chips = [path for path in sysfs.glob("sys/class/hwmon/hwmon*") if sysfs.read_text(f"{path}/name") == "rpi_volt"]
    if not masks and not chips:
        return None
    text = sysfs.read_text(masks[0]) if masks else "0"
    if isinstance(text, Missing):
        return text
    try:
        bits = int(text, 16)
    except ValueError:
        return Missing(MissingReason.UNREADABLE, f"unparsable: {text[:24]!a}")
    alarm = sysfs.read_int(f"{chips[0]}/in0_lcrit_alarm") if chips else 0
    return alarm if isinstance(alarm, Missing) else bits | (1 if alarm else 0)


def words(bits: int) -> str:
    """What the mask says in words: what holds now, and what held since the start; empty where nothing is or was wrong."""
    now = [word for bit, word in _NOW.items() if bits & bit]
    before = [word for bit, word in _NOW.items() if bits >> _SINCE & bit and not bits & bit]
    parts = [f"{', '.join(now)} now"] if now else []
    parts += [f"{', '.join(before)} since the start"] if before else []
    return "; ".join(parts)
