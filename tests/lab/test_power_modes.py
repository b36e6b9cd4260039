"""Power modes under the whole brain: what they earn, that old policies know none, and that stale figures serve nobody."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from adaptd.brain import tick
from adaptd.brain.decide.shift import Shift
from adaptd.lab.controllers.adaptd import Adaptd
from adaptd.lab.episode import Episode, load_episode, run
from adaptd.lab.harness import simulate
from adaptd.log.format.codec import from_plain, to_plain
from adaptd.twin.power_modes import figures_of
from adaptd.vocabulary import ModeFault, PowerMode, Snapshot, Verdict
from tests.conftest import ROOT

FILE = ROOT / "policies" / "scenarios" / "modes" / "orin-nano-two-modes.yaml"
MINUTE_US = 60_000_000


def episode(minutes: int = 25, **changes: Any) -> Episode:
    """The first minutes of the scenario."""
    found = load_episode(FILE)
    return replace(found, scenario=replace(found.scenario, duration_us=minutes * MINUTE_US, **changes))


class Watch:
    """Every snapshot and verdict."""

    def __init__(self) -> None:
        self.seen: list[tuple[Snapshot, Verdict]] = []

    def __call__(self, device: Any, snapshot: Snapshot, choice: Any, tick: Any) -> None:
        """One tick."""
        del device, tick
        self.seen.append((snapshot, choice))

    @property
    def modes(self) -> list[str]:
        """The modes in force, in the order in which they were entered."""
        found: list[str] = []
        for snapshot, _ in self.seen:
            assert snapshot.power_mode is not None
            if not found or found[-1] != snapshot.power_mode.name:
                found.append(snapshot.power_mode.name)
        return found


def without_modes(world: Episode) -> Episode:
    """The same under the policy without the key."""
    return replace(world, policy=replace(world.policy, modes=()))


def test_a_lower_mode_is_entered_where_it_saves_energy_and_costs_no_frame() -> None:
    """After ten minutes in MAXN_SUPER the board goes to 15W: the same frames for less, and the control stays where it is."""
    world, watch = episode(), Watch()
    with_modes, control = run(world, "adaptd", watch), run(without_modes(world), "adaptd")
    assert watch.modes == ["MAXN_SUPER", "15W"]
    assert with_modes.frames_delivered == control.frames_delivered
    assert with_modes.energy_uj < 0.99 * control.energy_uj


def test_a_board_that_does_not_take_the_mode_is_asked_once_and_the_reason_is_in_every_later_decision() -> None:
    """The knob is off, on record, and adaptd serves on in the mode it found."""
    world = episode(45)
    board = world.scenario.power_modes
    assert board is not None
    deaf = replace(board, modes=tuple(replace(mode, obeys=mode.name == board.start) for mode in board.modes))
    watch = Watch()
    run(replace(world, scenario=replace(world.scenario, power_modes=deaf)), "adaptd", watch)
    asked = [verdict for _, verdict in watch.seen if verdict.power_mode == "15W"]
    assert len(asked) == 1
    last = watch.seen[-1][1]
    assert dict(last.conditions)["mode_free"] is False
    assert watch.modes == ["MAXN_SUPER"]


def test_only_a_person_who_reloads_lifts_a_mode_that_was_not_taken() -> None:
    """A restart, and engines that answer otherwise, keep the reason; the same facts again are a reload of the policy."""
    world = episode(1)
    figures = figures_of(world.scenario, world.profile)
    brain = tick.Brain(world.policy, world.profile, world.facts, figures)
    state = brain.start(7, 0)
    off = Shift("MAXN_SUPER", 0, off=ModeFault.NOT_TAKEN)
    state = replace(state, held=state.held._replace(shift=off))
    bare = tuple(replace(fact, priors=()) for fact in world.facts)
    restarted = brain.resume(state, 8, 5_000_000).held.shift
    others = tick.Brain(world.policy, world.profile, bare, figures).adopt(state).held.shift
    assert restarted is not None
    assert others is not None
    assert (restarted.off, others.off) == (ModeFault.NOT_TAKEN, ModeFault.NOT_TAKEN)
    assert brain.adopt(state).held.shift is None


def test_in_a_mode_that_nothing_was_measured_in_the_reference_serves_alone() -> None:
    """Also under a policy without modes, and whoever set the mode: a plan profiled in one mode is void in another."""
    world = without_modes(episode(4, light_mlx=((0, 400_000),)))
    figures = figures_of(world.scenario, world.profile)
    known = tuple(one for one in figures if one.mode == "15W")
    for told, efficient in ((figures, True), (known, False)):
        watch = Watch()
        play(world, Adaptd(world.policy, world.profile, world.facts, 7, told), watch)
        served = {verdict.point.variant for _, verdict in watch.seen}
        assert ("int8" in served) is efficient
        assert all(dict(verdict.conditions)["mode_qualified"] is efficient for _, verdict in watch.seen)
    refused = {one.condition for _, verdict in watch.seen for one in verdict.refused}
    assert "mode_qualified" in refused


def test_another_memory_clock_in_the_same_mode_is_not_the_mode_that_was_measured() -> None:
    """The key is mode and memory clock: 40 MHz less memory voids the figures (negative control: the right clock)."""
    world = without_modes(episode(1))
    brain = tick.Brain(world.policy, world.profile, world.facts, figures_of(world.scenario, world.profile))
    assert brain._modes.at(PowerMode("15W", 2_133_000)).stale == frozenset()
    assert brain._modes.at(PowerMode("15W", 2_093_000)).stale == {"int8"}


def test_a_policy_without_modes_on_a_board_without_modes_decides_and_writes_what_it_always_did() -> None:
    """The same verdicts with and without figures that no snapshot speaks of, and no new key in state, snapshot or verdict."""
    world = without_modes(episode(5, power_modes=None))
    plain, figured = Watch(), Watch()
    play(world, Adaptd(world.policy, world.profile, world.facts, 7), plain)
    told = figures_of(episode().scenario, world.profile)
    player = Adaptd(world.policy, world.profile, world.facts, 7, told)
    play(world, player, figured)
    assert plain.seen == figured.seen
    written = to_plain(player.state), to_plain(plain.seen[-1][0]), to_plain(plain.seen[-1][1])
    assert not [word for word in written if "power_mode" in str(word) or "shift" in str(word)]
    assert from_plain(tick.State, written[0]) == player.state


def test_the_state_with_modes_in_it_survives_the_log() -> None:
    """A replay goes on from a heartbeat in the middle of a switch."""
    world = episode(1)
    brain = tick.Brain(world.policy, world.profile, world.facts, figures_of(world.scenario, world.profile))
    state = brain.start(7, 0)
    snapshot = Snapshot(1_000_000, (), replace_idle(world), power_mode=PowerMode("15W", 2_133_000, (("MAXN_SUPER", 0),)))
    state, verdict = brain.step(state, snapshot)
    assert state.held.shift is not None
    assert verdict.power_mode == "15W"
    assert from_plain(tick.State, to_plain(state)) == state
    assert from_plain(Snapshot, to_plain(snapshot)) == snapshot


def replace_idle(world: Episode) -> Any:
    """What a worker says before its first frame."""
    from adaptd.twin.worker import TwinWorker

    return TwinWorker(world.scenario, world.policy, world.facts).idle


def play(world: Episode, player: Adaptd, watch: Watch) -> None:
    """The episode under this player."""
    simulate(world.scenario, world.policy, world.profile, world.facts, player, watch)


def test_the_shipped_scenario_is_where_the_simulation_finds_it() -> None:
    """`adaptd simulate --scenario` takes it as it lies."""
    assert Path(FILE).is_file()
    assert load_episode(FILE).policy.modes == ("15W", "MAXN_SUPER")
