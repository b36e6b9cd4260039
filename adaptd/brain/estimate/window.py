"""What a budget over a window still allows: energy drawn beyond it, part by part of the window.

A supply, a battery's fuse or a standard limits the mean power over a window, not every moment of it (RAPL's PL1 and its time
window). So energy saved in the last window may be spent: with the last ``W - s`` seconds behind, power u keeps the mean over the
window that ends in s seconds when ``u <= budget + (saved in the last W - s) / s``. That must hold for every s that is looked at;
the shortest is what must not be broken, the longest is half a window, so that what was saved is not spent in one breath.
"""

from typing import NamedTuple

PARTS = 16  # of a window
AHEAD, SOON = 8, 0.25  # parts that the plan looks ahead, at most and at least


class Window(NamedTuple):
    """Microjoules drawn above and saved below the budget, in the running part (first) and those before it; the last budget."""

    part: int = 0
    above_uj: tuple[int, ...] = (0,) * (PARTS + 1)
    saved_uj: tuple[int, ...] = (0,) * (PARTS + 1)
    budget_mw: int | None = None


def book(window: Window, window_us: int, drawn_w: float, dt_s: float, now_us: int) -> Window:
    """Add an interval of ``dt_s`` seconds that ended now. Without a budget nothing is owed and nothing saved."""
    if window_us <= 0:
        return window
    part = now_us * PARTS // window_us
    gone = min(max(0, part - window.part), PARTS + 1)
    above = ((0,) * gone + window.above_uj)[: PARTS + 1]
    saved = ((0,) * gone + window.saved_uj)[: PARTS + 1]
    if window.budget_mw is not None:
        spent = int((drawn_w - window.budget_mw / 1000.0) * min(dt_s, window_us / 1e6) * 1e6)
        above = (above[0] + max(0, spent), *above[1:])
        saved = (saved[0] + max(0, -spent), *saved[1:])
    return Window(part, above, saved, window.budget_mw)


def under(window: Window, budget_mw: int | None) -> Window:
    """The same under the budget that holds from now on."""
    return window if window.budget_mw == budget_mw else window._replace(budget_mw=budget_mw)


def allowed_w(window: Window, window_us: int, budget_w: float) -> float:
    """The largest constant watts that keep the mean over every window that ends within half of one.

    What the two parts at the edge of a window drew too much counts, what they saved is gone or going.
    """
    part_s = window_us / 1e6 / PARTS
    above, saved = window.above_uj, window.saved_uj
    over = 0.0
    for at in range(PARTS - AHEAD - 1):
        over += above[at] - saved[at]
    least = 1e12
    for ahead in range(AHEAD, -1, -1):
        edge = PARTS - ahead
        kept = over + above[edge - 1] + above[edge]
        least = min(least, budget_w - kept / 1e6 / ((ahead or SOON) * part_s))
        over += above[edge - 1] - saved[edge - 1]
    return least
