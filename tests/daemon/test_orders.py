"""Orders from outside: taken, ended by themselves, refused with the remedy."""

import pytest

from adaptd.daemon.orders import Orders

S = 1_000_000


def test_a_budget_holds_until_it_ends_or_is_taken_back() -> None:
    """A power manager asks for 9.5 W for a minute; the policy's budget comes back by itself, or at once by null."""
    orders = Orders()
    assert orders.take_budget({"budget_w": 9.5, "for_s": 60, "reason": "supply sags"}, 1000, 5 * S) == ""
    assert orders.budget_mw(64 * S) == 9500
    assert orders.words(35 * S) == {"budget": {"by": "uid 1000", "left_s": 30, "budget_mw": 9500}}
    assert orders.budget_mw(65 * S) is None
    assert orders.take_budget({"budget_w": 8}, 0, 70 * S) == ""
    assert orders.budget_mw(70_000 * S) == 8000
    assert orders.take_budget({"budget_w": None}, 0, 70_001 * S) == ""
    assert orders.budget_mw(70_001 * S) is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"budget_w": -3},
        {"budget_w": 0},
        {"budget_w": float("nan")},
        {"budget_w": float("inf")},
        {"budget_w": "9"},
        {"budget_w": True},
        {"budget_w": 1e9},
        {"budget_w": 9, "for_s": 0},
        {"budget_w": 9, "for_s": "long"},
        {"budget_w": 9, "for_s": 1e9},
        {"budget_w": 9, "until": "noon"},
        {"budget_w": 9, "reason": 7},
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused_and_the_last_one_stays(body: dict[str, object]) -> None:
    """Negative, not a number, for no time: one line with the remedy, and nothing changes."""
    orders = Orders()
    orders.take_budget({"budget_w": 11}, 0, 0)
    assert orders.take_budget(body, 0, S)
    assert orders.budget_mw(S) == 11_000


def test_the_reference_is_held_for_the_minutes_asked_with_a_reason() -> None:
    """A hold needs a reason, ends by itself, and can be ended."""
    orders = Orders()
    assert "reason is needed" in orders.take_hold({"minutes": 5}, 0, 0)
    assert "minutes is -1" in orders.take_hold({"minutes": -1, "reason": "x"}, 0, 0)
    assert "a hold is" in orders.take_hold({"hours": 1}, 0, 0)
    assert not orders.held(0)
    assert orders.take_hold({"minutes": 5, "reason": "inspection"}, 7, 0) == ""
    assert orders.held(299 * S)
    assert not orders.held(300 * S)
    orders.take_hold({"minutes": 5, "reason": "inspection"}, 7, 0)
    assert orders.take_hold({"minutes": 0}, 7, S) == ""
    assert not orders.held(S)
