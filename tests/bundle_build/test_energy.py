"""Energy: counters on fake trees, windows on a fake meter, and the estimate that says what it is."""

from pathlib import Path

import pytest

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.qualify.energy import estimated, metered
from adaptd.bundle_build.qualify.measure import Run, saturate, saturate_all
from adaptd.bundle_build.qualify.meters import RailMeter, RaplMeter, find_meter, metering
from adaptd.config.profile import HardwareProfile
from adaptd.engine.base import EngineSpec
from adaptd.engine.stub import StubEngine

SPEC = EngineSpec("fp16", "fp16", (1, 3, 4, 4), (1, 2))


def _rapl(root: Path, name: str = "package-0") -> Path:
    folder = root / "sys/class/powercap/intel-rapl:0"
    folder.mkdir(parents=True)
    for file, text in (("name", name), ("energy_uj", "900"), ("max_energy_range_uj", "1000")):
        (folder / file).write_text(f"{text}\n")
    return folder


def _rail(root: Path, label: str = "VDD_IN") -> Path:
    folder = root / "sys/class/hwmon/hwmon3"
    folder.mkdir(parents=True)
    for file, text in (("name", "ina3221"), ("in1_label", label), ("in1_input", "5000"), ("curr1_input", "1200")):
        (folder / file).write_text(f"{text}\n")
    return folder


def test_a_rapl_counter_that_wraps_goes_on(tmp_path: Path) -> None:
    """From 900 over the end at 1000 to 50 are 150 microjoules."""
    folder = _rapl(tmp_path)
    meter = RaplMeter(tmp_path)
    (folder / "energy_uj").write_text("50\n")
    assert meter.read_uj() == 150
    assert meter.words == "RAPL package counter"


def test_a_rapl_counter_that_may_not_be_read_is_no_meter(tmp_path: Path) -> None:
    """An unreadable counter gives its reason and never 0 joules."""
    folder = _rapl(tmp_path)
    (folder / "energy_uj").unlink()
    with pytest.raises(BuildError, match=r"energy_uj cannot be read .*udev rule"):
        RaplMeter(tmp_path)
    meter, why = find_meter(tmp_path, ("VDD_IN",), gpu=False)
    assert meter is None
    assert why.startswith("no power rail VDD_IN on this machine; intel-rapl:0/energy_uj cannot be read")


def test_a_rail_is_volts_times_amperes_over_time(tmp_path: Path) -> None:
    """5 V x 1.2 A for 10 s are 60 J, however often the thread looked."""
    _rail(tmp_path)
    now = [100.0]
    meter = RailMeter(tmp_path, "VDD_IN", clock=lambda: now[0])
    before = meter.read_uj()
    now[0] += 10
    assert meter.read_uj() - before == pytest.approx(60_000_000)
    meter.close()


def test_the_profiles_rail_goes_before_rapl(tmp_path: Path) -> None:
    """A board rail sees more than the processor package, so it is taken first, and closed after use."""
    _rail(tmp_path)
    _rapl(tmp_path)
    with metering(tmp_path, ("rapl:package", "VDD_IN"), gpu=False) as (meter, why):
        assert meter is not None
        assert meter.words.startswith("rail VDD_IN")
        assert not why


class FakeMeter:
    """Every inference of an engine costs a fixed energy; nothing else does."""

    words = "a meter in software"

    def __init__(self, prices: dict[StubEngine, int]) -> None:
        self._prices = prices

    def read_uj(self) -> int:
        return sum(engine.runs * price for engine, price in self._prices.items())

    def close(self) -> None:
        """Nothing is held."""


def test_metered_energy_is_that_of_each_engine() -> None:
    """Windows around each engine give its own price a frame, whatever the other one costs."""
    fp16, int8 = StubEngine(SPEC), StubEngine(SPEC)
    with fp16, int8:
        seen: list[tuple[str, int, int]] = []
        meter = FakeMeter({fp16: 86_000, int8: 71_400})
        costs = metered({"fp16": fp16, "int8": int8}, meter, 0.06, lambda *call: seen.append(call))
    assert (costs["fp16"].saturated_uj, costs["int8"].saturated_uj) == (86_000, 71_400)
    assert (costs["fp16"].marginal_uj, costs["fp16"].idle_mw) == (86_000, 0)
    assert costs["fp16"].method.startswith("measured: a meter in software, 0.06 s an engine")
    assert seen[-1] == ("metering energy", 10, 10)


def test_an_estimate_says_so_with_formula_class_and_source(profile: HardwareProfile) -> None:
    """Latency times power above idle, the assumption and the reason why nothing was metered are all in the sentence."""
    cost = estimated({"fp16": Run(frames=100, wall_us=200_000, cpu_us=400_000)}, profile, "no RAPL counter", gpu=False)["fp16"]
    assert cost.saturated_uj == cost.marginal_uj + profile.idle_power_mw * 2
    assert cost.marginal_uj % 2 == 0
    assert cost.method.startswith("estimated: 2000 us x ")
    for words in ("2.00 busy cores x ", "class assumed", "profile generic-x86", "nothing was metered: no RAPL counter"):
        assert words in cost.method


def test_a_gpu_estimate_is_a_share_of_idle_power(profile: HardwareProfile) -> None:
    """For a GPU without a meter the board's idle power is scaled as one traced board's was."""
    cost = estimated({"fp16": Run(100, 200_000, 0)}, profile, "no meter", gpu=True)["fp16"]
    assert cost.marginal_uj == profile.idle_power_mw * 12 // 10 * 2
    assert "class derived: Orin Nano Super" in cost.method


def test_back_to_back_runs_count_every_inference() -> None:
    """Frames are those the engine ran; even no time at all runs one."""
    with StubEngine(SPEC) as engine:
        start = engine.runs
        run = saturate(engine, 0.0)
        assert (run.frames, engine.runs - start) == (1, 1)
        both = saturate_all({"fp16": engine}, 0.02, rounds=2)["fp16"]
        assert both.frames == engine.runs - start - 1
        assert both.mean_us == both.wall_us // both.frames


def test_a_gpu_is_metered_by_its_energy_counter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NVML counts millijoules; where it has no counter, or cannot be imported, there is a reason and no number."""
    import sys
    from types import ModuleType

    class NoCounterError(Exception):
        """What NVML raises."""

    nvml = ModuleType("pynvml")
    counter = [5000]
    closed: list[bool] = []
    vars(nvml).update(
        NVMLError=NoCounterError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: counter[handle],
        nvmlShutdown=lambda: closed.append(True),
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    with metering(tmp_path, (), gpu=True) as (meter, why):
        assert meter is not None
        assert (meter.read_uj(), why) == (5_000_000, "")
    assert closed == [True]

    def refuse() -> None:
        raise NoCounterError("Not Supported")

    monkeypatch.setattr(nvml, "nvmlInit", refuse)
    assert find_meter(tmp_path, (), gpu=True) == (None, "NVML has no energy counter here (Not Supported)")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "NVML cannot be imported" in find_meter(tmp_path, (), gpu=True)[1]
