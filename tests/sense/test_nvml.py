"""NVIDIA's library: numbers with their units, and refusals that become reasons."""

import pytest

from adaptd.sense.nvml import NvmlGpu, NvmlPower, NvmlTemperature
from adaptd.vocabulary import Missing
from tests.sense.fakes import FakeNvml
from tests.sense.judged import said


@pytest.fixture
def library() -> FakeNvml:
    """A GPU that answers everything."""
    return FakeNvml()


def test_temperature_and_first_power_come_in_milli_units(library: FakeNvml) -> None:
    """41 C is 41,000 mC; before two counter values there is the power reading in milliwatt."""
    gpu = NvmlGpu(0, lambda: library)
    assert NvmlTemperature(gpu).read(0) == 41_000
    assert NvmlPower(gpu).read(0) == 122_000


def test_power_is_the_energy_counters_difference_over_time(library: FakeNvml) -> None:
    """266 J in 2 s are 133 W, whatever the sampled power reading says."""
    power = NvmlPower(NvmlGpu(0, lambda: library))
    power.read(0)
    library.energy_mj += 266_000
    assert power.read(2_000_000) == 133_000


def test_a_counter_that_went_back_falls_to_the_power_reading(library: FakeNvml) -> None:
    """The driver was loaded anew: the difference is not used."""
    power = NvmlPower(NvmlGpu(0, lambda: library))
    power.read(0)
    library.energy_mj = 10
    assert power.read(2_000_000) == 122_000


def test_what_is_not_supported_is_asked_for_once(library: FakeNvml) -> None:
    """Orin answers NotSupported; the second read does not ask again."""
    library.refuse("nvmlDeviceGetTemperature", FakeNvml.NVML_ERROR_NOT_SUPPORTED, "Not Supported")
    temperature = NvmlTemperature(NvmlGpu(0, lambda: library))
    assert said(temperature.read(0)) == said(temperature.read(1)) == "not supported by this GPU"
    assert library.calls.count("nvmlDeviceGetTemperature") == 1


def test_a_lost_gpu_is_missing_and_opened_again_when_it_is_back(library: FakeNvml) -> None:
    """After the bus lost the device, readings are Missing until it answers again."""
    temperature = NvmlTemperature(NvmlGpu(0, lambda: library))
    library.refuse("nvmlDeviceGetTemperature", FakeNvml.NVML_ERROR_GPU_IS_LOST, "GPU is lost")
    assert said(temperature.read(0)) == "NVML: gpu is lost"
    library.refusals.clear()
    assert temperature.read(1) == 41_000
    assert library.calls.count("nvmlInit") == 2


def test_without_the_library_the_remedy_is_named() -> None:
    """A machine without nvidia-ml-py says what to install."""

    def absent() -> object:
        raise ImportError("No module named 'pynvml'")

    assert said(NvmlTemperature(NvmlGpu(0, absent)).read(0)) == "not installed: pip install nvidia-ml-py"


def test_without_a_driver_it_is_missing(library: FakeNvml) -> None:
    """The library without a driver is Missing, at every read anew."""
    library.refuse("nvmlInit", 9, "Driver Not Loaded")
    assert said(NvmlTemperature(NvmlGpu(0, lambda: library)).read(0)) == "NVML: driver not loaded"


def test_an_answer_that_is_no_whole_number_is_missing(library: FakeNvml) -> None:
    """A library that changed its mind about types cannot pass a float on."""
    library.celsius = 41.5  # type: ignore[assignment]
    assert isinstance(NvmlTemperature(NvmlGpu(0, lambda: library)).read(0), Missing)
