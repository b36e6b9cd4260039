"""Priors count only where the engines answer as they did where they were qualified; until then, and elsewhere, they stay out."""

from dataclasses import replace

import pytest

from adaptd.brain import tick
from adaptd.config.engine_answers import packed
from adaptd.config.policy import load_policy
from adaptd.config.profile import load_profile
from adaptd.daemon.engine_identity import EngineIdentity
from adaptd.protocol.messages import EngineInfo
from adaptd.vocabulary import Prior, VariantFacts
from tests.conftest import ROOT

PRIORS = (Prior("bright", 6000, 2), Prior("dim", 6000, 5))
FACTS = (
    VariantFacts("fp16", 36_200, 4_430, priors=(Prior("bright", 6000, 0),)),
    VariantFacts("int8", 22_800, 3_490, priors=PRIORS),
)
BARE = tuple(replace(fact, priors=()) for fact in FACTS)
HOME = {"fp16": "aa", "int8": "bb"}
ORIGIN = EngineIdentity(FACTS, HOME, "the bench")


def test_before_the_engines_have_answered_no_prior_counts() -> None:
    """The first start on any machine knows nothing: latency and energy stay as a first guess, proof does not."""
    assert ORIGIN.first_guess(()) == BARE
    assert [fact.energy_uj for fact in BARE] == [36_200, 22_800]


@pytest.mark.parametrize("last", [FACTS, BARE])
def test_a_restart_goes_on_with_what_the_last_run_found(last: tuple[VariantFacts, ...]) -> None:
    """Evidence that belongs to these facts survives the moment in which the new worker has not answered yet."""
    assert ORIGIN.first_guess(last) == last
    assert ORIGIN.first_guess((replace(last[0], energy_uj=1), last[1])) == BARE


def test_on_the_device_that_was_qualified_the_priors_count() -> None:
    """Both engines answer as they did then: the bundle's facts hold whole."""
    assert ORIGIN.settle(BARE, HOME) == FACTS
    assert ORIGIN.standing(FACTS) == (("int8", "counted"),)


@pytest.mark.parametrize("running", [HOME | {"int8": "cc"}, HOME | {"fp16": "cc"}])
def test_where_either_engine_answers_otherwise_they_do_not(running: dict[str, str]) -> None:
    """Disagreement lies between two engines: a reference that rounds otherwise voids it as much as INT8 does."""
    assert ORIGIN.settle(BARE, running)[1] == BARE[1]
    assert ORIGIN.settle(FACTS, running)[1] == BARE[1]
    assert ORIGIN.standing(BARE) == (("int8", "left_out"),)


def test_a_bundle_that_says_nothing_of_its_origin_is_not_believed() -> None:
    """No fingerprint is no match: missing data never makes it bolder."""
    assert EngineIdentity(FACTS, {}, "").settle(FACTS, HOME) == BARE


def test_an_engine_that_is_not_loaded_changes_nothing() -> None:
    """A variant in quarantine has no answer: what was known of it stays, and so does its evidence."""
    assert ORIGIN.settle(FACTS, {"fp16": "aa", "int8": ""}) == FACTS
    assert ORIGIN.settle(BARE, {"fp16": "aa"})[1] == BARE[1]
    assert ORIGIN.settle(FACTS, {}) == FACTS


def test_it_is_told_once() -> None:
    """A worker that starts again does not repeat what was said."""
    engines = [EngineInfo(name, "fp32", 9, warm=True, latency_us=1, fingerprint="cc") for name in HOME]
    met = ORIGIN.meet(BARE, engines, ())
    assert (met.facts, met.standing) == (BARE, (("int8", "left_out"),))
    assert [name for name, _ in met.told] == ["int8"]
    assert "the bench" in met.told[0][1]
    assert "\n" not in met.told[0][1]
    assert ORIGIN.meet(met.facts, engines, met.standing).told == ()


def test_priors_that_come_before_the_first_frame_count_as_at_a_start_with_them() -> None:
    """The guards are those of a start with priors; where the priors go again, every band owes clean frames before it serves."""
    policy, profile = load_policy(ROOT / "policies" / "feeder.yaml"), load_profile(ROOT / "hw_profiles" / "generic-x86.yaml")
    early = tick.Brain(policy, profile, FACTS).adopt(tick.Brain(policy, profile, BARE).start(7, 0))
    assert early.guards == tick.Brain(policy, profile, FACTS).start(7, 0).guards
    assert any(guard.clear for guard in early.guards)
    gone = tick.Brain(policy, profile, BARE).adopt(early)
    assert not any(guard.clear for guard in gone.guards)
    assert gone.account == early.account, "an engine that answers otherwise buys no second loan"


def test_a_reference_that_differs_in_the_last_bits_is_the_same_and_another_one_is_named() -> None:
    """Float sums differ between processors: within the tolerance the priors count; beyond it the message blames the reference."""
    origin = replace(ORIGIN, answers=packed([5.8061957, -2.1]))
    there = [
        EngineInfo("fp16", "fp32", 9, warm=True, latency_us=1, fingerprint="cc", answers=packed([5.8061943, -2.1])),
        EngineInfo("int8", "int8", 9, warm=True, latency_us=1, fingerprint="bb"),
    ]
    assert origin.meet(BARE, there, ()).facts == FACTS
    ((_, words),) = origin.meet(BARE, [replace(there[0], answers=packed([5.9, -2.1])), there[1]], ()).told
    assert words.startswith("fp16, the reference, gives other output here")
    ((_, words),) = origin.meet(BARE, [there[0], replace(there[1], fingerprint="dd")], ()).told
    assert words.startswith("int8 gives other output here")
