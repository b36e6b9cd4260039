"""The command line starts fast: a command reads its own group, and a log is looked at without the rooms that decide."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from adaptd.cli.main import GROUPS, build_parser
from adaptd.cli.status_text import _conditions
from tests.conftest import ROOT
from tests.log.workload import Run

HEAVY = {"pydantic", "yaml", "numpy", "rich", "http.client", "multiprocessing", "adaptd.brain.tick"}


def commands(parser: argparse.ArgumentParser) -> set[str]:
    """The commands that a parser knows."""
    (sub,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return set(sub.choices)


def test_every_command_is_found_under_its_own_name() -> None:
    """The table of commands names all that the groups register, each in the group that knows it."""
    assert commands(build_parser()) == set(GROUPS)
    for name in GROUPS:
        assert name in commands(build_parser(name))


@pytest.mark.parametrize("words", [["why", "--audit"], ["audit", "show", "--last", "3"]])
def test_looking_at_a_log_loads_no_policy_reader(tmp_path: Path, words: list[str]) -> None:
    """`why` and `show` answer without pydantic, numpy, rich or the brain's tick: that is most of their time."""
    Run(tmp_path).ticks(3).close()
    code = (
        "import sys; from adaptd.cli.main import main; code = main(sys.argv[1:]); "
        f"print(sorted({HEAVY} & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words, tmp_path], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "[]"


def test_status_names_the_conditions_that_are_not_met() -> None:
    """A reader looks for what is wrong: status counts the conditions that hold and names those that do not."""
    assert _conditions({"log_ok": True, "light_known": True}) == "all 2 are met"
    assert _conditions({"log_ok": True, "light_known": False, "no_fault": False}) == "not met: light_known, no_fault"
