"""Missed and added objects: counted by band through a window of the account, and written down when it closes."""

from pathlib import Path
from typing import Any

from adaptd.brain.tick import Brain
from adaptd.daemon.account_window import AccountWindow
from adaptd.protocol.messages import Apart
from tests.brain.decide.plant import board, facts, feeder


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
