"""The state as Prometheus text. What is missing has no series: a dead sensor is never exported as a number.

Base units throughout (celsius, watts, joules, seconds, hertz, bytes, ratio); what counts ends in ``_total``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adaptd.gateway.feed import Seen, State
from adaptd.gateway.latency import Histogram

if TYPE_CHECKING:
    from prometheus_client.core import Metric

READINGS = {
    "temperature_mc": ("adaptd_temperature_celsius", "Temperature that decisions rest on"),
    "power_mw": ("adaptd_power_watts", "Board power that decisions rest on"),
    "light_mlx": ("adaptd_illuminance_lux", "Ambient light that decisions rest on"),
}
LIMITS = {
    "limit_mc": ("adaptd_temperature_limit_celsius", "Temperature that the policy lets nothing pass", 1000),
    "critical_mc": ("adaptd_temperature_critical_celsius", "Temperature at which nothing is served", 1000),
    "budget_mw": ("adaptd_power_budget_watts", "Power budget that holds now", 1000),
    "target_fps": ("adaptd_frame_rate_target_hertz", "Frame rate that the policy wants", 1),
    "floor_fps": ("adaptd_frame_rate_floor_hertz", "Frame rate that the policy asks at least", 1),
    "max_loss_ppm": ("adaptd_loss_limit_ratio", "Share of frames that may differ from the reference", 1_000_000),
    "deadline_us": ("adaptd_frame_deadline_seconds", "Latency after which a frame is worth nothing", 1_000_000),
}
ACCOUNT = {
    "delivered": ("delivered_frames", "Frames delivered in the account's window", 1),
    "efficient": ("efficient_frames", "Frames that an efficient variant served in the account's window", 1),
    "shadowed": ("shadowed_frames", "Frames that ran on both engines in the account's window", 1),
    "differed": ("differed_frames", "Shadowed frames that differed from the reference in the account's window", 1),
    "bound_ppm": (
        "bound_ratio",
        "Upper bound on the share of delivered frames that differed, in the account's window",
        1_000_000,
    ),
    "limit_ppm": ("limit_ratio", "Share of delivered frames that may differ, in the account's window", 1e6),
}
Rows = Mapping[Any, float]  # label values as a tuple, then the number
MODES = ("reference", "efficient", "reduced", "protect", "stopped", "fault")


@dataclass(frozen=True, slots=True)
class Sight:
    """What one scrape is made of. ``box`` and ``version`` name the gateway; ``log_bytes`` is None where it is not known."""

    state: State
    latencies: Mapping[str, Histogram]
    log_bytes: int | None
    box: str
    version: str


def render(sight: Sight) -> bytes:
    from prometheus_client import CollectorRegistry, generate_latest

    class FromSight:
        def collect(self) -> "Iterator[Metric]":
            yield from families(sight)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(FromSight())
    return bytes(generate_latest(registry))


def families(sight: Sight) -> "Iterator[Metric]":
    """Every metric family of one state; without a status document only those of the gateway itself."""
    yield _gauge("adaptd_up", "1 while the daemon answers the gateway", {(): int(isinstance(sight.state, Seen))})
    yield _gauge("adaptd_build_info", "Version of the gateway", {(sight.version, sight.box): 1}, "version", "box")
    if sight.log_bytes is not None:
        yield _gauge("adaptd_log_size_bytes", "Bytes of the log on disk", {(): sight.log_bytes})
    yield from _latencies(sight.latencies)
    if isinstance(sight.state, Seen):
        document = sight.state.document
        yield from _sensors(document)
        yield from _serving(document)
        yield from _counters(document)
        yield from _proof(document)
        yield from _log(document)


def _sensors(document: dict[str, Any]) -> "Iterator[Metric]":
    up: dict[tuple[str], float] = {}
    for key, (name, words) in READINGS.items():
        reading = document["sensors"].get(key, {"missing": "unknown"})
        up[(key.rsplit("_", 1)[0],)] = int("missing" not in reading)
        if "missing" not in reading:
            labels = (reading["source"], str(reading["simulated"]).lower())
            yield _gauge(name, words, {labels: reading["value"] / 1000}, "source", "simulated")
    yield _gauge("adaptd_sensor_up", "1 where the quantity has a reading", up, "quantity")
    for key, (name, words, scale) in LIMITS.items():
        limit = document.get("limits", {}).get(key)
        if limit is not None:
            yield _gauge(name, words, {(): limit / scale})
    temperature, limit_mc = document["sensors"]["temperature_mc"], document.get("limits", {}).get("limit_mc")
    if "missing" not in temperature and limit_mc is not None:
        headroom = {(): (limit_mc - temperature["value"]) / 1000}
        yield _gauge("adaptd_temperature_headroom_celsius", "How much hotter it may get before the limit", headroom)


def _serving(document: dict[str, Any]) -> "Iterator[Metric]":
    point = document["operating_point"]
    yield _gauge("adaptd_frame_rate_hertz", "Frame rate that is served", {(point["variant"],): point["fps"]}, "variant")
    modes = {(mode,): float(mode == document["state"]) for mode in MODES}
    yield _gauge("adaptd_mode", "1 for the mode that holds", modes, "mode")
    yield _gauge("adaptd_light_band", "1 for the light band that holds", {(str(document.get("band", "")),): 1}, "band")
    conditions = {(name,): float(holds) for name, holds in document.get("conditions", {}).items()}
    yield _gauge("adaptd_condition", "1 where the named condition holds", conditions, "name")
    policy = document.get("policy", {})
    labels = (str(policy.get("name", "")), str(policy.get("sha256", "")))
    yield _gauge("adaptd_policy_info", "Policy that holds", {labels: 1}, "name", "sha256")
    age = document.get("age_ms", 0) / 1000
    yield _gauge("adaptd_decision_age_seconds", "Time since the last decision: a loop that hangs shows here", {(): age})
    yield _gauge("adaptd_uptime_seconds", "Time since the daemon started", {(): document.get("uptime_s", 0)})


def _counters(document: dict[str, Any]) -> "Iterator[Metric]":
    for key in ("delivered", "missed", "dropped", "shadow"):
        words = f"Frames {key} since the daemon started"
        yield _counter(f"adaptd_frames_{key}", words, {(): document["frames"].get(key, 0)})
    served = {(variant,): frames for variant, frames in document.get("served", {}).items()}
    yield _counter("adaptd_frames_served", "Frames served by each variant since the daemon started", served, "variant")
    yield _counter("adaptd_swaps", "Changes of the engine since the daemon started", {(): document.get("swaps", 0)})
    refusals = {(name,): count for name, count in document.get("refusals", {}).items()}
    words = "Decisions in which this condition refused a point worth more, since the daemon started"
    yield _counter("adaptd_refusals", words, refusals, "condition")
    energy = document.get("energy")
    if energy is not None:
        joules = {(str(energy["simulated"]).lower(),): energy["total_mj"] / 1000}
        yield _counter(
            "adaptd_energy_joules", "Board energy since the daemon started, while power was known", joules, "simulated"
        )
        unknown = {(): energy["unknown_s"]}
        yield _counter("adaptd_power_unknown_seconds", "Time without a power reading since the daemon started", unknown)


def _proof(document: dict[str, Any]) -> "Iterator[Metric]":
    evidence = document.get("evidence", {})
    admitted = {(band, row["variant"]): float(row["admitted"]) for band, row in evidence.items()}
    yield _gauge("adaptd_admitted", "1 where the variant is proven in the band", admitted, "band", "variant")
    bounds = {(band, row["variant"]): row["bound_ppm"] / 1e6 for band, row in evidence.items()}
    yield _gauge("adaptd_loss_bound_ratio", "Upper bound on the loss of the variant in the band", bounds, "band", "variant")
    account = document.get("account", {})
    for key, (name, words, scale) in ACCOUNT.items():
        rows = {(band,): row[key] / scale for band, row in account.items() if row.get(key) is not None}
        if rows:
            yield _gauge(f"adaptd_account_{name}", words, rows, "band")
    opened = {(band,): float(bool(row.get("open"))) for band, row in account.items()}
    if opened:
        yield _gauge("adaptd_account_open", "1 where the account lets an efficient variant serve", opened, "band")


def _log(document: dict[str, Any]) -> "Iterator[Metric]":
    audit = document["audit"]
    yield _gauge("adaptd_log_degraded", "1 while the log cannot be written as it should", {(): int(audit["degraded"])})
    yield _counter("adaptd_log_records", "Records in the log", {(): audit["seq"] + 1})
    signed = {(): audit["checkpoint_seq"] + 1}
    yield _gauge("adaptd_log_signed_records", "Records that the last checkpoint signed", signed)


def _latencies(histograms: Mapping[str, Histogram]) -> "Iterator[Metric]":
    from prometheus_client.core import HistogramMetricFamily

    words = "Latency of delivered frames since the gateway started"
    family = HistogramMetricFamily("adaptd_frame_latency_seconds", words, labels=["variant"])
    for variant, histogram in sorted(histograms.items()):
        family.add_metric([variant], histogram.buckets(), histogram.sum_us / 1e6)
    if histograms:
        yield family


def _gauge(name: str, words: str, rows: Rows, *labels: str) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    return _filled(GaugeMetricFamily(name, words, labels=labels), rows)


def _counter(name: str, words: str, rows: Rows, *labels: str) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    return _filled(CounterMetricFamily(name, words, labels=labels), rows)


def _filled(family: Any, rows: Rows) -> "Metric":
    for values, number in rows.items():
        family.add_metric(list(values), number)
    return family
