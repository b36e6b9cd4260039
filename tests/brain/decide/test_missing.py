"""Promise 3: missing data never makes the controller bolder."""

import pytest

from adaptd.brain.decide.boldness import bolder, unproven
from adaptd.vocabulary import Mode, OperatingPoint, Verdict
from tests.brain.decide.missing import breaches, gullible


def test_taking_a_reading_away_never_makes_the_choice_bolder() -> None:
    """On 2,000 random moments (100,000 in ``python -m tests.faults.boldness``), no reading's absence makes the verdict bolder."""
    assert list(breaches(2000, seed=20)) == []


def test_a_controller_that_reads_absence_as_a_number_is_caught() -> None:
    """The mutant: the same cases catch a controller that goes on with the last value of a missing sensor."""
    assert list(breaches(1000, seed=20, taken=gullible))


def verdict(variant: str, mfps: int, lease_us: int = 0, *, borne: bool = True) -> Verdict:
    """A verdict in bright light; ``borne``: the loss account offers frames."""
    most = 100 if borne else 0
    return Verdict(Mode.REFERENCE, OperatingPoint(variant, mfps), lease_us, 0, "bright", "test", (), most_frames=most)


@pytest.mark.parametrize(
    ("one", "other", "ways"),
    [
        (verdict("fp16", 15_000), verdict("fp16", 10_000), ("power",)),
        (verdict("fp16", 15_000), verdict("int8", 15_000, 600), ()),
        (verdict("int8", 15_000, 600, borne=False), verdict("fp16", 15_000), ("unproven",)),
        (verdict("int8", 15_000, 600), verdict("fp16", 15_000), ()),
        (verdict("int8", 10_000, 600), verdict("int8", 10_000, 300), ("lease",)),
        (verdict("fp16", 0), verdict("int8", 5000, 300), ()),
    ],
)
def test_the_order_of_boldness(one: Verdict, other: Verdict, ways: tuple[str, ...]) -> None:
    """More power, an unproven engine, a longer lease are bolder; falling back to the reference at the same rate is not."""
    assert bolder(one, other, "fp16") == ways


def test_a_pause_on_an_unproven_engine_serves_nothing_unproven() -> None:
    """At zero frames nobody gets an answer, so nothing unproven is served."""
    assert not unproven(verdict("int8", 0, borne=False), "fp16")
    assert unproven(verdict("int8", 5000, borne=False), "fp16")
