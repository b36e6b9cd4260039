"""History in steps: gaps stay gaps, the log comes before the live part, and memory is bounded."""

import json
from typing import Any

from adaptd.gateway.history import MAX_SWAPS, Span
from tests.gateway.rig import DOCUMENT

T = 1_800_000_000_000


def document(temperature_mc: int | None, variant: str = "int8") -> dict[str, Any]:
    """A status document with this temperature."""
    reading = {"missing": "EIO"} if temperature_mc is None else {"value": temperature_mc, "simulated": False}
    return {**DOCUMENT, "sensors": {"temperature_mc": reading}, "operating_point": {"variant": variant, "fps": 10.0}}


def test_a_step_is_the_mean_of_what_was_read_and_null_where_nothing_was() -> None:
    """Two readings in a step give their mean; a step without any gives null, never zero."""
    span = Span(5000, 60_000)
    span.live(document(40_000), T)
    span.live(document(42_000), T + 1000)
    span.live(document(None), T + 5000)
    words = span.words(T + 6000)
    assert words["columns"]["temperature_mc"] == [41_000, None]
    assert words["columns"]["fps_mfps"] == [10_000, 10_000]


def test_time_without_the_daemon_is_a_gap() -> None:
    """Between two steps far apart stands one null, so that no line is drawn through."""
    span = Span(5000, 600_000)
    span.live(document(40_000), T)
    span.live(document(41_000), T + 60_000)
    assert span.words(T + 60_000)["columns"]["temperature_mc"] == [40_000, None, 41_000]


def test_what_the_log_says_comes_before_what_was_seen_and_twice_is_once() -> None:
    """Rows of the log stand before the first live step; reading the log again changes nothing; nonsense lines are left out."""
    row = {"at_ms": T - 10_000, "temperature_mc": 39_000, "power_mw": None, "fps_mfps": 5000, "variant": "fp16", "band": "night"}
    later = {**row, "at_ms": T + 5000, "temperature_mc": 1}
    swap = {"swap_ms": T - 9000, "from": "int8", "to": "fp16"}
    text = "\n".join([json.dumps(row), json.dumps(swap), "garbage", "[1]", '{"at_ms":"x"}', json.dumps(later)]).encode()
    span = Span(5000, 600_000)
    span.live(document(40_000), T)
    for _ in range(2):
        span.logged(text)
        words = span.words(T)
        assert words["columns"]["temperature_mc"] == [39_000, 40_000]
        assert words["columns"]["variant"] == ["fp16", "int8"]
        assert [one["to"] for one in words["swaps"]] == ["fp16"]


def test_swaps_are_marked_where_the_engine_changed() -> None:
    """A change of the engine that served is a swap with its time; no frame served is none."""
    span = Span(5000, 600_000)
    for number, variant in enumerate(("int8", "int8", "fp16", "", "fp16", "int8")):
        span.live(document(40_000, variant), T + 1000 * number)
    swaps = span.words(T + 6000)["swaps"]
    assert [(one["from"], one["to"]) for one in swaps] == [("int8", "fp16"), ("fp16", "int8")]


def test_a_week_of_status_fills_no_more_than_the_span() -> None:
    """Old steps and swaps make room; the clock set back by a day begins the span anew."""
    span = Span(5000, 60_000)
    for number in range(3000):
        span.live(document(40_000, "int8" if number % 2 else "fp16"), T + 1000 * number)
    words = span.words(T + 3_000_000)
    assert len(words["columns"]["at_s"]) <= 13
    assert len(words["swaps"]) <= min(MAX_SWAPS, 61)
    span.live(document(30_000), T - 86_400_000)
    assert span.words(T - 86_400_000)["columns"]["temperature_mc"] == [30_000]
