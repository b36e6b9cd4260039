"""Draw the generated parts of docs/ anew: every block between `<!-- generated: NAME -->` and `<!-- end -->`."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def transitions() -> str:
    """The mode diagram, from the table the code runs."""
    from adaptd.brain.decide.transitions import diagram

    return f"```mermaid\n{diagram().strip()}\n```"


def meaning() -> str:
    """What missing means per quantity, from the data the code runs."""
    from adaptd.sense.missing_policy import table

    return table()


def faults() -> str:
    """The fault table, from the list the tests run."""
    from tests.faults.table import table

    return table()


BLOCKS: dict[str, Callable[[], str]] = {"transitions": transitions, "meaning": meaning, "faults": faults}


def drawn(text: str) -> str:
    """``text`` with every generated block replaced."""

    def block(match: re.Match[str]) -> str:
        name = match.group(1)
        return f"<!-- generated: {name} -->\n{BLOCKS[name]().strip()}\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", block, text, flags=re.DOTALL)


def main() -> int:
    """Rewrite the files that changed; with --check only say which would."""
    stale = 0
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = path.read_text()
        fresh = drawn(text)
        if fresh != text:
            stale += 1
            print(f"{path.relative_to(ROOT)}: {'is stale, run `make docs`' if '--check' in sys.argv else 'drawn'}")
            if "--check" not in sys.argv:
                path.write_text(fresh)
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
