"""A verdict says in numbers what kept it from more, and no sentence contradicts its own conditions."""

from dataclasses import replace

import pytest

from adaptd.brain import tick
from adaptd.brain.decide.words import RULES, explain
from adaptd.log.format.codec import CodecError, from_plain, to_plain, words
from adaptd.vocabulary import Bound, Limit, Lowered, Prior, Snapshot, Verdict
from tests.brain.decide.plant import Board, Second, board, facts, feeder

MINUTE = 60


def limit_of(last: Second) -> Limit:
    """The limit that the rule of the verdict names."""
    return next(one for one in last.verdict.limits if one.condition == last.verdict.rule)


def clock(at_us: int) -> str:
    """A wall clock that shows seconds."""
    return f"{at_us // 1_000_000} s"


def supplied(budget_mw: int, by: str = "", from_s: int = 30) -> Board:
    """A board of 12 W whose supply, or somebody, lowers the budget after half a minute."""

    def told(second: int, snapshot: Snapshot) -> Snapshot:
        return replace(snapshot, budget_mw=budget_mw, budget_by=by) if second >= from_s else snapshot

    return Board(policy=replace(feeder(), budget_mw=12_000, efficient=()), facts=facts(priors=()), change=told)


@pytest.mark.parametrize(("by", "who"), [("", "the supply"), ("anna (uid 1000)", "anna (uid 1000)")])
def test_a_lowered_budget_is_named_with_who_and_when(by: str, who: str) -> None:
    """The sentence says what the target rate would draw, the budget, what it was, who lowered it, and when."""
    last = supplied(7500, by).last(2 * MINUTE)
    found, lowered = limit_of(last), last.verdict.lowered
    assert (found.bound, found.unit, found.limit, found.available) == (Bound.BUDGET, "mw", 7500, 7500)
    assert found.needed > 8500
    assert lowered is not None
    assert (lowered.budget_mw, lowered.from_mw, lowered.by) == (7500, 12_000, by)
    said = explain(last.verdict, clock)
    expected = f"at 15 fps power {found.needed / 1000:.1f} W would pass the budget of 7.5 W, lowered from 12.0 W by {who} at "
    assert expected + f"{lowered.since_us // 1_000_000} s" in said


def test_a_budget_that_is_not_lower_is_lowered_by_nobody() -> None:
    """Negative control: without a budget from outside, and with a higher one, nobody is named."""
    assert supplied(7500, from_s=999).last(MINUTE).verdict.lowered is None
    assert supplied(13_000).last(MINUTE).verdict.lowered is None


def test_a_hot_board_says_how_hot_it_could_get() -> None:
    """The rate is reduced for heat: the limit and what the target rate could reach, which is above it."""
    ambient = 85.0 + 2.0 - 1.39 * (4.6 + 0.5 + 15 * 0.26)
    last = Board(policy=replace(feeder(), efficient=()), facts=facts(priors=()), ambient_c=lambda _: ambient).last(12 * MINUTE)
    found = limit_of(last)
    assert (found.bound, found.unit, found.limit) == (Bound.TEMPERATURE, "mc", 85_000)
    assert 85_000 < found.needed < 95_000
    assert f"could reach {found.needed / 1000:.1f} degC and pass the limit of 85.0 degC" in explain(last.verdict)


def test_what_is_not_proven_is_refused_in_frames() -> None:
    """INT8 without a proof: the refusal says `not proven` and how many frames must still agree."""
    last = Board(facts=facts(priors=(Prior("bright", 10, 0),))).last(2)
    (found,) = [one for one in last.verdict.limits if one.condition == "scene_clear"]
    assert (found.bound, found.unit, found.point.variant) == (Bound.SCENE, "frames", "int8")
    assert found.needed > 0
    assert f"int8 at 15 fps (not proven: in this scene {found.needed} frames must still agree" in explain(last.verdict)


def worlds() -> list[Board]:
    """Runs that meet heat, darkness, a budget, a slow camera, no meter, no proof and a bad engine."""
    hot = Board(ambient_c=lambda second: 60.0 + min(second, 400) / 20)
    blind = Board(change=lambda second, seen: replace(seen, raw=seen.raw[1:]) if 60 < second < 200 else seen)
    slow = Board(change=lambda second, seen: replace(seen, worker=replace(seen.worker, source_mfps=8000)))
    return [hot, blind, slow, supplied(7500), Board(facts=facts(priors=()), loss=lambda band: 0.3), Board()]


def test_no_sentence_contradicts_its_conditions() -> None:
    """Whoever reads "worth most and keeps every limit" finds the target served; need is always more than what is left."""
    seen = set()
    for world in worlds():
        for second in world.run(7 * MINUTE):
            verdict = second.verdict
            seen.add(verdict.rule)
            assert verdict.rule in RULES, verdict.rule
            assert (verdict.rule == "most_worth") <= dict(verdict.conditions)["target_fits"]
            for one in verdict.limits:
                assert one.needed > one.available, one
                assert all(type(value) is int for value in (one.limit, one.needed, one.available))
            assert "{" not in explain(verdict, clock)
    assert {"most_worth", "power_budget", "camera_rate", "temperature"} <= seen, seen


def test_a_camera_is_the_reason_only_where_all_that_it_gives_is_served() -> None:
    """A camera is measured at 14.99 of 15 fps, and a supply comes back by and by: the rate on its way up is not its fault."""

    def told(second: int, snapshot: Snapshot) -> Snapshot:
        budget_mw = 7500 if 30 <= second < 60 else 12_000 if second < 30 else min(12_000, 7500 + 60 * (second - 60))
        return replace(snapshot, budget_mw=budget_mw, worker=replace(snapshot.worker, source_mfps=14_993))

    plant = Board(policy=replace(feeder(), budget_mw=12_000, efficient=()), facts=facts(priors=()), change=told)
    seconds = list(plant.run(2 * MINUTE))
    rules = {second.verdict.rule for second in seconds if second.verdict.point.fps_mfps < 14_900}
    assert "camera_rate" not in rules
    assert "rate_rising" in rules, rules


def test_a_slow_camera_is_named_and_not_the_planner() -> None:
    """A camera of 8 fps that is asked for 15: the sentence says so."""
    last = worlds()[2].last(MINUTE)
    assert "the camera gives 8 fps, and 15 fps are asked for" in explain(last.verdict)


def plain(limits: tuple[Limit, ...] = (), lowered: Lowered | None = None) -> dict[str, object]:
    """A verdict as the log writes it."""
    verdict = replace(Board().last(5).verdict, limits=limits, lowered=lowered)
    found = to_plain(verdict)
    assert isinstance(found, dict)
    return found


def test_a_verdict_without_limits_is_written_as_before_there_were_any() -> None:
    """Logs of before read as ever: what says nothing is left out, and a reader takes its absence for nothing."""
    bare = plain()
    assert not {"limits", "lowered"} & set(bare)
    assert from_plain(Verdict, bare).limits == ()
    found = supplied(7500).last(2 * MINUTE).verdict
    assert from_plain(Verdict, to_plain(found)) == found


def test_a_record_has_one_form() -> None:
    """Negative control: an empty list where nothing belongs is refused, and so is a field that is missing."""
    with pytest.raises(CodecError, match="left out"):
        from_plain(Verdict, {**plain(), "limits": []})
    short = plain()
    del short["rule"]
    with pytest.raises(CodecError, match="has no rule"):
        from_plain(Verdict, short)


def test_limits_come_and_go_as_changes() -> None:
    """From one decision to the next only what changed is written, also when a limit ends."""
    one = supplied(7500).last(2 * MINUTE).verdict
    none = replace(one, limits=(), lowered=None)
    shape = words(Verdict)
    for old, new in ((one, none), (none, one)):
        assert shape.patch(old, shape.diff(old, new)) == new
    assert shape.diff(one, none) == {"limits": [], "lowered": None}


def test_the_time_of_a_budget_survives_a_reload() -> None:
    """Reading the policy anew does not make an old budget look new."""
    last = supplied(7500).last(2 * MINUTE)
    brain = tick.Brain(replace(feeder(), efficient=(), budget_mw=11_000), board(), last.state.facts)
    state, verdict = brain.step(brain.adopt(last.state), replace(last.snapshot, now_us=last.snapshot.now_us + 1_000_000))
    assert last.verdict.lowered is not None
    assert verdict.lowered == replace(last.verdict.lowered, from_mw=11_000)
    assert state.lowered == verdict.lowered
