"""Metrics never turn a missing sensor into a number."""

from typing import Any

from adaptd.serve.metrics import render

DOCUMENT: dict[str, Any] = {
    "operating_point": {"variant": "int8", "fps": 15.0},
    "sensors": {
        "temperature_mc": {"missing": "EIO"},
        "power_mw": {"value": 6500, "age_ms": 3, "source": "VDD_IN", "simulated": False},
        "light_mlx": {"value": 0, "age_ms": 3, "source": "iio", "simulated": True},
    },
    "frames": {"delivered": 10, "missed": 1, "dropped": 2, "shadow": 3},
    "conditions": {"too_hot": False, "light_unknown": True},
    "evidence": {"bright": {"variant": "int8", "admitted": True, "samples": 5, "bound_ppm": 4000}},
    "audit": {"degraded": False},
}


def test_a_missing_sensor_has_no_series_and_is_marked_down() -> None:
    """A dead temperature sensor is absent and counted as down; it is never exported as 0 degrees."""
    text = render(DOCUMENT)
    assert "adaptd_temperature_celsius" not in text
    assert 'adaptd_sensor_up{quantity="temperature"} 0.0' in text
    assert 'adaptd_power_watts{simulated="false",source="VDD_IN"} 6.5' in text
    assert 'adaptd_illuminance_lux{simulated="true",source="iio"} 0.0' in text, "a measured 0 lux is a number"


def test_conditions_admissions_and_counters_are_exported() -> None:
    """What a dashboard needs is there, in base units."""
    text = render(DOCUMENT)
    assert 'adaptd_condition{name="light_unknown"} 1.0' in text
    assert 'adaptd_admitted{band="bright",variant="int8"} 1.0' in text
    assert "adaptd_frames_delivered_total 10.0" in text
    assert 'adaptd_frame_rate_fps{variant="int8"} 15.0' in text


def test_before_the_first_decision_there_is_nothing_to_export() -> None:
    """A daemon that is still starting exports no made-up zeros."""
    assert render({"state": "starting"}) == ""
