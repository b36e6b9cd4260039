"""Power drawn from batteries, from ``power_supply``: microwatt, or microvolt times microampere."""

from collections.abc import Sequence

from adaptd.sense.source import POWER, Source
from adaptd.sense.sysfs import Sysfs, divide
from adaptd.vocabulary import Missing, MissingReason

SUPPLIES = "sys/class/power_supply/*"
_DISCHARGING = "Discharging"
_NOTHING_DRAWN = "implausible: 0 W while the battery discharges"


class Battery(Source):
    """What the machine takes from its battery, in milliwatt. While it charges, the battery says nothing of the load.

    Drivers disagree on the sign of a discharge, and some show a ``power_now`` of 0 for ever. A power that is not above 0 while
    the battery discharges is made of volts and amperes instead, where both are there: the state says which way the current flows.
    Where they are not, ``inverted`` is written in the profile, never guessed.
    """

    quantity = POWER

    def __init__(self, sysfs: Sysfs, supply: str, inverted: bool = False) -> None:
        super().__init__(f"battery:{supply}", step=10)
        self.supply = supply
        self._sysfs = sysfs
        self._folder = f"sys/class/power_supply/{supply}"
        self._inverted = inverted

    def read(self, now_us: int) -> int | Missing:
        status = self.status()
        if isinstance(status, Missing):
            return status
        if status != _DISCHARGING:
            return _not_the_loads(status)
        return self.milliwatt()

    def status(self) -> str | Missing:
        """``Charging``, ``Discharging``, ``Full``, ``Not charging`` or ``Unknown``, in the kernel's words."""
        return self._sysfs.read_text(f"{self._folder}/status")

    def milliwatt(self) -> int | Missing:
        """What is drawn now, whatever the state."""
        told = self._told()
        drawn = -told if isinstance(told, int) and self._inverted else told
        if isinstance(drawn, int) and drawn > 0:
            return divide(drawn, 1000)
        made = self._volts_times_amperes()
        if isinstance(made, int):
            return divide(made, 1000) if made else Missing(MissingReason.ZERO, _NOTHING_DRAWN)
        if drawn is None:
            return made
        if isinstance(drawn, int) and drawn < 0:
            remedy = f"write battery:{self.supply}:inverted in the profile"
            return Missing(MissingReason.OUT_OF_RANGE, f"implausible: negative while discharging, {remedy}")
        return Missing(MissingReason.ZERO, _NOTHING_DRAWN) if isinstance(drawn, int) else drawn

    def _told(self) -> int | Missing | None:
        """``power_now`` in microwatt; None where the driver has no such file."""
        path = f"{self._folder}/power_now"
        return self._sysfs.read_int(path) if self._sysfs.exists(path) else None

    def _volts_times_amperes(self) -> int | Missing:
        """In microwatt, without a sign."""
        microvolt = self._sysfs.read_int(f"{self._folder}/voltage_now")
        if isinstance(microvolt, Missing):
            return microvolt
        microampere = self._sysfs.read_int(f"{self._folder}/current_now")
        return microampere if isinstance(microampere, Missing) else divide(abs(microvolt * microampere), 1_000_000)


class Batteries(Source):
    """All batteries of a machine together. Laptops with two empty one after the other, so one that rests counts as 0 W.

    While one of them charges nothing is known of the load.
    """

    quantity = POWER

    def __init__(self, batteries: Sequence[Battery]) -> None:
        super().__init__("battery:" + "+".join(each.supply for each in batteries), step=10)
        self.batteries = tuple(batteries)

    def read(self, now_us: int) -> int | Missing:
        states = [(each, each.status()) for each in self.batteries]
        if any(status == "Charging" for _, status in states):
            return _not_the_loads("charging")
        drawn = [each.milliwatt() for each, status in states if status == _DISCHARGING]
        lost = next((value for value in drawn if isinstance(value, Missing)), None)
        if lost is not None:
            return lost
        if not drawn:
            told = states[0][1]
            return told if isinstance(told, Missing) else _not_the_loads(told)
        return sum(value for value in drawn if isinstance(value, int))


def _not_the_loads(status: str) -> Missing:
    return Missing(MissingReason.UNSUPPORTED, f"battery is {status.lower()}: its power is not the load's")


def discover(sysfs: Sysfs) -> list[Battery]:
    """Every battery of the machine itself.

    A mouse's or a headset's has the scope ``Device``; USB-PD ports (``ucsi``) describe a contract between charger and port.
    """
    folders = [folder for folder in sysfs.glob(SUPPLIES) if not folder.rpartition("/")[2].startswith(("ucsi", "hid"))]
    own = [folder for folder in folders if sysfs.read_text(f"{folder}/scope") != "Device"]
    kept = [folder for folder in own if sysfs.read_text(f"{folder}/type") == "Battery"]
    return [Battery(sysfs, at.rpartition("/")[2]) for at in kept if sysfs.read_text(f"{at}/present") != "0"]


def together(batteries: Sequence[Battery]) -> list[Source]:
    """The machine's batteries as one source."""
    return [Batteries(batteries)] if len(batteries) > 1 else list(batteries)
