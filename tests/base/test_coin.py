"""Shadow draws: anyone with the seed can repeat them, and nobody can choose the frames."""

from hashlib import blake2b

from adaptd.base.coin import drawn, which


def test_the_draw_can_be_repeated_by_hand() -> None:
    """The rule in the docstring, computed independently, names the same frames."""
    share = 20_000
    by_hand = [
        frame
        for frame in range(5_000)
        if int(blake2b(f"7:{frame}".encode(), digest_size=8).hexdigest(), 16) / 2**64 < share / 1e6
    ]
    assert [frame for frame in range(5_000) if drawn(7, frame, share)] == by_hand


def test_the_draw_is_pinned() -> None:
    """Old logs stay verifiable: these frames are drawn at 2 % from seed 42, today and in ten years."""
    assert [frame for frame in range(300) if drawn(42, frame, 20_000)] == [63, 97, 138, 169, 190, 219, 227, 237, 269, 289]


def test_the_share_is_kept() -> None:
    """2 % of 100,000 frames are 2,000, give or take four standard deviations (44 each)."""
    assert abs(sum(drawn(3, frame, 20_000) for frame in range(100_000)) - 2_000) < 4 * 45


def test_nothing_and_everything() -> None:
    """Share 0 draws no frame, share 100 % every frame."""
    assert not any(drawn(1, frame, 0) for frame in range(1_000))
    assert all(drawn(1, frame, 1_000_000) for frame in range(1_000))


def test_a_larger_share_keeps_the_frames_of_a_smaller_one() -> None:
    """Bursts add frames and take none away, so the draw never depends on what was seen."""
    small = {frame for frame in range(3_000) if drawn(9, frame, 20_000)}
    large = {frame for frame in range(3_000) if drawn(9, frame, 200_000)}
    assert small < large


def test_different_seeds_draw_different_frames() -> None:
    """Two devices do not test the same frames."""
    assert {frame for frame in range(3_000) if drawn(1, frame, 50_000)} != {
        frame for frame in range(3_000) if drawn(2, frame, 50_000)
    }


def test_several_efficient_variants_take_turns_by_lot() -> None:
    """Each of three candidates is tested about a third of the time; without candidates none is."""
    chosen = [which(5, frame, ("a", "b", "c")) for frame in range(3_000)]
    assert all(900 < chosen.count(name) < 1_100 for name in "abc")
    assert which(5, 1, ()) is None
