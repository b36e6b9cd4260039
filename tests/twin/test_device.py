"""The software device obeys physics that has closed forms."""

from math import exp, sqrt

import pytest

from adaptd.config.profile import HardwareProfile
from adaptd.twin.device import Thermal, TwinDevice
from adaptd.twin.world import Follower, Noise, TrueBand, bands_at
from adaptd.vocabulary import RawReading
from tests.twin.worlds import policy, profile, scenario


def _closed_form(board: HardwareProfile, watts: float, t_s: float) -> float:
    return sum(pole.r_uk_per_mw / 1000 * watts * (1 - exp(-t_s * 1000 / pole.tau_ms)) for pole in board.poles)


def _thermal(board: HardwareProfile, **truth: int) -> Thermal:
    heat = Thermal(board, scenario(**truth))
    heat.settle(0.0)
    return heat


def test_a_step_of_power_warms_along_the_poles_exponentials() -> None:
    """After a step of 10 W the rise is sum r P (1 - e^(-t/tau)) at every second."""
    board, heat = profile(), _thermal(profile())
    for second in range(1, 200):
        assert heat.advance(1_000_000, 10.0) == pytest.approx(_closed_form(board, 10.0, second), rel=1e-12)


def test_the_step_size_does_not_change_the_temperature() -> None:
    """One step of a minute and six hundred of a tenth of a second end at the same temperature."""
    coarse, fine = _thermal(profile()), _thermal(profile())
    rise = coarse.advance(60_000_000, 7.0)
    for _ in range(600):
        last = fine.advance(100_000, 7.0)
    assert last == pytest.approx(rise, rel=1e-12)


def test_truth_scales_resistance_and_time_constants() -> None:
    """r_scale multiplies the steady rise, tau_scale stretches time."""
    board = profile()
    heat = _thermal(board, r_scale_ppm=1_300_000, tau_scale_ppm=2_000_000)
    for second in range(1, 60):
        assert heat.advance(1_000_000, 4.0) == pytest.approx(1.3 * _closed_form(board, 4.0, second / 2), rel=1e-12)


def test_a_device_at_rest_stays_where_it_started() -> None:
    """At idle the steady state at the start does not drift."""
    device = TwinDevice(scenario(), profile())
    start = device.temperature_mc
    for _ in range(300):
        device.advance(1_000_000, 0.0)
    assert device.temperature_mc == pytest.approx(start, abs=1e-6)


def test_a_hot_start_starts_hot() -> None:
    """start_c is the temperature of the first reading."""
    assert TwinDevice(scenario(start_mc=88_000), profile()).temperature_mc == pytest.approx(88_000)


def test_energy_is_power_times_time() -> None:
    """The energy of an episode is idle, other load and what the engines used, to the microjoule."""
    device = TwinDevice(scenario(other_load_mw=((0, 700),)), profile())
    for n in range(100):
        device.advance(500_000, 1000.0 * n)
    idle_uj = (profile().idle_power_mw + 700) * 50 * 1000
    assert device.energy_uj == pytest.approx(idle_uj + 1000 * sum(range(100)), rel=1e-12)


def test_a_sensor_lags_by_its_time_constant() -> None:
    """One lag after a jump of the air the sensor has seen 63 % of it."""
    device = TwinDevice(scenario(lag_temperature_us=4_000_000, ambient_mc=((0, 50_000), (1_000_000, 60_000))), profile())
    readings = []
    for _ in range(30):
        device.advance(1_000_000, 0.0)
        reading = device.read(device.t_us)[0]
        assert isinstance(reading, RawReading)
        readings.append(reading.value)
    start = readings[0] - 10_000 * (1 - exp(-1 / 4))
    assert readings[3] - start == pytest.approx(10_000 * (1 - exp(-1)), abs=2)
    assert readings[-1] - start == pytest.approx(10_000, abs=20)


def test_every_reading_is_marked_simulated() -> None:
    """Nothing that the software device says can be taken for a measurement."""
    readings = TwinDevice(scenario(), profile()).read(0)
    assert all(isinstance(reading, RawReading) and reading.simulated for reading in readings)


def test_noise_has_the_stated_deviation_and_no_bias() -> None:
    """20,000 draws have mean 0 and deviation 1 within their own error, and the same seed repeats them."""
    stream = Noise(3, "temperature").normal
    draws = [stream() for _ in range(20_000)]
    mean = sum(draws) / len(draws)
    assert abs(mean) < 4 / sqrt(len(draws))
    assert sqrt(sum(x * x for x in draws) / len(draws)) == pytest.approx(1.0, abs=0.02)
    again = Noise(3, "temperature").normal
    assert draws[:50] == [again() for _ in range(50)]
    other = Noise(3, "power").normal
    assert draws[:5] != [other() for _ in range(5)]


def test_signals_are_linear_between_their_points_and_constant_outside() -> None:
    """A curve is followed forwards, backwards and beyond its ends; a repeated time is a step."""
    curve = Follower(((1_000_000, 10), (3_000_000, 30), (3_000_000, 5), (4_000_000, None), (5_000_000, 1)))
    wanted = [(0, 10), (2_000_000, 20), (3_000_000, 5), (3_500_000, 5), (4_500_000, None), (9_000_000, 1), (1_500_000, 15)]
    for t_us, value in wanted:
        assert curve.at(t_us) == value
    with pytest.raises(ValueError, match="gives nothing"):
        curve.number(4_500_000)


def test_the_true_band_has_the_policys_hysteresis() -> None:
    """Light that falls from dim to 10 lux is still dim, light that rises from night to 10 lux is still night."""
    band = TrueBand(policy().bands)
    path = [(500_000, "bright"), (200_000, "bright"), (149_000, "dim"), (10_000, "dim"), (7_900, "night"), (10_000, "night")]
    assert [band.follow(light) for light, _ in path] == [name for _, name in path]
    assert band.inside == ("night", "dim")
    assert bands_at(policy().bands, 500) == ("night",)
