"""The accuracy promise held against the truth: the same loss account for every controller, and what was really lost beside it."""

from adaptd.brain.estimate import account, account_table
from adaptd.config.policy import Policy
from adaptd.lab.score import Result
from adaptd.twin.worker import Tick


class RunAccount:
    """Books what the worker served. A controller that tosses no coin is charged every efficient frame in full."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._rules = account_table.rules(policy)
        self._names = tuple(band.name for band in policy.bands)
        self._window = account.start(self._rules, self._names, 0)
        self._lost = dict.fromkeys(self._names, 0)
        self._total: dict[str, list[int]] = {name: [0, 0] for name in self._names}
        self._statements = self._broken = 0

    def book(self, tick: Tick, band: str, t_us: int, *, true: bool = True) -> int:
        """Take one tick; how many frames of it an efficient variant served beyond what the account of ``band`` offered before.

        A band that does not hold the true light (``true`` is not so) offers nothing.
        """
        offered = account.most_frames(self._rules, self._window, band) if true else 0
        self._window = account.observe(self._rules, self._window, tick.telemetry.stretches, self._policy.reference)
        if band in self._lost:
            self._lost[band] += tick.lost
            self._total[band][0] += tick.lost
            self._total[band][1] += tick.telemetry.delivered
        if account.due(self._rules, self._window, t_us):
            self._end_window()
            self._window = account.start(self._rules, self._names, t_us, self._window.number + 1)
        return max(0, tick.efficient - offered)

    def close(self, sums: Result) -> None:
        """The episode is over: the running window ends with what it delivered."""
        self._end_window()
        sums.statements, sums.statements_broken = self._statements, self._broken
        sums.realised_loss_ppm = {name: lost * account.M // seen for name, (lost, seen) in self._total.items() if seen}

    def _end_window(self) -> None:
        for said in account.statements(self._rules, self._window):
            self._statements += 1
            # what is allowed was passed, or the statement's own bound, which is never more than that for one who tosses a coin
            self._broken += self._lost[said.band] * account.M > min(said.allowed_ppm_frames, said.bound_ppm_frames)
        self._lost = dict.fromkeys(self._names, 0)
