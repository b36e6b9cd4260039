"""The status document as Prometheus text. A sensor that is missing has no series, and `adaptd_sensor_up` says so."""

from collections.abc import Iterator
from typing import Any

GAUGES = {
    "temperature_mc": ("adaptd_temperature_celsius", "Regulated temperature", 1000),
    "power_mw": ("adaptd_power_watts", "Board power", 1000),
    "light_mlx": ("adaptd_illuminance_lux", "Ambient light", 1000),
}


def render(document: dict[str, Any]) -> str:
    """Prometheus text of one status document."""
    from prometheus_client import CollectorRegistry, generate_latest

    class FromStatus:
        def collect(self) -> Iterator[Any]:
            yield from families(document)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(FromStatus())
    return str(generate_latest(registry).decode())


def families(document: dict[str, Any]) -> Iterator[Any]:
    """The metric families of one status document."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    if "operating_point" not in document:
        return
    up = GaugeMetricFamily("adaptd_sensor_up", "1 where the sensor gives a reading", labels=["quantity"])
    for key, (name, words, factor) in GAUGES.items():
        reading = document["sensors"][key]
        up.add_metric([key.rsplit("_", 1)[0]], 0 if "missing" in reading else 1)
        if "missing" not in reading:
            gauge = GaugeMetricFamily(name, words, labels=["source", "simulated"])
            gauge.add_metric([reading["source"], str(reading["simulated"]).lower()], reading["value"] / factor)
            yield gauge
    yield up
    point = document["operating_point"]
    rate = GaugeMetricFamily("adaptd_frame_rate_fps", "Frame rate that is served", labels=["variant"])
    rate.add_metric([point["variant"]], point["fps"])
    yield rate
    for key in ("delivered", "missed", "dropped", "shadow"):
        counter = CounterMetricFamily(f"adaptd_frames_{key}", f"Frames {key} since start")
        counter.add_metric([], document["frames"][key])
        yield counter
    condition = GaugeMetricFamily("adaptd_condition", "1 where the named condition holds", labels=["name"])
    for name, holds in document["conditions"].items():
        condition.add_metric([name], int(holds))
    yield condition
    admitted = GaugeMetricFamily("adaptd_admitted", "1 where the variant is proven in the band", labels=["band", "variant"])
    for band, found in document["evidence"].items():
        admitted.add_metric([band, found["variant"]], int(found["admitted"]))
    yield admitted
    age = GaugeMetricFamily("adaptd_decision_age_seconds", "Time since the last decision: a control loop that hangs shows here")
    age.add_metric([], document.get("age_ms", 0) / 1000)
    yield age
    degraded = GaugeMetricFamily("adaptd_log_degraded", "1 while the log cannot be written as it should")
    degraded.add_metric([], int(document["audit"]["degraded"]))
    yield degraded
