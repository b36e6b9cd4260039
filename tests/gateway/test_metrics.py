"""Metrics: what is missing has no series, names and units are Prometheus's, and promtool has nothing to say."""

import shutil
import subprocess
from pathlib import Path

import pytest

from adaptd.gateway.feed import Absent, Reason, Seen
from adaptd.gateway.latency import BOUNDS_US, Histogram, Latencies
from adaptd.gateway.metrics import Sight, render
from tests.gateway.rig import DOCUMENT

ACCOUNT = {
    "dim": {
        "window_end_utc": "2026-11-29T00:00:00Z", "delivered": 1000, "efficient": 900, "shadowed": 50, "differed": 1,
        "bound_ppm": 3100, "limit_ppm": 5000, "open": True,
    }
}  # fmt: skip


def text(**changed: object) -> str:
    """Metrics of the sample document with some keys changed."""
    histogram = Histogram()
    for latency_us in (900, 4000, 4000, 70_000, 5_000_000):
        histogram.add(latency_us)
    seen = Seen({**DOCUMENT, **changed}, 1, 0, 0)
    return render(Sight(seen, {"int8": histogram}, 12_345, "box", "1.2.3")).decode()


def test_a_missing_sensor_has_no_series_and_is_marked_down() -> None:
    """A dead power sensor is absent and counted as down, never 0 watts."""
    found = text()
    assert "adaptd_power_watts" not in found
    assert 'adaptd_sensor_up{quantity="power"} 0.0' in found
    assert 'adaptd_temperature_celsius{simulated="false",source="cpu-thermal"} 61.25' in found
    assert "adaptd_temperature_headroom_celsius 23.75" in found
    assert "adaptd_power_budget_watts" not in found, "no budget is no series"


def test_energy_refusals_and_frames_count_in_base_units() -> None:
    """Joules, frames and refusals are counters that end in _total."""
    found = text()
    assert 'adaptd_energy_joules_total{simulated="false"} 4500.0' in found
    assert 'adaptd_refusals_total{condition="power_budget"} 7.0' in found
    assert 'adaptd_frames_served_total{variant="fp16"} 234.0' in found
    assert 'adaptd_mode{mode="efficient"} 1.0' in found
    assert "adaptd_log_size_bytes 12345.0" in found


def test_every_frame_is_in_the_histogram_once() -> None:
    """Buckets are cumulative, the last holds all, and the sum is in seconds."""
    found = text()
    assert 'adaptd_frame_latency_seconds_bucket{le="0.001",variant="int8"} 1.0' in found
    assert 'adaptd_frame_latency_seconds_bucket{le="0.005",variant="int8"} 3.0' in found
    assert 'adaptd_frame_latency_seconds_bucket{le="+Inf",variant="int8"} 5.0' in found
    assert 'adaptd_frame_latency_seconds_sum{variant="int8"} 5.0789' in found
    assert len(Histogram().buckets()) == len(BOUNDS_US) + 1


def test_results_without_a_latency_are_left_out_and_variants_are_bounded() -> None:
    """A strange result counts nothing, and a worker that invents variants fills no memory."""
    latencies = Latencies(Path("/nonexistent"), lambda path, wait_s: iter([]))
    for result in ({}, {"variant": "a"}, {"variant": "a", "latency_us": "x"}, {"variant": "a", "latency_us": -1}):
        latencies.take(result)
    assert latencies.histograms == {}
    for number in range(1000):
        latencies.take({"variant": str(number), "latency_us": 5})
    assert len(latencies.histograms) == 16


def test_the_account_appears_when_the_daemon_keeps_one() -> None:
    """Window figures, bound and limit of each band are exported; without an account there is none of them."""
    assert "adaptd_account" not in text()
    found = text(account=ACCOUNT)
    assert 'adaptd_account_bound_ratio{band="dim"} 0.0031' in found
    assert 'adaptd_account_open{band="dim"} 1.0' in found
    assert 'adaptd_account_delivered_frames{band="dim"} 1000.0' in found


def test_a_daemon_that_is_away_exports_nothing_of_its_own() -> None:
    """Only the gateway's own series remain: no last temperature stands there as if it were news."""
    found = render(Sight(Absent(Reason.UNREACHABLE, "x", 0, 0), {}, None, "box", "1")).decode()
    assert "adaptd_up 0.0" in found
    assert "celsius" not in found


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")
def test_promtool_has_nothing_to_say() -> None:
    """Names, units, help texts and label syntax pass Prometheus's own check in silence, hostile names included."""
    hostile = {'a"b\\c\nd</script>': True}
    sample = text(account=ACCOUNT, conditions=hostile)
    done = subprocess.run(["promtool", "check", "metrics"], input=sample, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, ""), done.stderr
