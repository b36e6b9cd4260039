"""Fakes at the outermost edge: a clock that a test moves, files that can fail, and an NVIDIA library without a GPU."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path

from adaptd.sense.sysfs import Sysfs

Answer = Callable[[], bytes]


class HandClock:
    """Monotonic microseconds that stand still until a test moves them."""

    def __init__(self, now_us: int = 1_000_000_000) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us

    def advance(self, seconds: float) -> int:
        """Move on and return the new time."""
        self.now_us += round(seconds * 1_000_000)
        return self.now_us


class FaultySysfs(Sysfs):
    """A file tree in which chosen files answer what a test says: bytes, an error number, or nothing at all."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.answers: dict[str, Answer] = {}
        self.reads: dict[str, int] = {}
        self._blocked = threading.Event()

    def read_bytes(self, path: str, limit: int = 64) -> bytes:
        """The chosen answer, else the file."""
        key = path.lstrip("/")
        self.reads[key] = self.reads.get(key, 0) + 1
        answer = self.answers.get(key)
        return super().read_bytes(path, limit) if answer is None else answer()[:limit]

    def exists(self, path: str) -> bool:
        """A file that was given an answer is there."""
        return path.lstrip("/") in self.answers or super().exists(path)

    def say(self, path: str, text: str) -> None:
        """Let a file hold this text."""
        self.answers[path] = text.encode

    def fail(self, path: str, number: int) -> None:
        """Let a read end with this error number."""

        def refuse() -> bytes:
            raise OSError(number, errno.errorcode[number])

        self.answers[path] = refuse

    def hang(self, path: str) -> None:
        """Let a read block until ``release``."""

        def block() -> bytes:
            self._blocked.wait()
            return b"0\n"

        self.answers[path] = block

    def release(self) -> None:
        """Let every blocked read go on."""
        self._blocked.set()


class FakeNvmlError(Exception):
    """The library's error, with its number."""

    def __init__(self, value: int, text: str) -> None:
        super().__init__(text)
        self.value = value


class FakeNvml:
    """The functions of pynvml that adaptd uses, over plain attributes. ``refusals`` maps a function to the error it raises."""

    NVMLError = FakeNvmlError
    NVML_ERROR_NOT_SUPPORTED = 3
    NVML_ERROR_GPU_IS_LOST = 15

    def __init__(self) -> None:
        self.celsius = 41
        self.milliwatt = 122_000
        self.energy_mj = 5_000_000
        self.refusals: dict[str, FakeNvmlError] = {}
        self.calls: list[str] = []

    def refuse(self, function: str, value: int, text: str) -> None:
        """Let a function raise from now on."""
        self.refusals[function] = FakeNvmlError(value, text)

    def _called(self, function: str) -> None:
        self.calls.append(function)
        if function in self.refusals:
            raise self.refusals[function]

    def nvmlInit(self) -> None:
        """Open the library."""
        self._called("nvmlInit")

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        """A handle."""
        self._called("nvmlDeviceGetHandleByIndex")
        return f"gpu{index}"

    def nvmlDeviceGetTemperature(self, handle: str, sensor: int) -> int:
        """Degrees Celsius."""
        self._called("nvmlDeviceGetTemperature")
        return self.celsius

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        """Milliwatt."""
        self._called("nvmlDeviceGetPowerUsage")
        return self.milliwatt

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        """Millijoule since the driver was loaded."""
        self._called("nvmlDeviceGetTotalEnergyConsumption")
        return self.energy_mj
