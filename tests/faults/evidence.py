"""The figures of the accuracy evidence and the cost of watching: ``python -m tests.faults.evidence [ROW ...] [--share 0.1]``.

Each row measures one promise, and the same promise for a mutant that must break it. Without a name the rows of what ships are
run; the others are those of the admission of before, which is true for independent frames alone and ships no more: it is the
negative control of ``account_worlds``. ``--share`` runs that part of each size.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adaptd.config.policy import Policy
from adaptd.lab.harness import Choice
from adaptd.twin.worker import Tick
from adaptd.vocabulary import Shadow
from tests.brain.decide.plant import facts, feeder
from tests.brain.estimate import arrivals, streams
from tests.brain.estimate import old_admission as accuracy
from tests.brain.estimate.old_betting import M

LIMIT, ALPHA = 0.005, 0.01
STREAMS, SAMPLES = 10_000, 20_000
GOOD, GOOD_LOSS, BAD_LOSS = 50_000, 0.001, 0.02
CORE_SHARE = 0.019  # of a core: the control process at 10 Hz sensing, the most that benchmarks/overhead.py has measured
CORE_W = 24.4 / 8  # Orin NX, ARK page: 29.0 W less 4.6 W idle with everything busy, as if its eight cores drew all of it


@dataclass(frozen=True)
class Row:
    """What was promised, what was measured, whether it holds, and the mutant's value, which must not."""

    what: str
    promise: str
    measured: str
    holds: bool
    mutant: str
    mutant_breaks: bool


def one_band() -> Policy:
    """The feeder with one band and one efficient variant, so that the first attempt may spend a known share of alpha."""
    return replace(feeder(), bands=(replace(feeder().bands[-1], down_at_mlx=None),))


def exact_admission(losses: NDArray[np.bool_], alpha_ppm: int) -> int:
    """The sample at which the shipped integers admit one stream; 0 where they do not."""
    policy = replace(one_band(), alpha_ppm=alpha_ppm)
    table = accuracy.rules(policy)
    proofs = accuracy.start(table, policy, facts(priors=()), {})
    for at, loss in enumerate(losses):
        proofs = accuracy.absorb(table, proofs, (Shadow("bright", "int8", int(loss) * M),), at)
        if proofs[0].word.admitted:
            return at + 1
    return 0


def first_alpha(alpha_ppm: int) -> float:
    """What the first attempt of one pair may spend."""
    top, bottom = accuracy.rules(replace(one_band(), alpha_ppm=alpha_ppm)).thresholds[0]
    return bottom / top


def boundary(share: float) -> Row:
    """False admissions of a variant exactly at the limit, looked at after every sample."""
    count = max(500, int(STREAMS * share))
    allowed = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / count)
    wrong = arrivals.wrong_share(np.random.default_rng(11), arrivals.mixture(LIMIT, ALPHA), LIMIT, count, SAMPLES)
    peeked = arrivals.wrong_share(np.random.default_rng(11), arrivals.peeked(LIMIT, ALPHA), LIMIT, count, SAMPLES)
    return Row(
        f"false admissions at the limit, {count:,} streams of {SAMPLES:,}",
        f"<= {allowed:.2%} (alpha 1 % + 3 sigma)",
        f"{wrong:.2%}",
        wrong <= allowed,
        f"fixed-n test, peeked: {peeked:.1%}",
        peeked > allowed,
    )


def twins(share: float) -> Row:
    """The fast twin and the shipped integers admit at the same sample."""
    count, length = max(3, int(60 * share)), 3000
    rng, alpha_ppm = np.random.default_rng(3), 16_450
    need = arrivals.needed(arrivals.mixture(LIMIT, first_alpha(alpha_ppm)), length, length)
    off = shifted = 0
    for _ in range(count):
        stream = rng.random(length) < 0.001
        times = np.flatnonzero(stream)[None, :] + 1
        exact = exact_admission(stream, alpha_ppm)
        off += exact != arrivals.admitted_at(times, need, length)[0]
        shifted += exact != arrivals.admitted_at(times, need - 1, length)[0]
    return Row(
        f"streams on which the fast twin and the exact integers differ, of {count}",
        "0",
        str(off),
        off == 0,
        f"one sample early: {shifted}",
        shifted > 0,
    )


def perfect(share: float) -> Row:
    """How long a variant without any loss waits, over the information bound at the same alpha; the worst of three alphas."""
    del share
    ratios, alone = [], []
    for alpha_ppm in (50_000, 10_000, 1000):
        alpha = first_alpha(alpha_ppm)
        bound = math.log(1 / alpha) / -math.log(1 - LIMIT)
        ratios.append(exact_admission(np.zeros(4000, dtype=bool), alpha_ppm) / bound)
        alone.append((math.log(1 / alpha) + math.log(len(accuracy.ADMIT_BETS))) / math.log(1 / alpha))
    return Row(
        "samples to admit at true loss 0, over ln(1/alpha)/KL (alpha 5, 1, 0.1 %)",
        "<= 1.1",
        " / ".join(f"{ratio:.3f}" for ratio in ratios),
        max(ratios) <= 1.1,
        f"equal weights: {max(alone):.2f}",
        max(alone) > 1.1,
    )


def detection(share: float) -> Row:
    """How long a loss of 2 % goes unnoticed after 50,000 good frames."""
    count = max(25, int(400 * share))
    rng = np.random.default_rng(2)
    losses = np.concatenate([streams.draw(rng, GOOD_LOSS, count, GOOD), streams.draw(rng, BAD_LOSS, count, 5000)], axis=1)
    found = streams.revoked_at(losses, LIMIT, accuracy.ALARM_RUN, GOOD)
    false = int((found < 0).sum())
    delay = np.where(found > 0, found - GOOD, 5000)
    plain = _plain_delay(losses)
    return Row(
        f"frames to notice 2 % after {GOOD:,} good ones, median (90 %) of {count}",
        "<= 1,000, no false alarm",
        f"{np.median(delay):.0f} ({np.quantile(delay, 0.9):.0f}), {false} false",
        bool(np.median(delay) <= 1000) and not false,
        f"one e-process from the start at 100: {'over 5,000' if plain >= 5000 else f'{plain:.0f}'}",
        plain > 1000,
    )


def _plain_delay(losses: NDArray[np.bool_]) -> float:
    """The median delay of one e-process that began with the first frame and alarms at 100."""
    logs = []
    for c in (1.5, 2, 4, 10):
        steps = np.where(losses, math.log(c), math.log((1 - c * LIMIT) / (1 - LIMIT)))
        logs.append(np.cumsum(steps, axis=1)[:, GOOD:])
    best = np.maximum.reduce(logs) - math.log(4)
    hit = best >= math.log(100)
    return float(np.median(np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 5000)))


def _frames_per_alarm(rng: np.random.Generator, threshold: float, count: int, frames: int) -> tuple[int, float]:
    """False alarms at the limit itself of ``count`` detectors, each begun anew after its alarm, and the frames an alarm took."""
    parts = np.array([top / bottom for top, bottom in accuracy.REVOKE_BETS])[:, None]
    zero = (1 - parts * LIMIT) / (1 - LIMIT)
    weight = accuracy.REVOKE_WEIGHT[0] / accuracy.REVOKE_WEIGHT[1]
    statistic, alarms = np.zeros((len(parts), count)), 0
    for _ in range(frames):
        statistic = (statistic + weight) * zero
        lost = np.flatnonzero(rng.random(count) < LIMIT)
        if len(lost):
            statistic[:, lost] *= parts / zero
            hit = lost[statistic[:, lost].sum(axis=0) >= threshold]
            if len(hit):
                alarms += len(hit)
                statistic[:, hit] = 0.0
    return alarms, count * frames / max(1, alarms)


def _quiet(threshold: float, count: int, frames: int) -> Row:
    alarms, run = _frames_per_alarm(np.random.default_rng(4), threshold, count, frames)
    _, eager = _frames_per_alarm(np.random.default_rng(4), threshold / 20, max(1, count // 10), frames)
    sigma = run / math.sqrt(max(1, alarms))
    return Row(
        f"frames between false alarms at the limit, A = {threshold:,.0f}, {count * frames:,} frames",
        f">= {threshold:,.0f}",
        f"{run:,.0f} +- {sigma:,.0f} ({alarms} alarms)",
        run + 3 * sigma >= threshold,
        f"A / 20: {eager:,.0f}",
        eager < threshold,
    )


def quiet_small(share: float) -> Row:
    """Frames between false alarms at a threshold of 10,000, where many alarms can be waited for."""
    return _quiet(1e4, max(100, int(2000 * share)), 40_000)


def quiet(share: float) -> Row:
    """The same at the shipped threshold; every alarm takes a million frames, so this takes long."""
    return _quiet(accuracy.ALARM_RUN, 2000, max(20_000, int(1_000_000 * share)))


def calm_day(share: float) -> Row:
    """What shadow frames and the control process cost in a calm day, in parts of the board's energy; never run in part."""
    del share
    from adaptd.lab.episode import load_episode, run
    from adaptd.twin.work import beside_uj, true_work
    from tests.conftest import ROOT

    episode = load_episode(ROOT / "policies" / "scenarios" / "calm-day.yaml")
    work = true_work(episode.scenario, episode.facts)
    spent = {"shadow": 0.0, "all": 0.0}

    def watch(_device: object, _snapshot: object, choice: Choice, tick: Tick) -> None:
        besides = beside_uj(work, episode.policy, choice.point.variant)
        spent["shadow"] += tick.shadowed * besides
        spent["all"] += tick.executed * besides

    energy_uj = run(episode, "adaptd", watch).energy_uj
    control_uj = CORE_SHARE * CORE_W * episode.scenario.ticks * episode.scenario.tick_us
    part, every = (spent["shadow"] + control_uj) / energy_uj, spent["all"] / energy_uj
    return Row(
        "shadowing and control, of the energy of a calm day",
        "<= 2 %",
        f"{part:.2%} ({spent['shadow'] / energy_uj:.2%} + {control_uj / energy_uj:.2%})",
        part <= 0.02,
        f"every frame shadowed: {every:.0%}",
        every > 0.02,
    )


ROWS: dict[str, Callable[[float], Row]] = {
    "boundary": boundary,
    "twins": twins,
    "perfect": perfect,
    "detection": detection,
    "quiet-small": quiet_small,
    "quiet": quiet,
    "calm-day": calm_day,
}


SHIPPED = ("calm-day",)


def main(argv: list[str] | None = None) -> int:
    """Print the rows as a table; 1 where a promise does not hold or a mutant does not break it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--share", type=float, default=1.0, help="part of the full size, such as 0.1")
    arguments = parser.parse_args(argv)
    print("| figure | promise | measured | mutant |\n|---|---|---|---|", flush=True)
    failed = []
    for name in arguments.rows or SHIPPED:
        began = time.monotonic()
        row = ROWS[name](arguments.share)
        print(f"| {row.what} | {row.promise} | {row.measured} | {row.mutant} |", flush=True)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
        if not (row.holds and row.mutant_breaks):
            failed.append(name)
    if failed:
        print(f"NOT AS PROMISED: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
