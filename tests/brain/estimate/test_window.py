"""A budget over a window: no window holds more, and what was saved may be spent."""

import random

import pytest

from adaptd.brain.estimate.window import PARTS, Window, allowed_w, book

BUDGET_W = 10.0


def driven(window_s: int, wanted: list[float], idle_w: float = 5.0) -> list[float]:
    """Watts drawn second by second where ``wanted`` is cut to what is allowed, and idle power is drawn whatever is allowed."""
    window, drawn = Window(budget_mw=10_000), []
    for second, watts in enumerate(wanted, 1):
        drawn.append(max(idle_w, min(watts, allowed_w(window, window_s * 1_000_000, BUDGET_W))))
        window = book(window, window_s * 1_000_000, drawn[-1], 1.0, second * 1_000_000)
    return drawn


@pytest.mark.parametrize("window_s", [10, 60, 300])
def test_no_window_holds_more_than_its_budget(window_s: int) -> None:
    """Whatever is wanted, the mean over every window that ends anywhere stays within a fifth of a per cent of the budget."""
    draw = random.Random(window_s)
    wanted: list[float] = []
    while len(wanted) < 6000:
        wanted += [draw.choice((5.0, 8.0, 12.0, 20.0, 50.0))] * draw.randint(1, 2 * window_s)
    drawn = driven(window_s, wanted)
    means = [sum(drawn[at : at + window_s]) / window_s for at in range(len(drawn) - window_s)]
    assert max(means) <= BUDGET_W * 1.002
    assert max(drawn) > 12.0


def test_what_was_saved_in_the_last_half_window_may_be_spent_in_the_next() -> None:
    """After a minute at 5 W of 10 the next seconds may draw nearly 15, and half a minute later 10 again."""
    drawn = driven(60, [5.0] * 120 + [50.0] * 120)
    assert 13.5 < drawn[120] <= 15.0
    assert drawn[120 + 60 :] == pytest.approx([BUDGET_W] * 60, abs=1.0)


def test_what_is_owed_is_paid_back_within_seconds() -> None:
    """A quarter of a part is the shortest look ahead: 3 J too much in a minute's window are given back at 3 W for a second."""
    window = book(Window(budget_mw=10_000), 60_000_000, 13.0, 1.0, 1_000_000)
    assert allowed_w(window, 60_000_000, BUDGET_W) == pytest.approx(BUDGET_W - 3.0 / (0.25 * 60 / 16))


def test_a_budget_that_falls_does_not_punish_what_was_drawn_before() -> None:
    """Energy is booked against the budget of its own time: from 20 W to 10 W nothing is owed."""
    window = Window(budget_mw=20_000)
    for second in range(1, 61):
        window = book(window, 60_000_000, 19.0, 1.0, second * 1_000_000)
    assert allowed_w(window, 60_000_000, BUDGET_W) >= BUDGET_W
    assert allowed_w(book(Window(), 60_000_000, 99.0, 1.0, 1), 60_000_000, BUDGET_W) == BUDGET_W, "nor what no budget covered"


def test_a_window_has_sixteen_parts_and_one_that_is_leaving() -> None:
    """What was drawn a window and a part ago is forgotten, and a long silence forgets all of it."""
    window = book(Window(budget_mw=10_000), 16_000_000, 12.0, 1.0, 1_000_000)
    for second in range(2, 2 + 16):
        window = book(window, 16_000_000, 10.0, 1.0, second * 1_000_000)
        assert sum(window.above_uj) == 2_000_000
    assert sum(book(window, 16_000_000, 10.0, 1.0, 18_000_000).above_uj) == 0
    assert len(window.above_uj) == PARTS + 1 == 17
    assert book(Window(), 0, 5.0, 1.0, 1) == Window()
