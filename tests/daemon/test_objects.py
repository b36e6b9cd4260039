"""Missed and added objects: counted by band through a window of the account, and written down when it closes."""

from pathlib import Path
from typing import Any

import pytest

from adaptd.brain.tick import Brain
from adaptd.daemon.account_window import AccountWindow
from adaptd.daemon.reload import ReloadError, Tried, adopt
from adaptd.protocol.messages import Apart
from tests.brain.decide.plant import board, facts, feeder
from tests.daemon.test_loop_clock import Turned, daemon


def test_the_window_record_counts_missed_and_added_apart(tmp_path: Path) -> None:
    """A window in which defects were missed or invented says how many of each; one without says nothing, as before."""
    noted: list[tuple[str, dict[str, Any]]] = []
    window = AccountWindow(tmp_path, lambda kind, fields: noted.append((kind, fields)))
    policy = feeder()
    state = Brain(policy, board(), facts()).start(7, 0)
    window.open(state, policy)
    window.saw((Apart("dim", "int8", 2, 0), Apart("bright", "int8", 0, 1)))
    window.saw((Apart("dim", "int8", 1, 1),))
    assert window.apart == {"dim": (3, 1), "bright": (0, 1)}
    window.stop(state, policy)
    assert noted[-1][1]["objects"] == [{"added": 1, "band": "bright", "missed": 0}, {"added": 1, "band": "dim", "missed": 3}]
    window.open(state, policy)
    window.stop(state, policy)
    assert "objects" not in noted[-1][1]


def test_another_weight_of_misses_is_refused_while_running(tmp_path: Path) -> None:
    """The engines are compared by the weight that the worker started with, so a reload that changes it says: restart."""
    _, parts, _ = daemon(tmp_path, Turned())
    text = parts.settings.policy_text
    new = Tried("a test", text.replace("confidence_pct:", "miss_weight: 4\n  confidence_pct:", 1), "", "reload")
    assert new.text != text
    state = Brain(parts.policy, parts.profile, parts.facts).start(7, 0)
    with pytest.raises(ReloadError, match=r"accuracy\.miss_weight is not what engines are compared by, restart adaptd"):
        adopt(new, parts, state, parts.profile, parts.facts)
    assert (
        adopt(Tried("a test", text, "", "reload"), parts, state, parts.profile, parts.facts).policy.miss_weight_ppm == 1_000_000
    )
