"""The hand-made bad policies, each refused with a place, a key and a rule."""

import pytest

from tests.faults.bad_policies import CLASSES, GOOD
from tests.faults.policies import refusal, well_told


def test_there_are_three_hundred_in_fifteen_classes() -> None:
    """The collection is as large as the documentation says, and its starting point is a good policy."""
    assert {name: len(texts) for name, texts in CLASSES.items()} == dict.fromkeys(CLASSES, 20)
    assert len(CLASSES) == 15
    assert refusal(GOOD) == ()


@pytest.mark.parametrize("name", CLASSES)
def test_every_policy_of_the_class_is_refused_with_a_place_and_a_rule(name: str) -> None:
    """Each of the twenty is refused with file, line, column, key, what is wrong and what would be right."""
    for index, text in enumerate(CLASSES[name]):
        lines = refusal(text)
        assert well_told(lines), (name, index, lines)
