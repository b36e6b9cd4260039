"""A new policy is tried away from the control loop, under a deadline."""

import sys
from pathlib import Path

from adaptd.daemon.offers import order_of, tried
from tests.log.workload import FACTS, POLICY_TEXT, PROFILE_TEXT


def order(text: str) -> dict[str, object]:
    """What the loop would hand to the trial."""
    return order_of("p.yaml", text, "board.yaml", PROFILE_TEXT, FACTS)


def test_a_good_policy_passes_and_a_bad_one_comes_back_as_one_line() -> None:
    """The trial says what `adaptd policy check` says, with line and column."""
    assert tried(order(POLICY_TEXT)) == ""
    refused = tried(order(POLICY_TEXT.replace("max_loss_points: 0.5", "max_loss_points: 0.00001")))
    assert refused.startswith("p.yaml:")
    assert "max_loss_points" in refused
    assert "\n" not in refused


def test_a_trial_without_an_end_is_ended() -> None:
    """Whatever a policy does to its reader, the reload is refused after the deadline and the process is gone."""
    endless = (sys.executable, "-c", "while True: pass")
    assert "was not worked through in 0.2 s" in tried(order(POLICY_TEXT), deadline_s=0.2, program=endless)


def test_a_trial_that_breaks_is_a_refusal(tmp_path: Path) -> None:
    """No Python, or one that falls over, changes nothing: the policy is refused in one line."""
    assert "cannot be tried" in tried(order(POLICY_TEXT), program=(str(tmp_path / "nothing"),))
    assert "Error" in tried(order(POLICY_TEXT), program=(sys.executable, "-c", "raise KeyError(1)"))
