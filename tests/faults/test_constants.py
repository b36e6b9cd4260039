"""The table of constants in docs/control.md is that of the code, and the harness that changes them works."""

import ast
import importlib
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.faults.constants import Pinned, assigned, changed, mutants, table

ROOMS = [path for path in (ROOT / "adaptd" / "brain").rglob("*.py") if path.name != "__init__.py"]
# Units, marks and words: they have no value that could be another one.
UNITS = {
    "PPM",
    "M",
    "MILLI",
    "NANO",
    "TRILLION",
    "HOUR_US",
    "ONE",
    "INVERSE",
    "_NEVER",
    "ANY_MLX",
    "NOTHING",
    "NO_BUDGET_W",
    "_WEIGHT",
    "_ONE",
    "_INDEX",
    "_OWN",
    "_OTHERS",
    "VARIANCES",
    "DAY_S",
    "_NONE",
}
WORDS = {"_TEXT", "BETWEEN", "BINDING", "CLOSED", "PAYING", "PRICED", "REFUSED", "RULES", "TABLE", "_SERVING", "UNKNOWN"}
WORDS |= {"_PEOPLE", "CONFLICTS", "NO_CREEP", "NUMBERLESS", "NUMBERS", "POWER_RULES", "SCALES"}
# How a limit is said, or a margin against rounding; nothing is decided by it.
ROUNDING = {"UNITS", "UNSAID", "STEP_MW", "STEP_MC", "STEP_GAIN_MW", "STEP_US", "RISES"}
TABLE = table()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.file}:{row.name}")
def test_a_constant_of_the_table_is_that_of_the_code(row: Pinned) -> None:
    """Name, file and value are what the code says, and the test that says why is there."""
    module = importlib.import_module("adaptd." + row.file.removesuffix(".py").replace("/", "."))
    value = getattr(module, row.name)
    if row.value.startswith("table of "):
        assert len(value) == int(row.value.removeprefix("table of "))
    else:
        assert value == eval(row.value, {})
    for test in row.tests:
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / "tests" / path).read_text()


def constants(source: str) -> list[str]:
    """The names in capitals that a module gives a value at its top."""
    nodes = [node for node in ast.parse(source).body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    targets = [node.targets[0] if isinstance(node, ast.Assign) else node.target for node in nodes]
    names = [one for target in targets for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [one.id for one in names if isinstance(one, ast.Name) and one.id.lstrip("_").isupper()]


def test_no_constant_is_left_out() -> None:
    """Every number that decide, estimate and tick name at the top of a file is in the table, once."""
    found = [(str(path.relative_to(ROOT / "adaptd")), name) for path in ROOMS for name in constants(path.read_text())]
    named = [(row.file, row.name) for row in TABLE]
    assert sorted(pair for pair in found if pair[1] not in UNITS | WORDS | ROUNDING) == sorted(named)
    assert len(set(named)) == len(named) > 90


def test_a_mutant_is_the_source_with_one_number_changed() -> None:
    """Small whole numbers by one, others by a half, each by itself."""
    source = "A, B = 3, 0.5\nC = ((1, 20),)  # why\n"
    assert [text.splitlines()[0] for _, text in mutants(source, "B")] == ["A, B = 3, 0.75", f"A, B = 3, {0.5 / 1.5!r}"]
    assert [text.splitlines()[0] for _, text in mutants(source, "A")] == ["A, B = 4, 0.5", "A, B = 2, 0.5"]
    assert len(list(mutants(source, "C"))) == 4
    assert changed(500_000, True) == ["510000", "490000"]
    with pytest.raises(KeyError):
        assigned(source, "D")


def test_the_harness_kills_a_mutant_and_tells_a_survivor() -> None:
    """A real run: the strikes of the power watcher die by their test, and by no test that is about something else."""
    run = [sys.executable, "-m", "tests.faults.constants", "STRIKES"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=ROOT)
    assert "2 mutants, 0 lived" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
