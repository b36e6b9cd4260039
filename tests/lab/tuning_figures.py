"""The figures of tuning, on simulated boxes whose truth is known: ``python -m tests.lab.tuning_figures [--boxes N] ...``.

Twin: fitted on some days, tomorrow's mean power held against what then really came. Pairs: which of two policies draws less on
the box's own days, by the twin, by naive replay (the negative control), in truth. Search: the assistant against every candidate.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from adaptd.brain import tick
from adaptd.config.policy import parse_policy
from adaptd.lab.controllers.adaptd import Adaptd
from adaptd.lab.episode import load_episode
from adaptd.lab.fit.backtest import backtest, figures_of, measured_of, stated, texts_of
from adaptd.lab.fit.model import fit
from adaptd.lab.fit.play import play, play_episode
from adaptd.lab.fit.readings import Grid, read_grid
from adaptd.lab.fit.saved import make
from adaptd.lab.fit.world import pattern, scenario_text
from adaptd.lab.tune.goals import Bound, parse_goals
from adaptd.lab.tune.knobs import knobs_of
from adaptd.lab.tune.picks import meets
from adaptd.lab.tune.search import search
from adaptd.lab.tune.trials import Lab, Trial
from adaptd.lab.tune.worlds import scenario_worlds
from adaptd.lab.whatif.compare import BETTER, UNTOLD, WORSE, compare
from adaptd.report.history import all_decisions
from tests.conftest import ROOT
from tests.lab.boxes import POLICY, Box, drawn, episode, log_of

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
    return replace(grid, **flat, **rows, day_shadows={day: one for day, one in grid.day_shadows.items() if day < days})


def twin_of_a_box(seed: int, days: int, tick_s: int, folder: Path) -> dict[str, Any]:
    """Fit on all days but the last, say what the last will be, and look."""
    box = drawn(seed, days + 1, tick_s)
    whole = read_grid(log_of(box, folder / f"box-{seed}"))
    known = first_days(whole, days)
    fitted, tested = fit(known, tuple(range(days))), backtest(known, jobs=1)
    said = figures_of(play(texts_of(known, scenario_text(known, fitted, pattern(known, fitted)))), known.policy.reference)
    came = measured_of(whole, days, ALL_HOURS)
    off = said["power_w"] / came["power_w"] - 1
    half = stated(tested.errors("power_w", unseen=True))
    return {
        "box": seed,
        "r": round(box.r, 3),
        "r_found": round(fitted.r_scale.value, 3),
        "tau": round(box.tau, 3),
        "tau_found": round(fitted.tau_scale.value, 3),
        "fp16": round(box.fp16, 3),
        "fp16_found": round(fitted.energy_j["fp16"].value / 0.110, 3),
        "power_w": round(came["power_w"], 3),
        "said_w": round(said["power_w"], 3),
        "off": round(off, 4),
        "stated": round(half, 4),
        "inside": abs(off) <= half,
    }


def naive(folder: Path, text: str) -> float:
    """Mean power by naive replay: the new policy's choices on the recorded snapshots, priced by profile and bundle."""
    policy, box = parse_policy(text), read_grid(folder)
    brain = tick.Brain(policy, box.profile, box.facts)
    state, total, count = brain.start(1, 0), 0.0, 0
    cost = {fact.name: fact.energy_uj for fact in box.facts}
    for decided in all_decisions(folder):
        state, verdict = brain.step(state, decided.snapshot)
        total += box.profile.idle_power_mw / 1000 + cost[verdict.point.variant] * verdict.point.fps_mfps / 1e12 * 1e3
        count += 1
    return total / count


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


def pairs(count: int, tick_s: int, folder: Path) -> dict[str, Any]:
    """Planted pairs on boxes of their own, three pairs a box."""
    random, rows = Random(18), []
    for number in range(-(-count // 3)):
        box = Box(900 + number, 2, tick_s, 1.2, 0.8, 1.05, 0.93, 1.12)
        log = log_of(box, folder / f"pair-{number}")
        twin = make(read_grid(log), folder / f"pair-{number}.twin", jobs=1)
        logged = naive(log, FEEDER)
        for _ in range(min(3, count - len(rows))):
            rows += [_pair(box, twin, log, logged, planted(random))]
            print(json.dumps(rows[-1]), flush=True)
    mattering = [row for row in rows if abs(row["true"]) > row["error"]]
    return {
        "pairs": len(rows),
        "true_difference_over_the_error": len(mattering),
        "of_those_named_right": sum(row["verdict"] in (BETTER, WORSE) and row["right"] for row in mattering),
        "of_those_untold": sum(row["verdict"] == UNTOLD for row in mattering),
        "wrong_sign_with_certainty": sum(row["verdict"] in (BETTER, WORSE) and not row["right"] for row in rows),
        "twin_mean_abs_error_w": round(sum(abs(row["twin"] - row["true"]) for row in rows) / len(rows), 4),
        "naive_mean_abs_error_w": round(sum(abs(row["naive"] - row["true"]) for row in rows) / len(rows), 4),
        "naive_wrong_sign": sum(row["naive"] * row["true"] < 0 for row in rows),
        "rows": rows,
    }


def _pair(box: Box, twin: Any, log: Path, logged: float, new: str) -> dict[str, Any]:
    found = next(one for one in compare(twin, ("new", new), jobs=1).lines if one.figure == "power")
    true = []
    for text in (FEEDER, new):
        world = episode(box)
        played = play_episode(replace(world, policy=parse_policy(text)))
        true.append(figures_of(played, "fp16")["power_w"])
    difference = true[1] - true[0]
    right = (found.verdict == BETTER) == (difference < 0)
    return {
        "true": round(difference, 4),
        "twin": round(found.new - found.old, 4),
        "error": round(found.error, 4),
        "verdict": found.verdict,
        "right": right,
        "naive": round(naive(log, new) - logged, 4),
    }


SHORTENED = ("calm-day", "factory-25-45", "heatwave-fanless", "battery-sag", "contention-bursts", "room", "wrong-profile",
             "day-night-day", "hot-restart", "sudden-darkness")  # fmt: skip


def searches(count: int, folder: Path) -> dict[str, Any]:
    """The assistant in a tenth of the runs against every candidate, on shortened shipped scenarios."""
    rows = []
    for name in SHORTENED[:count]:
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
        rows.append({**row, "off": round(found / best - 1, 5)})
        print(json.dumps(rows[-1]), flush=True)
    return {"scenarios": len(rows), "within_1_pct": sum(row["off"] <= 0.01 for row in rows), "rows": rows}


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
    assert Adaptd.name == "adaptd"
    return {"trial_cpu_s": round(one_s, 2), "200_trials_on_2_cores_min": round(200 * (one_s / 2 + 0.02) / 60, 2)}


def main() -> None:
    """Run the parts and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=20)
    parser.add_argument("--days", type=int, default=4, help="days that a twin is fitted on")
    parser.add_argument("--tick", type=int, default=30, help="seconds a tick of the simulated boxes")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--scenarios", type=int, default=10)
    arguments = parser.parse_args()
    found: dict[str, Any] = {"speed": speed()}
    print(json.dumps(found), flush=True)  # every row is told as it comes: the whole takes long
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.scenarios:
            found = {"search": searches(arguments.scenarios, folder)}
            print(json.dumps(found), flush=True)
        if arguments.pairs:
            found = {"pairs": pairs(arguments.pairs, arguments.tick, folder)}
            print(json.dumps(found), flush=True)
        rows = []
        for seed in range(1, arguments.boxes + 1):
            rows += [twin_of_a_box(seed, arguments.days, arguments.tick, folder)]
            print(json.dumps(rows[-1]), flush=True)
        if rows:
            within = {
                "boxes": len(rows),
                "power_within_3_pct": sum(abs(row["off"]) <= 0.03 for row in rows),
                "hours_within_5_pct": sum(abs(1 / (1 + row["off"]) - 1) <= 0.05 for row in rows),
                "inside_the_95_interval": sum(row["inside"] for row in rows),
                "rows": rows,
            }
            print(json.dumps({"twin": within}), flush=True)


if __name__ == "__main__":
    main()
