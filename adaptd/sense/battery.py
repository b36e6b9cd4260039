"""Power drawn from a battery, from ``power_supply``: microwatt, or microvolt times microampere."""

from adaptd.sense.source import POWER, Source
from adaptd.sense.sysfs import Sysfs, divide
from adaptd.vocabulary import Missing, MissingReason

SUPPLIES = "sys/class/power_supply/*"


class Battery(Source):
    """What the machine takes from its battery, in milliwatt. While it charges, the battery says nothing of the load.

    Drivers disagree on the sign of a discharge current: ``inverted`` is written in the profile, never guessed.
    """

    quantity = POWER

    def __init__(self, sysfs: Sysfs, supply: str, inverted: bool = False) -> None:
        super().__init__(f"battery:{supply}", step=10)
        self.supply = supply
        self._sysfs = sysfs
        self._folder = f"sys/class/power_supply/{supply}"
        self._inverted = inverted

    def read(self, now_us: int) -> int | Missing:
        status = self._sysfs.read_text(f"{self._folder}/status")
        if isinstance(status, Missing):
            return status
        if status != "Discharging":
            return Missing(MissingReason.UNSUPPORTED, f"battery is {status.lower()}: its power is not the load's")
        drawn = self._microwatt()
        if isinstance(drawn, Missing):
            return drawn
        drawn = -drawn if self._inverted else drawn
        if drawn < 0:
            return Missing(
                MissingReason.OUT_OF_RANGE,
                f"implausible: negative while discharging, write battery:{self.supply}:inverted in the profile",
            )
        return divide(drawn, 1000)

    def _microwatt(self) -> int | Missing:
        if self._sysfs.exists(f"{self._folder}/power_now"):
            return self._sysfs.read_int(f"{self._folder}/power_now")
        microvolt = self._sysfs.read_int(f"{self._folder}/voltage_now")
        if isinstance(microvolt, Missing):
            return microvolt
        microampere = self._sysfs.read_int(f"{self._folder}/current_now")
        return microampere if isinstance(microampere, Missing) else divide(microvolt * microampere, 1_000_000)


def discover(sysfs: Sysfs) -> list[Battery]:
    """Every battery; USB-PD ports (``ucsi``) describe a contract between charger and port and are no measurement."""
    found = []
    for folder in sysfs.glob(SUPPLIES):
        supply = folder.rpartition("/")[2]
        if sysfs.read_text(f"{folder}/type") == "Battery" and not supply.startswith("ucsi"):
            found.append(Battery(sysfs, supply))
    return found
