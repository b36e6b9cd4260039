"""The fault table names commands that exist."""

import importlib.util

import pytest

from tests.conftest import ROOT
from tests.faults.table import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_command_of_a_row_exists(row: tuple[str, ...]) -> None:
    """Whoever wants to see a fault provoked again finds the module, the test file or the make target."""
    program, *words = row[-1].split()
    if program == "make":
        assert f"\n{words[0]}:" in (ROOT / "Makefile").read_text()
    elif program == "python":
        assert words[0] == "-m"
        assert importlib.util.find_spec(words[1]) is not None
    else:
        assert program == "pytest"
        assert (ROOT / words[0]).exists()
