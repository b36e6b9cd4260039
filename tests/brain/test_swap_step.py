"""What a swap is expected to do to the power: shadow frames run on the other engine, so a thick coin makes two engines alike."""

import pytest

from adaptd.vocabulary import OperatingPoint
from tests.brain.decide.plant import Board, Second, facts


def swaps() -> list[Second]:
    """Light that comes and goes every half minute, before an engine without a loss: the seconds in which the variant changed."""
    board = Board(facts=facts(), light_lux=lambda second: 500.0 if second // 30 % 2 == 0 else 0.5, noise=(0.0, 0.0, 0.0))
    return [one for one in board.run(240) if one.state.point.variant != one.before.point.variant]


def test_a_swap_is_expected_to_move_what_its_frames_and_their_shadows_draw() -> None:
    """Watts of frames on both engines before, against those after; without the shadows the meter would be blamed for them."""
    energy_j = {fact.name: fact.energy_uj / 1e6 for fact in facts()}

    def drawn_mw(point: OperatingPoint, share_ppm: int) -> float:
        (other,) = energy_j.keys() - {point.variant}
        return point.fps_mfps * (energy_j[point.variant] + share_ppm / 1e6 * energy_j[other])

    thick = 0
    for one in swaps():
        share_ppm, next_ppm = one.before.held.shadow_ppm, one.verdict.shadow_ppm
        moved_mw = drawn_mw(one.verdict.point, next_ppm) - drawn_mw(one.before.point, share_ppm)
        assert one.state.watch.step_mw == pytest.approx(moved_mw, abs=2)
        thick += max(share_ppm, next_ppm) > 100_000
    assert thick >= 2, "shares of 16 % are what this is about"
