"""What documentation says that the code knows is drawn from the code, and links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_generated_parts_are_up_to_date() -> None:
    """The mode diagram, what missing means, and the fault table say what the code says today."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "draw_docs.py"), "--check"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_is_reviewed(lock: str) -> None:
    """The dated review names every version that either lock holds."""
    text = (ROOT / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE)
    reviewed = {(name, version) for name, versions in rows for version in versions.split(", ")}
    locked = re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", (ROOT / lock).read_text(), re.MULTILINE)
    assert set(locked) <= reviewed, sorted(set(locked) - reviewed)
