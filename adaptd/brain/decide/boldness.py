"""Which of two verdicts is bolder: the order in which missing data must never move a choice upwards.

A verdict is bold in three ways, each leaning on data: it serves an efficient variant beyond the account (on light and evidence),
it draws power (on temperature and power), it stands for long without renewal (on everything). The reference in place of an
efficient variant is never bolder for drawing more at the same rate: falling back to it is what safety asks for.
"""

from adaptd.vocabulary import Verdict


def unproven(verdict: Verdict, reference: str) -> bool:
    """Whether the verdict serves an efficient variant beyond what the loss account offers."""
    return verdict.point.variant != reference and verdict.point.fps_mfps > 0 and verdict.most_frames <= 0


def bolder(verdict: Verdict, other: Verdict, reference: str) -> tuple[str, ...]:
    """The ways in which ``verdict`` is bolder than ``other``; empty when it is not."""
    ways = []
    point, before = verdict.point, other.point
    if unproven(verdict, reference) and not unproven(other, reference):
        ways.append("unproven")
    if point.fps_mfps > before.fps_mfps:
        ways.append("power")
    if point.variant == before.variant != reference and verdict.lease_us > other.lease_us and point.fps_mfps >= before.fps_mfps:
        ways.append("lease")
    return tuple(ways)
