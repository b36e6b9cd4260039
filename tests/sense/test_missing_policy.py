"""What missing means is written once."""

import pytest

from adaptd.sense.missing_policy import MEANINGS, meaning_of, table
from adaptd.sense.source import QUANTITIES
from tests.conftest import ROOT
from tests.sense import fault_table


def test_every_quantity_has_one_meaning_of_missing() -> None:
    """Temperature unknown is hot, light unknown is the reference, power unknown is no bolder."""
    assert tuple(meaning.quantity for meaning in MEANINGS) == QUANTITIES
    assert meaning_of("temperature").taken_as == "hot"
    assert meaning_of("light").effect == "the reference engine"
    assert "no choice bolder" in meaning_of("power").effect
    with pytest.raises(KeyError):
        meaning_of("humidity")


def test_the_documentation_carries_the_table_as_it_is() -> None:
    """docs/sensors.md says what the code does: `make docs` draws it."""
    assert table() in (ROOT / "docs" / "sensors.md").read_text()


def test_the_fault_table_of_the_documentation_is_what_happens() -> None:
    """Every row of docs/sensors.md is provoked again and says the same: `python -m tests.sense.fault_table --write` draws it."""
    assert fault_table.page() == fault_table.PAGE.read_text()
