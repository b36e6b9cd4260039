"""Orders from outside only ever restrict, say who asked, and end."""

from typing import Any

import pytest

from adaptd.daemon.orders import Orders, asked_by
from adaptd.serve.api import Change
from adaptd.vocabulary import OperatingPoint, Snapshot, Telemetry
from tests.readings import sensed

MINUTE_US = 60_000_000


def snapshot(now_us: int, budget_mw: int | None = 12_000) -> Snapshot:
    """A moment in which all is well."""
    worker = Telemetry(alive=True, point=OperatingPoint("int8", 15_000))
    return sensed(now_us, 40_000, 40_000, 40_000, worker, budget_mw)


def ordered(verb: str, **body: Any) -> tuple[Orders, str, list[Any]]:
    """Orders after one request at time 0, what was said against it, and what was put on record."""
    noted: list[Any] = []
    orders = Orders(lambda kind, fields: noted.append((kind, fields)))
    return orders, orders.take(Change(verb, body, 1000), 0), noted


def test_a_hold_sets_the_efficient_variants_aside_until_it_is_over() -> None:
    """For its minutes the decision is told that only the reference may serve; then all is as before, and both are on record."""
    orders, refused, noted = ordered("/v1/hold", minutes=2, reason="vet's visit", by="anna")
    assert refused == ""
    assert orders.on(snapshot(MINUTE_US), ("int8",)).worker.quarantined == ("int8",)
    assert orders.words(MINUTE_US)["hold"] == {"by": "anna (uid 1000)", "reason": "vet's visit", "left_s": 60}
    later = snapshot(2 * MINUTE_US)
    assert orders.on(later, ("int8",)) == later
    assert orders.words(2 * MINUTE_US) == {}
    assert [fields["order"] for _, fields in noted] == ["hold", "hold_over"]
    assert noted[0][1]["by"] == "anna (uid 1000)"


def test_a_hold_can_be_ended_early() -> None:
    """Minutes 0 lifts it."""
    orders, _, _ = ordered("/v1/hold", minutes=60, reason="x")
    assert orders.take(Change("/v1/hold", {"minutes": 0, "reason": "done"}, 0), 1) == ""
    assert orders.on(snapshot(2), ("int8",)) == snapshot(2)


def test_a_budget_from_outside_counts_only_where_it_is_lower() -> None:
    """Nobody outside can raise what the policy or the supply allows; without any budget the asked one holds."""
    orders, _, _ = ordered("/v1/budget", watts=9.5, reason="cloudy")
    assert orders.on(snapshot(1, 12_000), ()).budget_mw == 9500
    assert orders.on(snapshot(1, 8000), ()).budget_mw == 8000
    assert orders.on(snapshot(1, None), ()).budget_mw == 9500
    assert orders.take(Change("/v1/budget", {"watts": 0, "reason": "sun"}, 0), 2) == ""
    assert orders.on(snapshot(3, 12_000), ()) == snapshot(3, 12_000)


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("/v1/hold", {"minutes": 5}),
        ("/v1/hold", {"minutes": 5, "reason": " "}),
        ("/v1/hold", {"minutes": 5, "reason": "x" * 201}),
        ("/v1/hold", {"minutes": True, "reason": "x"}),
        ("/v1/hold", {"minutes": 1441, "reason": "x"}),
        ("/v1/hold", {"minutes": "5", "reason": "x"}),
        ("/v1/budget", {"watts": float("nan"), "reason": "x"}),
        ("/v1/budget", {"watts": -1, "reason": "x"}),
        ("/v1/budget", {"watts": None, "reason": "x"}),
    ],
)
def test_a_bad_order_changes_nothing_and_is_not_on_record(verb: str, body: dict[str, Any]) -> None:
    """What is wrong is said with what would be right."""
    orders, refused, noted = ordered(verb, **body)
    assert refused
    assert noted == []
    assert orders.on(snapshot(1), ("int8",)) == snapshot(1)


def test_who_asked_is_never_only_a_claim() -> None:
    """The name is the gateway's word; the user id beside it is the kernel's."""
    assert asked_by(Change("/v1/hold", {"by": "anna"}, 5)) == "anna (uid 5)"
    assert asked_by(Change("/v1/hold", {"by": "a\nb"}, 5)) == "uid 5"
    assert asked_by(Change("/v1/hold", {"by": 7}, 5)) == "uid 5"


def test_a_gateways_key_goes_on_record_and_changes_nothing() -> None:
    """The record names the key and who asked; what is no key is refused in one line."""
    notes: list[dict[str, Any]] = []
    orders = Orders(lambda _kind, fields: notes.append(fields))
    good = {"public": "A" * 43 + "=", "reason": "hours are signed with it", "by": "gateway"}
    assert orders.take(Change("/v1/gateway_key", good, 7), 0) == ""
    said = {"order": "gateway_key", "public": good["public"], "by": "gateway (uid 7)", "reason": good["reason"], "uid": 7}
    assert notes == [said]
    for public in ("", "short", 5, None, "\n" * 44):
        assert orders.take(Change("/v1/gateway_key", {**good, "public": public}, 7), 0).startswith("public: ")
    assert orders.on(snapshot(0), ("int8",)) == snapshot(0)
    assert orders.words(0) == {}
