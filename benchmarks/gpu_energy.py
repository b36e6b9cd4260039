"""Board energy from NVML's counter, which counts since the driver was loaded: a difference is better than adding up power."""

import time
import warnings
from collections.abc import Callable
from typing import Any


class Meter:
    """The counter of one GPU. ``bus`` is its PCI address, because NVML and CUDA count GPUs differently."""

    def __init__(self, bus: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pynvml
        pynvml.nvmlInit()
        self._nvml: Any = pynvml
        self._handle = pynvml.nvmlDeviceGetHandleByPciBusId(bus)
        self.driver = str(pynvml.nvmlSystemGetDriverVersion())

    def millijoules(self) -> int:
        """Board energy so far."""
        return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))

    def idle_w(self, window_s: float) -> float:
        """Mean power over a window in which nothing runs, with whatever contexts are held."""
        return self._over(lambda _until: time.sleep(window_s), window_s)[0]

    def busy(self, once: Callable[[], object], window_s: float) -> dict[str, float]:
        """Back to back for a window: board power, and energy of one inference with idle in it."""
        count = 0

        def work(until: float) -> None:
            nonlocal count
            while time.perf_counter() < until:
                once()
                count += 1

        watts, joules = self._over(work, window_s)
        return {"inferences": count, "board_w": round(watts, 2), "mj_per_inference": round(joules * 1e3 / max(count, 1), 3)}

    def paced(self, once: Callable[[], object], fps: float, window_s: float) -> float:
        """Board power in W at a fixed rate."""

        def work(until: float) -> None:
            due = time.perf_counter()
            while due < until:
                once()
                due += 1 / fps
                time.sleep(max(0.0, due - time.perf_counter()))

        return round(self._over(work, window_s)[0], 2)

    def _over(self, work: Callable[[float], None], window_s: float) -> tuple[float, float]:
        start, began = self.millijoules(), time.perf_counter()
        work(began + window_s)
        joules, took = (self.millijoules() - start) / 1e3, time.perf_counter() - began
        return joules / took, joules
