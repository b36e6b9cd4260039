"""The captured trees are what their generator writes, and small."""

from pathlib import Path

import pytest

from tests.sense.conftest import TREES
from tests.sense.trees.boards import TREES as BOARDS
from tests.sense.trees.make import contents, write
from tests.sense.trees.parts import Tree


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("tree", BOARDS, ids=lambda tree: tree.name)
def test_a_tree_is_what_its_generator_writes(tree: Tree, tmp_path: Path) -> None:
    """Nobody edits a captured tree by hand; each names its sources and what is assumed."""
    write(tree, tmp_path)
    assert files_below(TREES / tree.name) == files_below(tmp_path) == contents(tree)
    assert b"Sources:\n\n- " in contents(tree)["SOURCE.md"]
    assert b"Assumed:\n\n- " in contents(tree)["SOURCE.md"]
    assert sum(len(data) for data in contents(tree).values()) < 8_000
