"""The status document as Prometheus text. A sensor that is missing has no series, and `adaptd_sensor_up` says so."""

from collections.abc import Iterator, Mapping
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
    from prometheus_client.core import CounterMetricFamily

    if "operating_point" not in document:
        return
    sensors, point, evidence = document["sensors"], document["operating_point"], document["evidence"]
    for key, (name, words, factor) in GAUGES.items():
        reading = sensors[key]
        if "missing" not in reading:
            labels = (reading["source"], str(reading["simulated"]).lower())
            yield _gauge(name, words, {labels: reading["value"] / factor}, "source", "simulated")
    up = {(key.rsplit("_", 1)[0],): 0 if "missing" in sensors[key] else 1 for key in GAUGES}
    yield _gauge("adaptd_sensor_up", "1 where the sensor gives a reading", up, "quantity")
    yield _gauge("adaptd_frame_rate_fps", "Frame rate that is served", {(point["variant"],): point["fps"]}, "variant")
    for key in ("delivered", "missed", "dropped", "shadow"):
        yield CounterMetricFamily(f"adaptd_frames_{key}", f"Frames {key} since start", document["frames"][key])
    holds = {(name,): int(holds) for name, holds in document["conditions"].items()}
    yield _gauge("adaptd_condition", "1 where the named condition holds", holds, "name")
    proven = {(band, found["variant"]): int(found["admitted"]) for band, found in evidence.items()}
    yield _gauge("adaptd_admitted", "1 where the variant is proven in the band", proven, "band", "variant")
    words = "Time since the last decision: a control loop that hangs shows here"
    yield _gauge("adaptd_decision_age_seconds", words, {(): document.get("age_ms", 0) / 1000})
    words = "1 while the log cannot be written as it should"
    yield _gauge("adaptd_log_degraded", words, {(): int(document["audit"]["degraded"])})


def _gauge(name: str, words: str, values: Mapping[Any, float], *labels: str) -> Any:
    """A gauge with its values by what its labels say."""
    from prometheus_client.core import GaugeMetricFamily

    gauge = GaugeMetricFamily(name, words, labels=labels)
    for said, value in values.items():
        gauge.add_metric(said, value)
    return gauge
