"""Writes the captured device trees beside this file: `python -m tests.sense.trees.make`. The same input gives the same bytes."""

from pathlib import Path

from tests.sense.trees.boards import TREES
from tests.sense.trees.parts import Tree

HERE = Path(__file__).parent


def source_page(tree: Tree) -> str:
    """SOURCE.md of a tree."""
    lines = [
        f"# {tree.name}",
        "",
        "Written from public facts by `python -m tests.sense.trees.make`; not copied from a board.",
        "",
    ]
    lines += [
        "Sources:",
        "",
        *[f"- {line}" for line in tree.sources],
        "",
        "Assumed:",
        "",
        *[f"- {line}" for line in tree.assumed],
    ]
    return "\n".join(lines) + "\n"


def contents(tree: Tree) -> dict[str, bytes]:
    """Every file of a tree with its bytes. Device-tree texts end in a zero byte, kernel attributes in a newline."""
    made = {"SOURCE.md": source_page(tree).encode()}
    for path, text in tree.files.items():
        ending = "\0" if path.startswith("proc/device-tree") else "\n"
        made[path] = (text + ending).encode() if text else b""
    return made


def write(tree: Tree, folder: Path) -> None:
    """Write a tree below ``folder``."""
    for path, data in contents(tree).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


if __name__ == "__main__":
    for each in TREES:
        write(each, HERE / each.name)
