"""Power monitors and temperature chips behind hwmon, found by chip name and label; ``hwmonN`` changes between boots.

INA3221 (Orin, Xavier, Nano): channels 1 to 3 in millivolt and milliampere, no power file; channels 4 to 6 are shunt microvolt
and 7 is a sum, so they are never read. INA238 (Thor input): ``power1_input`` in microwatt. Older L4T shows the same INA3221
through IIO, in milliwatt. A sum of rails is Missing as soon as one of its rails is.
"""

from collections.abc import Sequence

from adaptd.sense.source import POWER, Source, moved
from adaptd.sense.sysfs import Sysfs, divide
from adaptd.vocabulary import Missing, MissingReason

HWMON = ("sys/class/hwmon/hwmon*", "sys/bus/i2c/drivers/*/*/hwmon/hwmon*")
IIO_INA = "sys/bus/i2c/drivers/ina3221x/*/iio:device*"
_CHANNELS = (1, 2, 3)
_ALL_ONES_MA = 81_920  # 0xFFFF times 1.25 mA, what an INA26x shows when the bus is dead
_PERIOD_US = 450_000  # every read is an I2C transaction, and the chip averages over a window anyway
_INA_STEP_MW = 40  # 8 mA at 5 V over 5 milliohm


class Rail(Source):
    """One rail in milliwatt, from volt times ampere (``channel``) or from a power file.

    The label is read with every value: after a driver was bound anew the same file may belong to another chip.
    """

    quantity = POWER
    period_us = _PERIOD_US

    def __init__(
        self,
        sysfs: Sysfs,
        label: str,
        label_path: str,
        *,
        power_path: str = "",
        per_mw: int = 1,
        channel: tuple[str, str] = ("", ""),
    ) -> None:
        super().__init__(f"hwmon:{label}", step=_INA_STEP_MW)
        self.label = label
        self._sysfs = sysfs
        self._label_path = label_path
        self._power_path = power_path
        self._per_mw = per_mw
        self._volts_path, self._amps_path = channel

    def read(self, now_us: int) -> int | Missing:
        told = self._sysfs.read_text(self._label_path)
        return moved(self, told, self.label, self._sysfs, discover_rails) or self._milliwatt()

    def _milliwatt(self) -> int | Missing:
        if self._power_path:
            raw = self._sysfs.read_int(self._power_path)
            return _refuse_negative(raw if isinstance(raw, Missing) else divide(raw, self._per_mw))
        millivolt = self._sysfs.read_int(self._volts_path)
        if isinstance(millivolt, Missing):
            return Missing(millivolt.reason, f"{millivolt.text} (volts)")
        milliampere = self._sysfs.read_int(self._amps_path)
        if isinstance(milliampere, Missing):
            return Missing(milliampere.reason, f"{milliampere.text} (amperes)")
        if milliampere >= _ALL_ONES_MA:
            return Missing(MissingReason.OUT_OF_RANGE, "implausible: every bit of the current register is set")
        return _refuse_negative(milliampere if milliampere < 0 else divide(millivolt * milliampere, 1000))


class RailSum(Source):
    """The sum of several rails, for boards that measure no total. Missing as soon as one rail is: a shrunken sum looks safe."""

    quantity = POWER
    period_us = _PERIOD_US

    def __init__(self, rails: Sequence[Source]) -> None:
        names = [rail.name.removeprefix("hwmon:") for rail in rails]
        super().__init__("hwmon:" + "+".join(names), step=sum(rail.step for rail in rails))
        self._rails = tuple(rails)

    def read(self, now_us: int) -> int | Missing:
        total = 0
        for rail in self._rails:
            reading = rail.read(now_us)
            if isinstance(reading, Missing):
                return Missing(reading.reason, f"{rail.name}: {reading.text}, and no sum is made of the rest")
            total += reading
        return total


def _refuse_negative(value: int | Missing) -> int | Missing:
    if isinstance(value, int) and value < 0:
        return Missing(MissingReason.OUT_OF_RANGE, f"implausible: negative, {value}")
    return value


def discover_rails(sysfs: Sysfs) -> list[Rail]:
    """Every labelled rail, by label; unconnected channels (``NC``) are left out."""
    rails: dict[str, Rail] = {}
    for folder in [path for pattern in HWMON for path in sysfs.glob(pattern)]:
        for rail in _rails_of(sysfs, folder):
            rails.setdefault(rail.label, rail)
    for folder in sysfs.glob(IIO_INA):
        for label_path in sysfs.glob(f"{folder}/rail_name_*"):
            label, number = sysfs.read_text(label_path), label_path.rpartition("_")[2]
            if _connected(label):
                rail = Rail(sysfs, str(label), label_path, power_path=f"{folder}/in_power{number}_input")
                rails.setdefault(str(label), rail)
    return list(rails.values())


def _rails_of(sysfs: Sysfs, folder: str) -> list[Rail]:
    chip = sysfs.read_text(f"{folder}/name")
    if not isinstance(chip, str):
        return []
    if chip.startswith("ina3221"):
        places = {channel: f"{folder}/in{channel}_label" for channel in _CHANNELS}
        told = {channel: sysfs.read_text(place) for channel, place in places.items()}
        return [
            Rail(sysfs, str(label), places[at], channel=(f"{folder}/in{at}_input", f"{folder}/curr{at}_input"))
            for at, label in told.items()
            if _connected(label)
        ]
    if chip.startswith("ina2") and sysfs.exists(f"{folder}/power1_input"):
        label, place = sysfs.read_text(f"{folder}/in1_label"), f"{folder}/in1_label"
        if isinstance(label, Missing):
            label, place = chip, f"{folder}/name"
        return [Rail(sysfs, label, place, power_path=f"{folder}/power1_input", per_mw=1000)]
    return []


def _connected(label: str | Missing) -> bool:
    return isinstance(label, str) and label.upper() != "NC"
