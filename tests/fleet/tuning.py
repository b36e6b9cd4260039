"""The figures of tuning a fleet: `python -m tests.fleet.tuning [priors] [ray]` (both, without a name).

Priors: new boxes of three enclosures, of fresh seeds, each on its first day in a room where heat binds: with the profile alone,
with what the fleet expects of a box like it, with what it expects of one in another enclosure whose INT8 pays at night alone (the
negative control), and with its true poles, the rates of its own engines and its own day.
Ray: the same sweep on local processes and on Ray of this machine, some clusters at a time and in alternating order, so that what
else the machine does meets both; by the clock and by processor time.
"""

import argparse
import json
import os
import time
from contextlib import suppress
from dataclasses import replace
from math import exp, log
from pathlib import Path
from random import Random
from statistics import mean, median
from typing import Any

from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile, Pole
from adaptd.fleet.shrink import BoxPrior, prior_for
from adaptd.lab.bench import spread
from adaptd.lab.causes import Evidence, beside
from adaptd.lab.controllers.adaptd import Adaptd
from adaptd.lab.episode import Episode, load_episode
from adaptd.lab.fit.saved import band_hours
from adaptd.lab.fleet.spreading import OnRay, Spread, local
from adaptd.lab.fleet.sweep import World, plain, sweep
from adaptd.lab.harness import simulate
from adaptd.lab.oracle import solve
from adaptd.twin.words import PPM
from adaptd.twin.world import Follower
from adaptd.vocabulary import Prior, VariantFacts
from tests.conftest import ROOT
from tests.fleet.test_tune import ENCLOSURES, crowd
from tests.lab.boxes import POLICY

DAY_US = 86_400_000_000
TICK_US = 2_000_000  # with ten seconds between two decisions a box near its limit passes it, and the figure is of that
BOARD = "orin-nano-super"
ARMS = ("profile", "fleet", "other enclosure", "everything known")


def say(**words: Any) -> None:
    """One result."""
    print(json.dumps(words), flush=True)


def new_box(seed: int, enclosure: str) -> tuple[Episode, float, float]:
    """A box that nobody has seen, on a day whose room leaves no engine its full rate at noon; its true factors."""
    draw = Random(f"new/{seed}")
    r, tau = (one * exp(draw.gauss(0, 0.1)) for one in ENCLOSURES[enclosure])
    base = load_episode(ROOT / "policies" / "scenarios" / "calm-day.yaml")
    scenario, poles = base.scenario, base.profile.poles
    top_mc = max(value or 0 for _, value in scenario.ambient_mc)
    watts = (
        base.profile.idle_power_mw + 400
    ) / 1000 + 0.0595 * 1.05 * 12  # INT8 at twelve frames a second is all there is room for
    shift_mc = round(base.policy.limit_mc - 200 - sum(pole.r_uk_per_mw for pole in poles) * r * watts - top_mc)
    longer = exp(draw.gauss(0, 0.08))  # its day is longer or shorter than others'
    made = replace(
        scenario,
        light_mlx=tuple((round(t * longer), value) for t, value in scenario.light_mlx),
        seed=seed,
        tick_us=TICK_US,
        duration_us=DAY_US,
        ambient_mc=tuple((t, (value or 0) + shift_mc) for t, value in scenario.ambient_mc),
        truth=replace(scenario.truth, r_scale_ppm=round(r * PPM), tau_scale_ppm=round(tau * PPM)),
    )
    return replace(base, scenario=made), r, tau


def expecting(base: HardwareProfile, r: float, tau: float) -> HardwareProfile:
    """The profile with other poles."""
    return replace(base, poles=tuple(Pole(round(one.r_uk_per_mw * r), round(one.tau_ms * tau)) for one in base.poles))


def expecting_day(policy: Policy, hours: dict[str, float]) -> Policy:
    """The policy with hours of a day in which INT8 is expected to pay."""
    return replace(policy, expected_s=tuple((band, round(one * 3600)) for band, one in sorted(hours.items())))


def first_day(seed: int, enclosure: str, told: dict[str, BoxPrior]) -> dict[str, Any]:
    """One new box under the four arms: regret of its first day, and of what was expected of it."""
    episode, r, tau = new_box(seed, enclosure)
    scenario, policy, profile, facts = episode.scenario, episode.policy, episode.profile, episode.facts
    best = solve(scenario, policy, profile, facts, grid=200)
    unqualified = tuple(replace(one, priors=()) for one in facts)
    others = [name for name in ENCLOSURES if name != enclosure]
    given: dict[str, tuple[Policy, HardwareProfile, tuple[VariantFacts, ...]]] = {"profile": (policy, profile, unqualified)}
    off = {"profile": (abs(log(r)), abs(log(tau)))}
    for arm, name in (("fleet", enclosure), ("other enclosure", others[seed % len(others)])):
        prior = told[name]
        rates = tuple(Prior(band, one.frames, one.differed) for (band, _), one in prior.differs.items())
        known = tuple(replace(one, priors=rates if one.name in policy.efficient else ()) for one in facts)
        day = prior.expected_h(policy.efficient, policy.max_loss_ppm) if arm == "fleet" else {"night": prior.band_h["night"]}
        given[arm] = expecting_day(policy, day), expecting(profile, prior.r.factor, prior.tau.factor), known
        off[arm] = abs(log(prior.r.factor / r)), abs(log(prior.tau.factor / tau))
    follower = Follower(scenario.light_mlx)
    own = band_hours(policy.bands, [(follower.number(at * 300_000_000) or 0.0) / 1000 for at in range(288)])
    own_day = {band: hours for band, hours in own.items() if band != "night"}
    given["everything known"] = expecting_day(policy, own_day), expecting(profile, r, tau), facts
    off["everything known"] = (0.0, 0.0)
    row: dict[str, Any] = {"seed": seed, "enclosure": enclosure, "heat_binds": best.heat_binds}
    for arm, (told_policy, board, known) in given.items():
        seen = Evidence(episode)
        found = simulate(scenario, policy, profile, facts, Adaptd(told_policy, board, known, scenario.seed), seen)
        proof, shadows, rest = beside(best, episode, found, seen, grid=200)
        row[arm] = {
            "regret": round(proof + shadows + rest, 6),
            "proof": round(proof, 6),
            "shadows": round(shadows, 6),
            "rest": round(rest, 6),
            "over_limit_s": found.over_limit_us / 1e6,
            "shadow_frames": round(found.shadow_frames),
            "statements_broken": found.statements_broken,
            "r_off": round(off[arm][0], 4),
            "tau_off": round(off[arm][1], 4),
        }
    return row


def priors(boxes: int, known: int) -> None:
    """New boxes by turns from the three enclosures; the fleet has ``known`` boxes in each."""
    fleet = crowd(4711, known, BOARD)
    told = {name: prior_for(fleet, BOARD, name) for name in ENCLOSURES}
    names = list(ENCLOSURES)
    work = [(9_000 + number, names[number % 3], told) for number in range(boxes)]
    rows = spread(first_day, work, None, None)
    for row in rows:
        say(figure="new box", **row)
    means = {arm: mean(row[arm]["regret"] for row in rows) for arm in ARMS}
    say(
        figure="priors",
        boxes=boxes,
        known_boxes_per_enclosure=known,
        first_day_regret={arm: round(value, 5) for arm, value in means.items()},
        causes={
            arm: {part: round(mean(row[arm][part] for row in rows), 5) for part in ("proof", "shadows", "rest")} for arm in ARMS
        },
        below_profile_alone={arm: round(1 - value / means["profile"], 4) for arm, value in means.items()},
        over_limit_s={arm: sum(row[arm]["over_limit_s"] for row in rows) for arm in ARMS},
        statements_broken={arm: sum(row[arm]["statements_broken"] for row in rows) for arm in ARMS},
        most_shadow_frames={arm: max(row[arm]["shadow_frames"] for row in rows) for arm in ARMS},
        median_r_off={arm: round(median(row[arm]["r_off"] for row in rows), 4) for arm in ARMS},
        median_tau_off={arm: round(median(row[arm]["tau_off"] for row in rows), 4) for arm in ARMS},
    )


def on_ray(policies: int, clusters: int, minutes: int, turns: int) -> None:
    """The same sweep on local processes and on Ray, a share of the clusters each turn; Ray's own start counted apart."""
    texts = {
        f"p{number}": POLICY.read_text().replace("target_fps: 15", f"target_fps: {15 - 9 * number / policies:.3f}")
        for number in range(policies)
    }
    worlds = [_world(number, minutes, texts["p0"]) for number in range(clusters)]
    began_s = time.monotonic()
    ray = OnRay()
    runners: dict[str, Spread] = {"local": local, "ray": ray}
    ray(len, [("warm",)] * 8, None, None)
    start_s = time.monotonic() - began_s
    wall_s: dict[str, list[float]] = {"local": [], "ray": []}
    cpu_s: dict[str, list[float]] = {"local": [], "ray": []}
    found: dict[str, list[Any]] = {"local": [], "ray": []}
    for turn in range(turns):
        share = worlds[turn::turns]
        for name in sorted(runners, reverse=bool(turn % 2)):
            began_s, used_s = time.monotonic(), _family_cpu_s()
            found[name] += plain(sweep(share, texts, runners[name]))
            wall_s[name].append(round(time.monotonic() - began_s, 1))
            cpu_s[name].append(round(_family_cpu_s() - used_s, 1))
    ray.close()
    say(
        figure="ray",
        runs=len(found["ray"]),
        policies=policies,
        clusters=clusters,
        minutes_each=minutes,
        wall_s=wall_s,
        cpu_s=cpu_s,
        ray_start_s=round(start_s, 1),
        wall_ratio=round(sum(wall_s["ray"]) / sum(wall_s["local"]), 3),
        cpu_ratio=round(sum(cpu_s["ray"]) / sum(cpu_s["local"]), 3),
        same_numbers=found["ray"] == found["local"],
        load=os.getloadavg()[0],
    )


def _family_cpu_s() -> float:
    """Processor time of this process, of those it started that live, whatever they started, and of all that have ended."""
    parents: dict[int, tuple[int, float]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            ticks = sum(map(int, fields[11:15]))  # its own, and that of children it has waited for
            parents[int(stat.parent.name)] = int(fields[1]), ticks / os.sysconf("SC_CLK_TCK")
    family, grown = {os.getpid()}, True
    while grown:
        more = {pid for pid, (parent, _) in parents.items() if parent in family} - family
        family, grown = family | more, bool(more)
    return sum(parents[pid][1] for pid in family)


def _world(number: int, minutes: int, policy: str) -> World:
    """One cluster's world: some minutes of an ordinary day."""
    scenario = (ROOT / "policies" / "scenarios" / "calm-day.yaml").read_text()
    scenario = scenario.replace("duration_s: 86400", f"duration_s: {60 * minutes}").replace("tick_s: 2", "tick_s: 1")
    profile = (ROOT / "hw_profiles" / f"{BOARD}.yaml").read_text()
    return World(
        f"c{number}", "typical", f"box-{number}", _texts(scenario.replace("seed: 101", f"seed: {number}"), policy, profile)
    )


def _texts(scenario: str, policy: str, profile: str) -> Any:
    from adaptd.lab.fit.play import Texts

    return Texts(scenario, policy, profile, POLICY.read_text())


def main() -> None:
    """Run the figures that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["priors", "ray"])
    parser.add_argument("--boxes", type=int, default=12)
    parser.add_argument("--known", type=int, default=12)
    parser.add_argument("--policies", type=int, default=200)
    parser.add_argument("--clusters", type=int, default=20)
    parser.add_argument("--minutes", type=int, default=1)
    parser.add_argument("--turns", type=int, default=10)
    words = parser.parse_args()
    if "priors" in words.names:
        priors(words.boxes, words.known)
    if "ray" in words.names:
        on_ray(words.policies, words.clusters, words.minutes, words.turns)


if __name__ == "__main__":
    main()
