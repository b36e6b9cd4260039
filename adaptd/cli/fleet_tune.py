"""`adaptd fleet tune TWINS`: clusters of fitted boxes, priors for new ones, and which policy suits which cluster."""

import argparse
import contextlib
import itertools
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError, refusing, writing
from adaptd.cli.fleet import store_of
from adaptd.cli.options import answer
from adaptd.cli.progress import bar

if TYPE_CHECKING:
    from adaptd.fleet.clusters import Cluster
    from adaptd.fleet.shrink import BoxPrior
    from adaptd.fleet.statistics import BoxStatistics
    from adaptd.lab.fit.saved import Twin
    from adaptd.lab.fleet.sweep import Proposal, Row
    from adaptd.lab.tune.goals import Goals

MOST_POLICIES = 1_000


def tune(arguments: argparse.Namespace) -> int:
    """Cluster, try policies, and write what was found."""
    from adaptd.fleet.clusters import clusters
    from adaptd.fleet.shrink import priors
    from adaptd.fleet.statistics import load
    from adaptd.lab.fleet.sweep import plain, propose
    from adaptd.lab.tune.goals import parse_goals

    goals = parse_goals(arguments.goal, arguments.keep)
    if len(goals.aims) != 1 or not 1 <= arguments.clusters <= 1_000:
        raise CommandError('--goal is one aim, for example "max efficiency", and --clusters is from 1 to 1000', 2)
    place, twins = _twins(arguments)
    boxes = [load(place / name) for name in twins]
    groups, expected = clusters(boxes, arguments.clusters), priors(boxes)
    policies = _policies(arguments, goals, twins[groups[0].middle])
    rows = _sweep(arguments, groups, twins, policies) if policies else []
    proposals = [propose(group.name, rows, goals, twins[group.middle]) for group in groups] if rows else []
    texts = _for_new_boxes(place, boxes, expected)
    texts = {**texts, **{f"{one.cluster}.yaml": policies[one.policy] for one in proposals if one.policy in policies}}
    found = {
        "simulated": True,
        "priors": [_prior(one) for one in expected],
        "clusters": [
            {"cluster": one.name, "board": one.board, "middle": one.middle, "hottest": one.hottest, "boxes": list(one.boxes)}
            for one in groups
        ],
        "proposals": [{**asdict(one), "gain": round(one.gain, 6), "error": round(one.error, 6)} for one in proposals],
    }
    _write(arguments.output, {**texts, "fleet.json": json.dumps(found, indent=1), "sweep.json": json.dumps(plain(rows))})
    return answer(arguments, found, _words(boxes, expected, texts, groups, proposals, rows, arguments.output))


def _twins(arguments: argparse.Namespace) -> "tuple[Path, dict[str, Twin]]":
    """The folder with all twins, and each by its box. One that a box sent up and that is of no use is named and left out."""
    from adaptd.fleet.statistics import StatisticsError, load
    from adaptd.lab.fit.readings import FitError
    from adaptd.lab.fit.saved import load as load_twin

    if (arguments.twins is None) == (arguments.lake is None):
        raise CommandError("adaptd fleet tune: name either a folder with twins, or the server's folder with --lake", 2)
    place = arguments.twins or _sent_up(arguments.lake)
    found = {}
    folders = sorted(path.parent for path in place.glob("*/twin.json"))
    if not folders:
        raise CommandError(f"{place}: holds no folder with a twin.json, put there what `adaptd twin fit` made on each box", 2)
    for folder in folders:
        try:
            load(folder)
            found[folder.name] = load_twin(folder)
        except (StatisticsError, FitError) as error:
            if arguments.lake is None:
                raise CommandError(f"adaptd fleet tune: {error}") from None
            print(f"left out: {error}", file=sys.stderr)
    if not found:
        raise CommandError(f"{place}: holds no twin that can be used, see above")
    return place, found


def _sent_up(lake: Path) -> Path:
    """The twins that boxes sent up, laid out as folders."""
    from adaptd.fleet import store, twins

    place = lake / "twins"
    with writing(place, "make room or take a copy of the lake"), refusing(store.StoreError, where=f"{place}: "):
        if not twins.lay_out(store_of(lake), place):
            raise CommandError(f"{lake}: no box has sent a twin yet, run `adaptd twin fit` on boxes whose gateway has --fleet")
    return place


def _policies(arguments: argparse.Namespace, goals: "Goals", middle: "Twin") -> dict[str, str]:
    """Texts by name: the files, and with knobs every combination of them put into the first file or the logged policy."""
    from adaptd.config.policy import load_policy, parse_policy
    from adaptd.lab.tune.knobs import knobs_of, put

    texts = {path.stem: path.read_text(encoding="utf-8") for path in arguments.policy if load_policy(path)}
    if not arguments.knob:
        return texts
    base = next(iter(texts.values()), middle.policy)
    knobs = knobs_of(base, parse_policy(base, "policy"), goals, arguments.knob)
    many = math.prod(len(knob.values) for knob in knobs)
    if many > MOST_POLICIES:
        raise CommandError(f"--knob: these are {many} policies, at most {MOST_POLICIES} are tried: use a wider STEP", 2)
    for values in itertools.product(*(knob.values for knob in knobs)):
        name = ",".join(f"{knob.name}={value:g}" for knob, value in zip(knobs, values, strict=True))
        texts[name] = put(base, {knob.path: value for knob, value in zip(knobs, values, strict=True)})
    return texts


def _sweep(
    arguments: argparse.Namespace, groups: "list[Cluster]", twins: "dict[str, Twin]", policies: dict[str, str]
) -> "list[Row]":
    from adaptd.lab.fleet.spreading import OnRay, SpreadError, local
    from adaptd.lab.fleet.sweep import sweep, worlds_of

    worlds = [
        one for group in groups for one in worlds_of(group.name, {box: twins[box] for box in (group.middle, group.hottest)})
    ]
    with refusing(SpreadError, where="adaptd fleet tune: "), contextlib.ExitStack() as ends:
        ray = None if arguments.ray is None else ends.enter_context(contextlib.closing(OnRay(arguments.ray, arguments.jobs)))
        with bar("days played") as told:
            return sweep(worlds, policies, ray or local, arguments.jobs, told)


def _for_new_boxes(place: Path, boxes: "list[BoxStatistics]", expected: "list[BoxPrior]") -> dict[str, str]:
    """Profile and policy for new boxes of every board and enclosure, from those that one of its boxes had."""
    from adaptd.config.policy import parse_policy
    from adaptd.lab.fleet.priors import with_day, with_poles

    found = {}
    for prior in expected:
        box = next(one.box for one in boxes if (one.board, one.enclosure) == (prior.board, prior.enclosure))
        text, name = (place / box / "profile.yaml").read_text(encoding="utf-8"), f"{prior.board}-{prior.enclosure}"
        rules = (place / box / "policy.yaml").read_text(encoding="utf-8")
        policy = parse_policy(rules, f"{box}/policy.yaml")
        day = prior.expected_h(policy.efficient, policy.max_loss_ppm)
        if day := {band.name: day[band.name] for band in policy.bands if band.name in day}:
            found[f"policy-{name}.yaml"] = with_day(rules, day)
        source = f"fleet: {prior.boxes} boxes of this board in enclosure {prior.enclosure}, x {{:.2f}} drawn to board and profile"
        found[f"profile-{name}.yaml"] = with_poles(text, prior.r.factor, prior.tau.factor, source.format(prior.r.factor), name)
    return found


def _write(folder: Path, texts: dict[str, str]) -> None:
    with writing(folder, "name another folder with -o"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def _prior(one: "BoxPrior") -> dict[str, Any]:
    rates = [{"band": b, "variant": v, "frames": r.frames, "differed": r.differed} for (b, v), r in sorted(one.differs.items())]
    return {
        "board": one.board,
        "enclosure": one.enclosure,
        "boxes": one.boxes,
        "r": {"factor": round(one.r.factor, 4), "sd_log": round(one.r.sd, 4)},
        "tau": {"factor": round(one.tau.factor, 4), "sd_log": round(one.tau.sd, 4)},
        "differs": rates,
        "band_h": {band: round(hours, 2) for band, hours in one.band_h.items()},
    }


def _day(policy: str | None) -> list[str]:
    """What a new box's policy expects of the day, for a person."""
    from adaptd.config.policy import parse_policy

    if policy is None:
        return []
    hours = ", ".join(f"{seconds / 3600:g} h in {band} light" for band, seconds in parse_policy(policy).expected_s)
    return [f"{'':36}INT8 is expected to pay {hours} a day"]


def _words(
    boxes: "list[BoxStatistics]",
    expected: "list[BoxPrior]",
    texts: dict[str, str],
    groups: "list[Cluster]",
    proposals: "list[Proposal]",
    rows: "list[Row]",
    output: Path,
) -> list[str]:
    """What was found, for a person."""
    lines = [f"{len(boxes)} boxes; a new one is expected to differ from its profile by"]
    for one in expected:
        spread = f"r x {one.r.factor:.2f} (+- {196 * one.r.sd:.0f} %), tau x {one.tau.factor:.2f} (+- {196 * one.tau.sd:.0f} %)"
        lines.append(f"  {one.board:<18} {one.enclosure:<14} {spread}, from {one.boxes} boxes")
        lines += _day(texts.get(f"policy-{one.board}-{one.enclosure}.yaml"))
    lines.append(f"{len(groups)} clusters, {len(rows)} simulated days")
    told = {one.cluster: one for one in proposals}
    for group in groups:
        lines.append(f"  {group.name:<20} {len(group.boxes)} boxes, middle {group.middle}, hottest {group.hottest}")
        if group.name in told:
            lines.append(f"    policy {told[group.name].policy}: {told[group.name].why}")
    if not rows:
        lines.append("no policy was tried: name some with --policy, or vary one with --knob")
    lines.append(f"written: {output} (profiles and policies for new boxes, policies by cluster, fleet.json, sweep.json)")
    return lines
