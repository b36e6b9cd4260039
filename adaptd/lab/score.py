"""What an episode came to: cost, frames, and every promise that was broken and for how long."""

from dataclasses import dataclass, field
from typing import Any

LIMIT_SLACK_MC = 0.5  # what counts as over: half of the unit that limits are written in
BUDGET_SLACK_MW = 0.5


@dataclass(slots=True)
class Result:
    """One controller's episode. Costs and energies in microjoules, board energy with idle and other load included.

    ``cost`` is energy minus the worth of frames delivered in time, up to the target rate. Violations: time over the limit and
    over critical at the end of each tick, time over the power budget, frames that an efficient variant served where it truly
    loses more than allowed, variants admitted in such a band, and time below the floor rate. ``rate_changes_felt`` are those by
    more than a tenth of the rate before. ``lasted_us``: when the battery was
    empty, or the whole episode; None where there is none.
    """

    controller: str
    scenario: str
    energy_uj: float = 0.0
    worth_uj: float = 0.0
    frames_target: float = 0.0
    frames_delivered: float = 0.0
    deadline_misses: float = 0.0
    over_limit_us: int = 0
    over_critical_us: int = 0
    budget_over_us: int = 0
    floor_short_us: int = 0
    unproven_frames: float = 0.0
    swaps: int = 0
    rate_changes: int = 0
    rate_changes_felt: int = 0
    shadow_frames: float = 0.0
    frames_executed: float = 0.0
    efficient_frames: float = 0.0
    statements: int = 0
    statements_broken: int = 0
    realised_loss_ppm: dict[str, int] = field(default_factory=dict)
    lasted_us: int | None = None
    battery_end_ppm: int | None = None
    decisions: int = 0
    step_p50_us: float | None = None
    step_p99_us: float | None = None

    @property
    def cost_uj(self) -> float:
        return self.energy_uj - self.worth_uj

    def to_plain(self) -> dict[str, Any]:
        """The object that `adaptd simulate --json` prints; millijoules and seconds."""
        battery = {}
        if self.lasted_us is not None and self.battery_end_ppm is not None:
            battery["lasted_h"] = round(self.lasted_us / 3.6e9, 4)
            battery["battery_end_pct"] = round(self.battery_end_ppm / 10_000, 2)
        return {
            "controller": self.controller,
            "scenario": self.scenario,
            "cost_mj": round(self.cost_uj / 1000, 3),
            "energy_mj": round(self.energy_uj / 1000, 3),
            "frames_target": round(self.frames_target),
            "frames_delivered": round(self.frames_delivered),
            "deadline_misses": round(self.deadline_misses),
            "over_limit_s": self.over_limit_us / 1e6,
            "over_critical_s": self.over_critical_us / 1e6,
            "budget_over_s": self.budget_over_us / 1e6,
            "unproven_frames": round(self.unproven_frames),
            "swaps": self.swaps,
            "rate_changes": self.rate_changes,
            "rate_changes_felt": self.rate_changes_felt,
            "shadow_frames": round(self.shadow_frames),
            "efficient_share": round(self.efficient_frames / self.frames_executed, 4) if self.frames_executed else 0.0,
            "statements": self.statements,
            "statements_broken": self.statements_broken,
            "realised_loss_ppm": self.realised_loss_ppm,
            "decisions": self.decisions,
            "step_p50_us": self.step_p50_us,
            "step_p99_us": self.step_p99_us,
            **battery,
        }


def quantile(sorted_values: list[int], share: float) -> float:
    """The value below which ``share`` of them lie (nearest rank)."""
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]
