"""The tables that ``account_worlds`` prints of its rows, and whether every promise held and every negative control failed."""

from collections import defaultdict
from typing import Any

from tests.faults.world_day import WORLDS

LIMIT = 0.005
STARTS_WITHIN_S, PAID_WITHIN, MONTH_LEAST, SLACK = 60, 16_000, 0.9, 0.03
Rows = dict[str, Any]


def show(rows: Rows) -> int:
    """Print every group; 1 where something was not as promised."""
    groups: dict[str, dict[tuple[str, str, str], list[Any]]] = defaultdict(lambda: defaultdict(list))
    for name, row in sorted(rows.items()):
        group, world, _, hours, share = name.split("|")
        groups[group][(world, hours, share)].append(row)
    bad = _days(groups["day"], groups["old"])
    bad += _months(groups["month"]) + _colds(groups["cold"])
    bad += _randoms(groups["random"], "unseen random hours", 0)
    bad += _randoms(groups["edge"], "hours with light beside the edges of bands", None)
    if bad:
        print("NOT AS PROMISED: " + "; ".join(bad))
    return bool(bad)


def _days(days: dict[tuple[str, str, str], list[Any]], old: dict[tuple[str, str, str], list[Any]]) -> list[str]:
    if not days and not old:
        return []
    print(
        "| world | shadow_pct | windows over | untrue | lost, mean / worst | bound | on INT8, table / measured | shadowed "
        "| old test: wrongly admitted |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    bad, order = [], list(WORLDS)
    wrongly = judged = 0
    for each in sorted({*days, *old}, key=lambda one: (order.index(one[0]), one)):
        before = [one for one in old.get(each, []) if one["mean"] > LIMIT]
        wrongly, judged = wrongly + sum(one["admitted"] for one in before), judged + len(before)
        control = f"{sum(one['admitted'] for one in before)} of {len(before)}" if each in old else ""
        windows = [window for run in days.get(each, []) for window in run["windows"]]
        words, why = _of_windows(windows, WORLDS[each[0]].table)
        bad += [f"{each[0]}: {one}" for one in why]
        print(f"| {each[0]} | {each[2]} | {words} | {control} |")
    if judged and not wrongly:
        bad.append("the old test, which must fail in these worlds, did not")
    return bad


def _of_windows(windows: list[Any], table: float | None) -> tuple[str, list[str]]:
    """The middle columns of a row, and what in it breaks the promise."""
    if not windows:
        return " | | | | | ", []
    delivered = sum(one["delivered"] for one in windows)
    over, untrue = sum(one["over"] for one in windows), sum(one["untrue"] for one in windows)
    lost = [one["lost"] / one["delivered"] for one in windows]
    on = sum(one["efficient"] for one in windows) / delivered
    said = "-" if table is None else f"{table:g} %"
    why = [f"{over} windows over", f"{untrue} untrue statements"]
    why = [words for words, count in zip(why, (over, untrue), strict=True) if count]
    if table is not None and on < table / 100 - SLACK:
        why.append(f"on INT8 {on:.1%}, the table has {table:g} %")
    bound = sum(one["bound"] / one["delivered"] for one in windows) / len(windows)
    shadowed = sum(one["shadowed"] for one in windows) / delivered
    return (
        f"{over} of {len(windows)} | {untrue} | {sum(lost) / len(lost):.3%} / {max(lost):.3%} | {bound:.3%} | "
        f"{said} / {on:.1%} | {shadowed:.2%}"
    ), why


def _months(months: dict[tuple[str, str, str], list[Any]]) -> list[str]:
    bad = []
    for (world, hours, share), runs in months.items():
        later = [window["efficient"] / window["delivered"] for run in runs for window in run["windows"][1:]]
        broken = sum(window["over"] + window["untrue"] for run in runs for window in run["windows"])
        mean = sum(later) / len(later)
        print(
            f"{world}, {float(hours) / 24:g} days, shadow_pct {share}, {len(runs)} run(s): on INT8 after day one {mean:.1%}, "
            f"worst day {min(later):.1%}; {broken} windows over or untrue"
        )
        bad += [f"{world}: {broken} windows over or untrue in the month"] if broken else []
        bad += [f"{world}: {mean:.1%} of the day on INT8 after day one"] if mean < MONTH_LEAST else []
    return bad


def _colds(colds: dict[tuple[str, str, str], list[Any]]) -> list[str]:
    bad = []
    for runs in colds.values():
        first = max(10**9 if run["first_s"] is None else run["first_s"] for run in runs)
        paid = max(run["paid_frames"] for run in runs)
        print(
            f"cold start without a prior, {len(runs)} runs: first INT8 after {first} s at the latest, "
            f"loan paid back after {paid:,} frames"
        )
        bad += [f"a cold start took {first} s"] if first > STARTS_WITHIN_S else []
        bad += [f"the loan was paid back after {paid:,} frames"] if paid > PAID_WITHIN else []
    return bad


def _randoms(randoms: dict[tuple[str, str, str], list[Any]], what: str, most: int | None) -> list[str]:
    rows = [row for some in randoms.values() for row in some]
    if not rows:
        return []
    beyond, broken = sum(row["beyond"] for row in rows), sum(row["broken"] for row in rows)
    on = sum(row["efficient"] for row in rows) / sum(row["delivered"] for row in rows)
    print(
        f"{len(rows)} {what}: {beyond:g} frames beyond the account, {sum(row['statements'] for row in rows)} "
        f"statements, {broken} false; on INT8 {on:.1%}"
    )
    return (
        [f"{what}: {beyond:g} frames beyond the account, {broken} false statements"]
        if broken or (most is not None and beyond > most)
        else []
    )
