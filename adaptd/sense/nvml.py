"""NVIDIA's management library: temperature, power and energy of a discrete GPU (partly Thor and Orin).

Units: milliwatt, millijoule since the driver was loaded, degrees Celsius. What a GPU does not support is asked for
once.
Where the energy counter exists, power is its difference over time, which is exact where the power reading samples only a part.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from adaptd.sense.source import POWER, TEMPERATURE, Source
from adaptd.sense.sysfs import divide
from adaptd.vocabulary import Missing, MissingReason

# ``Any``: the library has no types, and a fake of it in tests has only the functions used here.
Library = Any
Load = Callable[[], Library]  # raises ImportError where nvidia-ml-py is not installed
load_pynvml: Load = partial(importlib.import_module, "pynvml")

_SHORTEST_US = 150_000  # the counters move about every 100 ms (arXiv 2312.02741)
_PERIOD_US = 450_000  # a call costs milliseconds of processor time in the driver
_ABSENT = "not installed: pip install nvidia-ml-py"


class NvmlGpu:
    """One GPU. Opens the library at the first question and again after an error; remembers what is not supported."""

    def __init__(self, index: int = 0, load: Load = load_pynvml) -> None:
        self.index = index
        self._load = load
        self._library: Library = None
        self._handle: Any = None
        self._unsupported: set[str] = set()

    def ask(self, function: str, *arguments: object) -> Any:
        """What ``function(handle, *arguments)`` answers, or why it does not."""
        if function in self._unsupported:
            return Missing(MissingReason.UNSUPPORTED, "not supported by this GPU")
        fresh = self._handle is None
        answer = self._ask_once(function, arguments)
        if isinstance(answer, Missing) and self._handle is None and not fresh:
            answer = self._ask_once(function, arguments)  # one lost with a killed process is asked for anew
        return answer

    def _ask_once(self, function: str, arguments: tuple[object, ...]) -> Any:
        if self._handle is None and (fault := self._open()) is not None:
            return fault
        try:
            return getattr(self._library, function)(self._handle, *arguments)
        except self._library.NVMLError as error:
            return self._refused(function, error)

    def number(self, function: str, *arguments: object) -> int | Missing:
        """The same where the answer is one whole number."""
        answer = self.ask(function, *arguments)
        if isinstance(answer, Missing):
            return answer
        if isinstance(answer, bool) or not isinstance(answer, int):
            return Missing(MissingReason.UNREADABLE, f"unparsable: {function} gave {type(answer).__name__}")
        return answer

    def _open(self) -> Missing | None:
        try:
            self._library = self._load()
        except ImportError:
            return Missing(MissingReason.UNSUPPORTED, _ABSENT)
        try:
            self._library.nvmlInit()
            self._handle = self._library.nvmlDeviceGetHandleByIndex(self.index)
        except self._library.NVMLError as error:
            return Missing(MissingReason.DEVICE, f"NVML: {str(error).lower()}")
        return None

    def _refused(self, function: str, error: Any) -> Missing:
        if error.value == self._library.NVML_ERROR_NOT_SUPPORTED:
            self._unsupported.add(function)
            return Missing(MissingReason.UNSUPPORTED, "not supported by this GPU")
        self._handle = None
        return Missing(MissingReason.DEVICE, f"NVML: {str(error).lower()}")


class NvmlTemperature(Source):
    """The GPU's own temperature in millidegrees, in steps of one degree."""

    quantity = TEMPERATURE
    period_us = _PERIOD_US

    def __init__(self, gpu: NvmlGpu) -> None:
        super().__init__(f"nvml:{gpu.index}", step=1000)
        self.gpu = gpu

    def read(self, now_us: int) -> int | Missing:
        celsius = self.gpu.number("nvmlDeviceGetTemperature", 0)
        return celsius if isinstance(celsius, Missing) else celsius * 1000


class NvmlPower(Source):
    """The board's power in milliwatt: energy counter over time, the power reading where there is no counter or no time yet."""

    quantity = POWER
    period_us = _PERIOD_US

    def __init__(self, gpu: NvmlGpu) -> None:
        super().__init__(f"nvml:{gpu.index}", step=10)
        self.gpu = gpu
        self._before: tuple[int, int] | None = None

    def read(self, now_us: int) -> int | Missing:
        energy_mj = self.gpu.number("nvmlDeviceGetTotalEnergyConsumption")
        if isinstance(energy_mj, int) and (mean := self._mean(now_us, energy_mj)) is not None:
            return mean
        return self.gpu.number("nvmlDeviceGetPowerUsage")

    def why_not(self, now_us: int) -> Missing | None:
        told = self.gpu.number("nvmlDeviceGetPowerUsage")
        return told if isinstance(told, Missing) else None

    def _mean(self, now_us: int, energy_mj: int) -> int | None:
        before = self._before
        if before is not None and now_us - before[0] < _SHORTEST_US:
            return None
        self._before = (now_us, energy_mj)
        if before is None or energy_mj < before[1]:
            return None
        return divide((energy_mj - before[1]) * 1_000_000, now_us - before[0])
