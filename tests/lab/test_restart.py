"""A daemon that restarts while its board is at the limit goes back to the rate of before, without trial and error."""

from dataclasses import replace

import pytest

from adaptd.brain import tick
from adaptd.lab.controllers.adaptd import Adaptd
from adaptd.lab.episode import Episode
from adaptd.lab.harness import simulate
from adaptd.lab.score import Result
from tests.twin.worlds import episode

RESTART_US = 1_500_000_000


def hot(**changes: object) -> Episode:
    """Forty minutes at a limit that leaves two thirds of the rate; the daemon dies after 25 of them."""
    return episode(
        r_scale_ppm=1_200_000,
        noise_temperature_mc=300,
        noise_power_mw=100,
        lag_temperature_us=2_000_000,
        ambient_mc=((0, 74_000),),
        duration_us=2_400_000_000,
        restarts_us=(RESTART_US,),
        **changes,
    )


def played(here: Episode, brain: Adaptd, from_us: int) -> tuple[Result, int]:
    """The score, and how many changes of rate a person noticed from a moment on."""
    noticed, before = [0], [0]

    def observer(device: object, snapshot: object, choice: object, done: object) -> None:
        mfps = choice.point.fps_mfps  # type: ignore[attr-defined]
        noticed[0] += snapshot.now_us >= from_us and abs(mfps - before[0]) * 10 > before[0]  # type: ignore[attr-defined]
        before[0] = mfps

    score = simulate(here.scenario, here.policy, here.profile, here.facts, brain, observer)
    return score, noticed[0]


class Forgetful(Adaptd):
    """What a daemon would be that kept its account and nothing of the board."""

    def restart(self, now_us: int) -> None:
        """The profile's word for everything but the account."""
        super().restart(now_us)
        fresh = self._brain.start(self._seed, now_us)
        self.state = replace(self.state, heat=fresh.heat, split=fresh.split)


@pytest.fixture(scope="module")
def runs() -> dict[str, tuple[Result, int]]:
    """With and without what was learned."""
    here = hot()
    return {one.__name__: played(here, one(here.policy, here.profile, here.facts, 5), RESTART_US) for one in (Adaptd, Forgetful)}


def test_a_restart_at_the_limit_costs_few_changes_and_no_heat(runs: dict[str, tuple[Result, int]]) -> None:
    """Fewer than a dozen changes that a person would notice in a quarter of an hour, and never over the limit."""
    score, noticed = runs["Adaptd"]
    assert score.over_limit_us == 0
    assert noticed < 12


def test_a_daemon_that_forgets_its_board_changes_its_mind_more_often(runs: dict[str, tuple[Result, int]]) -> None:
    """The guard of the test above: without the learned board the same quarter of an hour is restless, and costs frames."""
    assert runs["Forgetful"][1] > 1.5 * runs["Adaptd"][1]
    assert runs["Forgetful"][0].frames_delivered < runs["Adaptd"][0].frames_delivered


def test_the_lab_restarts_from_the_last_state_that_a_log_would_hold() -> None:
    """Not from the state of the last tick: a crash loses what was learned since the last heartbeat, as the daemon's does."""
    here = hot()
    brain = Adaptd(here.policy, here.profile, here.facts, 5)
    states: list[tick.State] = []

    def observer(*_: object) -> None:
        states.append(brain.state)

    short = replace(here.scenario, duration_us=600_000_000, restarts_us=(400_000_000,))
    simulate(short, here.policy, here.profile, here.facts, brain, observer)
    kept = states[255]
    assert states[400].heat.mean[2:] != states[399].heat.mean[2:]
    again = tick.Brain(here.policy, here.profile, here.facts).resume(kept, 5, 400_000_000)
    assert [abs(a - b) for a, b in zip(again.heat.mean[2:], states[400].heat.mean[2:], strict=True)] < [1 << 38] * 3
