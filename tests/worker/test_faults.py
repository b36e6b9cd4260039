"""Each fault once, on real processes: frames are served again on the reference. See ``drill`` for a hundred."""

from pathlib import Path

import pytest

from tests.engine.models import write_bundle
from tests.worker.drill import KINDS, round_of


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_served_again_on_the_reference(kind: str, tmp_path: Path) -> None:
    """Killed, crashed, stopped, hung, crawling or talking garbage: the reference serves next, and every swap was told."""
    write_bundle(tmp_path / "bundle")
    assert round_of(kind, tmp_path).unlogged == 0
