"""`adaptd whatif DIR --policy NEW`: another policy on this box's own days, with intervals, ties, and what was never tried."""

import argparse
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.options import Sub, answer, as_json, battery, jobs, verb
from adaptd.cli.progress import bar
from adaptd.cli.twin import error_words, twin_of
from adaptd.vocabulary import OperatingPoint

if TYPE_CHECKING:
    from adaptd.lab.whatif.compare import Comparison

MOST_LINES = 40


def register(sub: Sub) -> None:
    whatif = verb(sub, "whatif", "what another policy would have done on this box's own days", _whatif)
    whatif.path("folder", "the box's log, or the folder of its fitted twin", metavar="DIR")
    whatif.path("--policy", "the policy to try", required=True, metavar="NEW")
    whatif.path("--against", "the one beside it (default: the logged one)", metavar="OLD")
    whatif.flag("--decisions", "list the recorded moments at which it would decide otherwise")
    whatif.add(battery, jobs, as_json)


def _whatif(arguments: argparse.Namespace) -> int:
    if arguments.decisions:
        return _decisions(arguments)
    from adaptd.lab.whatif.compare import compare

    new = (str(arguments.policy), read_policy(arguments.policy))
    old = None if arguments.against is None else (str(arguments.against), read_policy(arguments.against))
    twin = twin_of(arguments.folder, arguments.jobs)
    with bar("days played") as progress:
        (found,) = compare(twin, [new], old, battery_wh=arguments.battery_wh, progress=progress, jobs=arguments.jobs)
    return answer(arguments, found.to_plain(), words(found))


def read_policy(path: Path) -> str:
    """The text of a policy file that was checked.

    Raises:
        ConfigError: one line a fault.
    """
    from adaptd.config.policy import parse_policy
    from adaptd.config.strict_yaml import read_text_at_once

    text = read_text_at_once(path)
    parse_policy(text, str(path))
    return text


def words(found: "Comparison") -> list[str]:
    """The table for people, with the error and the support under it."""
    from adaptd.lab.whatif.figures import FIGURES

    lines = [
        f"simulated: {found.days} days of this box's fitted twin",
        f"  old: {found.old.name}",
        f"  new: {found.new.name}",
        "",
    ]
    lines.append(f"{'':<12}{'old':>9}{'new':>9}  {'95 % interval of new':<21}{'difference':>11}{'stated error':>14}  verdict")
    for line in found.lines:
        unit, _, _ = FIGURES[line.figure]
        span = f"{_n(found.new.low[line.figure])} to {_n(found.new.high[line.figure])} {unit}"
        difference = f"{line.new - line.old:+.3g}" if line.new != line.old else "0"
        name, pair = line.figure.replace("_", " "), f"{_n(line.old):>9}{_n(line.new):>9}"
        lines.append(f"{name:<12}{pair}  {span:<21}{difference:>11}{_n(line.stated):>14}  {line.verdict}")
    lines += _stated_words(found)
    for title, side in (("old", found.old), ("new", found.new)):
        engines = ", ".join(f"{name} {share:.0f} %" for name, share in side.figures.time_pct.items())
        used = ", ".join(f"{band} {100 * part:.0f} %" for band, part in side.figures.account.items())
        lines.append(f"\n{title}: time by engine {engines}; loss against what the account allows: {used or 'none'}")
    lines.append(_support_words(found))
    lines.append(f"backtest: {error_words(found.backtest)}")
    return lines


def _stated_words(found: "Comparison") -> list[str]:
    """What the stated error is made of, and what the verdicts mean by it."""
    from adaptd.lab.whatif.compare import UNTOLD
    from adaptd.lab.whatif.figures import FIGURES

    power = next(line for line in found.lines if line.figure == "power")
    made = f"stated error {_n(power.stated)} W = backtest {_n(power.error)} + untried hours {_n(power.bounds)}"
    words = [f"\npower: {made}. Stated errors are of the difference, with 95 % certainty; a smaller difference is a tie"]
    parts = [
        f"{line.figure.replace('_', ' ')} {_n(line.stated)} {FIGURES[line.figure][0]} = {_n(line.error)} + {_n(line.bounds)}"
        for line in found.lines
        if line.verdict == UNTOLD
    ]
    if parts:
        words.append(f"untold (over the backtest's part, not over that of untried hours too): {', '.join(parts)}")
    return words


def _support_words(found: "Comparison") -> str:
    side = found.new
    if side.tried_pct >= 99.95:
        return "support: the new policy's choices were really tried in like conditions in every hour"
    rest = "; ".join(f"{words} {hours:.1f} h/day" for words, hours in side.untried.items())
    return (
        f"support: in {side.tried_pct:.0f} % of the hours the new policy's choices were really tried in like conditions; "
        f"elsewhere the intervals are bounds (not tried: {rest})"
    )


def _n(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _decisions(arguments: argparse.Namespace) -> int:
    from adaptd.config.policy import load_policy
    from adaptd.lab.whatif.decisions import Tally, otherwise
    from adaptd.log.verify.reader import segment_files

    policy = load_policy(arguments.policy)
    if not segment_files(arguments.folder):
        raise CommandError(f"{arguments.folder}: holds no log, --decisions needs the recorded snapshots", 2)
    tally = Tally()
    with refusing(ValueError, where=f"{arguments.policy}: "):
        found = list(otherwise(arguments.folder, policy, tally))
    rows = [
        {"from_ms": one.from_ms, "ended_ms": one.ended_ms, "decisions": one.decisions, "rule": one.rule,
         "old": [one.old.variant, one.old.fps_mfps], "new": [one.new.variant, one.new.fps_mfps]}
        for one in found
    ]  # fmt: skip
    said = f"{tally.other:,} of {tally.decisions:,} recorded decisions would have been others"
    lines = [f"{said}, in {len(found)} stretches (times UTC)"]
    longest = sorted(sorted(found, key=lambda one: -one.decisions)[:MOST_LINES], key=lambda one: one.from_ms)
    for one in longest:
        spent = f"{one.decisions} decision{'s' if one.decisions > 1 else ''}"
        at = f"{datetime.fromtimestamp(one.from_ms / 1000, tz=timezone.utc):%Y-%m-%d %H:%M}"
        lines.append(f"at {at} it would have {_choice(one.new)} instead of {_choice(one.old)} ({one.rule}), {spent}")
    if len(found) > len(longest):
        lines.append(f"... the {len(longest)} longest are listed, --json has all")
    return answer(arguments, {"decisions": tally.decisions, "other": tally.other, "stretches": rows}, lines)


def _choice(point: OperatingPoint) -> str:
    return f"served {point.variant} at {point.fps_mfps / 1000:g} fps" if point.fps_mfps else "paused"
