"""Energy of one inference: metered over long windows where there is a meter, else estimated, and always said which.

Marginal is above idle; saturated is back to back with idle inside. The estimate multiplies latency by what a busy device
draws above idle; it never pretends to be a measurement.
"""

import platform
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

from adaptd.bundle_build import Progress, silent
from adaptd.bundle_build.qualify.measure import Run, saturate
from adaptd.bundle_build.qualify.meters import Meter
from adaptd.config.profile import HardwareProfile
from adaptd.engine.base import Engine

PIECES = 6
CORE_MW = {"x86_64": (6000, "a busy core of a small x86 processor draws some 6 W above idle"),
           "aarch64": (1500, "a busy Cortex-A78-class core draws some 1.5 W above idle")}  # fmt: skip
OTHER_CORE = (3000, "a busy processor core draws some 3 W above idle")
GPU_SHARE = 1.2  # of idle power, between the two of GPU_SOURCE
GPU_SOURCE = "Orin Nano Super, YOLOv8n: idle 5.97 W, 14.14 W in FP16 (1.37 x idle above it), 12.49 W in INT8 (1.09 x)"


@dataclass(frozen=True, slots=True)
class Cost:
    """Energy of one inference in microjoules, idle power, the noise of a power reading, and how all of it became known."""

    marginal_uj: int
    saturated_uj: int
    idle_mw: int
    noise_mw: int
    method: str


def estimated(runs: Mapping[str, Run], profile: HardwareProfile, why: str, *, gpu: bool) -> dict[str, Cost]:
    """Latency times assumed power above idle; CPU engines by the cores they really keep busy."""
    return {name: _estimate(run, profile, why, gpu=gpu) for name, run in runs.items()}


def _estimate(run: Run, profile: HardwareProfile, why: str, *, gpu: bool) -> Cost:
    idle = profile.idle_power_mw
    if gpu:
        above, words = round(idle * GPU_SHARE), f"{GPU_SHARE} x idle power, class derived: {GPU_SOURCE}"
    else:
        core, source = CORE_MW.get(platform.machine(), OTHER_CORE)
        above = core * run.busy_ppm // 1_000_000
        words = f"{run.busy_ppm / 1e6:.2f} busy cores x {core / 1000:g} W, class assumed: {source}"
    marginal = above * run.mean_us // 1000
    method = (
        f"estimated: {run.mean_us} us x {above} mW above idle ({words}); idle {idle} mW from profile {profile.name}; "
        f"nothing was metered: {why}"
    )
    return Cost(marginal, marginal + idle * run.mean_us // 1000, idle, 0, method)


def metered(engines: Mapping[str, Engine], meter: Meter, window_s: float, progress: Progress = silent) -> dict[str, Cost]:
    """Idle first, then each engine back to back for ``window_s`` in two halves, the second round in reverse order."""
    total = PIECES + 2 * len(engines)
    idle_mw, noise_mw = _idle(meter, window_s, progress, total)
    energy, runs = dict.fromkeys(engines, 0), dict.fromkeys(engines, Run(0, 0, 0))
    order = [*engines, *reversed(list(engines))]
    for done, name in enumerate(order, PIECES + 1):
        before = meter.read_uj()
        runs[name] = runs[name].plus(saturate(engines[name], window_s / 2))
        energy[name] += meter.read_uj() - before
        progress("metering energy", done, total)
    method = f"measured: {meter.words}, {window_s:g} s an engine in two halves in opposite order, idle over {window_s:g} s"
    return {
        name: Cost(
            marginal_uj=max(0, (energy[name] - idle_mw * run.wall_us // 1000) // run.frames),
            saturated_uj=energy[name] // run.frames,
            idle_mw=idle_mw,
            noise_mw=noise_mw,
            method=method,
        )
        for name, run in runs.items()
    }


def _idle(meter: Meter, window_s: float, progress: Progress, total: int) -> tuple[int, int]:
    """Mean power with warm engines and nothing to do, and the standard deviation of its six parts, in mW."""
    powers: list[float] = []
    for done in range(1, PIECES + 1):
        start, before = time.monotonic(), meter.read_uj()
        time.sleep(window_s / PIECES)
        powers.append((meter.read_uj() - before) / 1000 / (time.monotonic() - start))
        progress("metering idle power", done, total)
    return round(statistics.mean(powers)), round(statistics.stdev(powers))
