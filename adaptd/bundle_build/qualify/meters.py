"""Energy counters: NVML, RAPL and shunt rails, each giving joules since some start; no counter is no number.

Power drawn by a single inference cannot be read from any of them (arXiv 2206.10377, arXiv 2312.02741): windows of 60 s and
more are differenced, and the caller says how long they were.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Protocol

from adaptd.bundle_build import BuildError
from adaptd.vision import ModelError

SAMPLE_S = 0.1


class Meter(Protocol):
    """Cumulative energy in microjoules. ``words`` says what is metered, for the manifest."""

    words: str

    def read_uj(self) -> int: ...
    def close(self) -> None: ...


class RaplMeter:
    """The processor packages' counters under ``powercap``; a counter that wraps is unwrapped by its range."""

    def __init__(self, root: Path) -> None:
        folder = root / "sys/class/powercap"
        names = {path: _text(path / "name") for path in sorted(folder.glob("intel-rapl:*")) if path.name.count(":") == 1}
        board = [path for path, name in names.items() if name == "psys"]
        self._domains = board or [path for path, name in names.items() if name.startswith("package")]
        if not self._domains:
            raise BuildError("no RAPL counter on this machine")
        self._last = [self._raw(path) for path in self._domains]
        self._total = 0
        self.words = f"RAPL {'psys' if board else 'package'} counter"

    def read_uj(self) -> int:
        for index, path in enumerate(self._domains):
            now = self._raw(path)
            step = now - self._last[index]
            self._total += step if step >= 0 else step + int(_text(path / "max_energy_range_uj"))
            self._last[index] = now
        return self._total

    def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def _raw(path: Path) -> int:
        try:
            return int(_text(path / "energy_uj"))
        except (OSError, ValueError) as error:
            raise BuildError(f"{path.name}/energy_uj cannot be read ({error}); run as root or add a udev rule") from None


class RailMeter:
    """A board's shunt monitor (INA3221, INA238) under hwmon, read ten times a second by a thread and summed over time."""

    def __init__(self, root: Path, label: str, clock: Callable[[], float] = time.monotonic) -> None:
        found = _rail(root, label)
        if found is None:
            raise BuildError(f"no power rail {label} on this machine")
        self._read_mw = found
        self.words = f"rail {label} (shunt monitor, 10 samples a second)"
        self._lock = threading.Lock()
        self._total_uj = 0.0
        self._clock = clock
        self._at, self._mw = clock(), found()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rail-meter", daemon=True)
        self._thread.start()

    def read_uj(self) -> int:
        self._sample()
        return int(self._total_uj)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self._sample()

    def _sample(self) -> None:
        with self._lock:
            now, power = self._clock(), self._read_mw()
            self._total_uj += (now - self._at) * (power + self._mw) / 2 * 1000
            self._at, self._mw = now, power


class NvmlMeter:
    """The energy counter of a discrete NVIDIA GPU, in millijoules since the driver was loaded."""

    def __init__(self, index: int = 0) -> None:
        try:
            import pynvml
        except ImportError as error:
            raise BuildError(f"NVML cannot be imported ({error}); pip install 'adaptd[nvml]'") from None
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)
        except pynvml.NVMLError as error:
            raise BuildError(f"NVML has no energy counter here ({error})") from None
        self.words = "NVML energy counter of the GPU"

    def read_uj(self) -> int:
        return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) * 1000

    def close(self) -> None:
        self._nvml.nvmlShutdown()


def find_meter(root: Path, rails: Sequence[str], *, gpu: bool) -> tuple[Meter | None, str]:
    """The best meter there is, or None and why: NVML for a GPU, then the profile's ``rails``, then RAPL for CPU engines."""
    reasons: list[str] = []
    attempts: list[Callable[[], Meter]] = [partial(RailMeter, root, label) for label in rails if ":" not in label]
    attempts = [NvmlMeter, *attempts] if gpu else [*attempts, partial(RaplMeter, root)]
    for attempt in attempts:
        try:
            return attempt(), ""
        except ModelError as error:
            reasons.append(str(error))
    return None, "; ".join(reasons) or "no power meter"


@contextlib.contextmanager
def metering(root: Path, rails: Sequence[str], *, gpu: bool) -> Iterator[tuple[Meter | None, str]]:
    """``find_meter`` for the time of a ``with`` block."""
    meter, why = find_meter(root, rails, gpu=gpu)
    try:
        yield meter, why
    finally:
        if meter is not None:
            meter.close()


def _rail(root: Path, label: str) -> Callable[[], float] | None:
    """A function that reads the rail's power in mW, or None where no rail has that label."""
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        for path in sorted(chip.glob("*_label")):
            if _text(path) != label:
                continue
            channel = path.name.removesuffix("_label")
            if channel.startswith("power"):
                return partial(_product, chip / f"{channel}_input")
            number = channel.removeprefix("in")
            volts, amps = chip / f"in{number}_input", chip / f"curr{number}_input"
            if volts.is_file() and amps.is_file():
                return partial(_product, volts, amps)
    return None


def _product(*paths: Path) -> float:
    """Microwatts, or millivolts times milliamperes, as mW."""
    return prod(int(_text(path)) for path in paths) / 1000


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
