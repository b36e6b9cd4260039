"""Which board this is, from the device tree or the NVIDIA driver, and which shipped profile describes it."""

from dataclasses import dataclass

from adaptd.sense.sysfs import Sysfs

_MODEL = ("proc/device-tree/model", "sys/firmware/devicetree/base/model")
_COMPATIBLE = ("proc/device-tree/compatible", "sys/firmware/devicetree/base/compatible")
_GPU_INFORMATION = "proc/driver/nvidia/gpus/*/information"
GENERIC, GENERIC_ARM = "generic-x86", "generic-arm"

JETSONS = frozenset("orin-nano-super orin-nx-16gb agx-orin xavier-nx agx-xavier jetson-tx2 jetson-nano jetson-thor".split())
RASPBERRY_PIS = frozenset({"raspberry-pi-4", "raspberry-pi-5"})

# Part of the device tree's compatible text (module part numbers) -> profile.
_BY_COMPATIBLE = (
    ("p3767-0003", "orin-nano-super"),
    ("p3767-0004", "orin-nano-super"),
    ("p3767-0005", "orin-nano-super"),
    ("p3767-", "orin-nx-16gb"),
    ("p3701-", "agx-orin"),
    ("p3668-", "xavier-nx"),
    ("p2888-", "agx-xavier"),
    ("p2972-", "agx-xavier"),
    ("p3310-", "jetson-tx2"),
    ("p3489-", "jetson-tx2"),
    ("p2771-", "jetson-tx2"),
    ("p3448-", "jetson-nano"),
    ("p3450-", "jetson-nano"),
    ("tegra264", "jetson-thor"),
    ("raspberrypi,5-model-b", "raspberry-pi-5"),
    ("brcm,bcm2712", "raspberry-pi-5"),
    ("raspberrypi,4-", "raspberry-pi-4"),
    ("brcm,bcm2711", "raspberry-pi-4"),
    ("rockchip,rk3588", "rk3588"),
)


@dataclass(frozen=True, slots=True)
class Board:
    """The board's own name, empty where nothing tells it, and the name of the profile that fits best."""

    model: str
    profile: str
    certain: bool


def identify(sysfs: Sysfs) -> Board:
    """The board below ``sysfs.root``; where nothing tells, the generic profile, not certain."""
    model = _first_text(sysfs, _MODEL)
    compatible = _first_text(sysfs, _COMPATIBLE).replace("\0", " ")
    for part, profile in _BY_COMPATIBLE:
        if part in compatible:
            return Board(model, profile, certain=True)
    for path in sysfs.glob(_GPU_INFORMATION):
        text = sysfs.read_text(path)
        if isinstance(text, str) and "H200" in text.partition("\n")[0]:
            return Board(text.partition("\n")[0].partition(":")[2].strip(), "h200", certain=True)
    return Board(model, GENERIC_ARM if compatible else GENERIC, certain=False)  # an x86 machine has no device tree


def _first_text(sysfs: Sysfs, paths: tuple[str, ...]) -> str:
    return next((text for path in paths if isinstance(text := sysfs.read_text(path), str)), "")
