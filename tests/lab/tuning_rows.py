"""What the figures of tuning are made of, a row at a time: a box, a planted pair, a search, each with the truth known."""

import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from adaptd.brain import tick
from adaptd.config.policy import parse_policy
from adaptd.lab.controllers.adaptd import Adaptd
from adaptd.lab.episode import load_episode
from adaptd.lab.fit.backtest import FIGURES, backtest, figures_of, mean_of, measured_of, off, to_play, unseen_texts, vars_of
from adaptd.lab.fit.model import fit
from adaptd.lab.fit.play import play_episode, play_on
from adaptd.lab.fit.readings import DAY_S, MINUTE_S, Collector, Grid
from adaptd.lab.fit.saved import Twin, make
from adaptd.lab.fit.world import day_text
from adaptd.lab.harness import Choice, simulate
from adaptd.lab.tune.goals import Bound, parse_goals
from adaptd.lab.tune.knobs import knobs_of
from adaptd.lab.tune.picks import meets
from adaptd.lab.tune.search import search
from adaptd.lab.tune.trials import Lab, Trial, scenario_worlds
from adaptd.lab.whatif.compare import BETTER, compare
from adaptd.log.verify.decided import Decided
from adaptd.twin.device import TwinDevice
from adaptd.twin.worker import Tick
from adaptd.vocabulary import Snapshot, Verdict
from tests.lab import ROOT
from tests.lab.boxes import POLICY, START_MS, Box, drawn, episode, texts

FEEDER = POLICY.read_text()
ALL_HOURS = tuple(range(24))


def first_days(grid: Grid, days: int) -> Grid:
    """The grid without its last days."""
    end = days * grid.day_ticks
    flat = {
        name: getattr(grid, name)[:end] for name in ("temperature_c", "power_w", "light_lux", "budget_w", "rate_fps", "choice")
    }
    flat |= {name: getattr(grid, name)[:end] for name in ("delivered", "missed")}
    rows = {name: getattr(grid, name)[:, :end] for name in ("frames", "beside", "busy_us")}
    return replace(grid, **flat, **rows, shadows={key: one[:, : days * DAY_S // MINUTE_S] for key, one in grid.shadows.items()})


class Seen(Collector):
    """An observer that gives the grid of a run without the log between: half the time, and the same arrays (a test says so)."""

    def __init__(self, box: Box) -> None:
        super().__init__(Path("a run without a log"))
        self.world, words = episode(box), texts()
        self.snapshots: list[Snapshot] = []
        self._config = {
            "policy": {"name": words.policy_name, "text": words.policy},
            "profile": {"name": words.profile_name, "text": words.profile},
        }
        self._policy, self._facts = self.world.policy, self.world.facts

    def __call__(self, device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        assert isinstance(choice, Verdict)
        self._log_us = snapshot.now_us
        self.snapshots.append(snapshot)
        self._decision(Decided({}, snapshot, choice), {"utc_ms": START_MS + snapshot.now_us // 1000})

    def run(self) -> Grid:
        """Let the box live its days."""
        world = self.world
        brain = Adaptd(world.policy, world.profile, world.facts, world.scenario.seed)
        simulate(world.scenario, world.policy, world.profile, world.facts, brain, self)
        return self.grid()


def twin_of_a_box(seed: int, days: int, ahead: int, tick_s: int) -> dict[str, Any]:
    """Fit on the first ``days`` days, say what an unseen day will be, and look at each of the ``ahead`` days that follow."""
    box = drawn(seed, days + ahead, tick_s)
    whole, every, coming = Seen(box).run(), tuple(range(days + ahead)), range(days, days + ahead)
    known, reference = first_days(whole, days), whole.policy.reference
    fitted, tested = fit(known, tuple(range(days))), backtest(known, jobs=1)
    seen = replace(fitted, **vars_of(fit(whole, every, fitted)))
    said = mean_of(play_on(*to_play(known, fitted, days, (unseen_texts(known, fitted, days),)))[0], reference)
    replayed = play_on(*to_play(whole, seen, days, (tuple(day_text(whole, seen, day) for day in coming),)))[0]
    again = [figures_of(day, reference) for day in replayed]
    came = [measured_of(whole, day, ALL_HOURS) for day in coming]
    return {
        "box": seed,
        "found": {
            "r": [round(box.r, 3), round(fitted.r_scale.value, 3)],
            "tau": [round(box.tau, 3), round(fitted.tau_scale.value, 3)],
            "fp16": [round(box.fp16, 3), round(fitted.energy_j["fp16"].value / 0.110, 3)],
        },
        "came": {name: [round(one[name], 4) for one in came] for name in FIGURES},
        "unseen": {name: [off(name, one[name], said[name]) for one in came] for name in FIGURES},
        "again": {name: [off(name, one[name], other[name]) for one, other in zip(came, again, strict=True)] for name in FIGURES},
        "left_out": {
            "unseen": {name: tested.errors(name, unseen=True) for name in FIGURES},
            "again": {name: tested.errors(name) for name in FIGURES},
        },
    }


def naive(seen: list[Snapshot], box: Grid, text: str) -> float:
    """Mean power by naive replay: the new policy's choices on the recorded snapshots, priced by profile and bundle."""
    brain = tick.Brain(parse_policy(text), box.profile, box.facts)
    state, total = brain.start(1, 0), 0.0
    cost = {fact.name: fact.energy_uj for fact in box.facts}
    for snapshot in seen:
        state, verdict = brain.step(state, snapshot)
        total += box.profile.idle_power_mw / 1000 + cost[verdict.point.variant] * verdict.point.fps_mfps / 1e12 * 1e3
    return total / len(seen)


def planted(random: Random) -> str:
    """A policy that differs from the feeder's in one or two knobs."""
    text = FEEDER
    if random.random() < 0.8:
        text = text.replace("target_fps: 15", f"target_fps: {random.choice([6, 8, 10, 12, 13, 14, 14.5])}")
    if random.random() < 0.4:
        text = text.replace("shadow_pct: 2", f"shadow_pct: {random.choice([0.5, 1, 4])}")
    if random.random() < 0.4:
        text = text.replace("max_loss_points: 0.5", f"max_loss_points: {random.choice([0.1, 0.25, 1])}")
    return text


PAIRS_A_BOX, PAIR_DAYS, PAIR_TICK_S = 5, 4, 60


def pairs_of_a_box(number: int, folder: Path) -> dict[str, Any]:
    """Planted pairs on a box of their own: today's policy against another one, by the twin, by naive replay, in truth."""
    random = Random(f"pairs/{number}")
    box = drawn(900 + number, PAIR_DAYS, PAIR_TICK_S)
    live = Seen(box)
    grid, seen = live.run(), live.snapshots
    twin = make(grid, folder / f"pair-{number}.twin", jobs=1)
    logged, truth = naive(seen, grid, FEEDER), true_power(box, FEEDER)
    rows, tried = [], {FEEDER}
    while len(rows) < PAIRS_A_BOX:
        new = planted(random)
        if new in tried:
            continue
        tried.add(new)
        replayed = naive(seen, grid, new) - logged
        rows.append(_pair(twin, new, true_power(box, new) - truth, replayed))
    return {"rows": rows}


def true_power(box: Box, text: str) -> float:
    """What the box really draws under a policy on its own days, W."""
    return figures_of(play_episode(replace(episode(box), policy=parse_policy(text))), "fp16")["power_w"]


def _pair(twin: Twin, new: str, difference: float, replayed: float) -> dict[str, Any]:
    found = next(one for one in compare(twin, [("new", new)], jobs=1)[0].lines if one.figure == "power")
    return {
        "true": round(difference, 4),
        "twin": round(found.new - found.old, 4),
        "error": round(found.error, 4),
        "bounds": round(found.bounds, 4),
        "stated": round(found.stated, 4),
        "verdict": found.verdict,
        "right": (found.verdict == BETTER) == (difference < 0),
        "naive": round(replayed, 4),
    }


SHORTENED = ("calm-day", "factory-25-45", "heatwave-fanless", "battery-sag", "contention-bursts", "room", "wrong-profile",
             "day-night-day", "hot-restart", "sudden-darkness")  # fmt: skip


def search_of(name: str, folder: Path) -> dict[str, Any]:
    """The assistant in a tenth of the runs against every candidate, on a shortened shipped scenario."""
    text = (ROOT / "policies" / "scenarios" / f"{name}.yaml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith(("duration_s", "tick_s", "restarts_s"))]
    path = folder / f"{name}.yaml"
    path.write_text("\n".join([*lines, "duration_s: 600", "tick_s: 10", ""]))
    worlds, policy, file = scenario_worlds([path])
    assert policy is not None
    target = parse_policy(policy).target_mfps / 1000
    goals = parse_goals("min power", f"fps>={0.55 * target:g}")
    asked = [f"target_fps={0.4 * target:g}..{target:g}:{target / 10:g}", "budget_w", "shadow_pct=1..4:1"]
    if "budget_w" not in policy:
        asked[1] = "frame_value_mj"
    knobs = knobs_of(policy, parse_policy(policy), goals, asked)
    whole, tenth = (Lab(worlds, policy, file, knobs, jobs=1) for _ in range(2))
    everything = search(whole, goals, trials=10_000, seed=1)
    guided = search(tenth, goals, trials=max(8, len(everything.trials) // 10 - 1), seed=1)
    best, found = (_least(one.trials, one.bounds) for one in (everything, guided))
    row = {"scenario": name, "all": whole.runs, "runs": tenth.runs, "best_w": round(best, 4), "found_w": round(found, 4)}
    return {**row, "off": round(found / best - 1, 5)}


def _least(trials: list[Trial], bounds: tuple[Bound, ...]) -> float:
    """The least power among those that meet every bound."""
    return min((one.value("power") for one in trials if all(meets(one, bound) for bound in bounds)), default=float("nan"))


def speed() -> dict[str, Any]:
    """One trial of a two-hour scenario, and what 200 take on two cores."""
    world = load_episode(ROOT / "policies" / "scenarios" / "calm-day.yaml")
    world = replace(world, scenario=replace(world.scenario, duration_us=7_200_000_000, tick_us=1_000_000))
    began = time.process_time()
    play_episode(world)
    one_s = time.process_time() - began
    return {"trial_cpu_s": round(one_s, 2), "200_trials_on_2_cores_min": round(200 * (one_s / 2 + 0.02) / 60, 2)}
