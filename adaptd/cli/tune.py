"""`adaptd tune DIR|SCENARIOS --goal G`: candidates measured in the twin, three picks beside today's, written when told."""

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from adaptd.cli.errors import CommandError, refusing, writing
from adaptd.cli.options import Sub, answer, as_json, battery, jobs, verb
from adaptd.cli.progress import stages

if TYPE_CHECKING:
    from adaptd.lab.fit.saved import Twin
    from adaptd.lab.tune.goals import Goals
    from adaptd.lab.tune.picks import Pick, Picked
    from adaptd.lab.tune.search import Found
    from adaptd.lab.tune.trials import Lab

PICKS = ("safest", "knee", "thriftiest")
COLUMNS = ("power", "fps", "hours", "efficiency", "loss", "efficient", "hottest")


def register(sub: Sub) -> None:
    tune = verb(sub, "tune", "find a better policy for this box: goals in, three measured picks out", _tune)
    tune.path("source", "the box's log, its fitted twin, or scenarios", metavar="DIR|SCENARIOS")
    tune.option("--goal", 'what is wanted, for example "hours>=9" or "efficiency 0.85 of the best"', default="")
    tune.option("--keep", 'what must stay, for example "fps>=12, loss<=0.5"', default="")
    tune.path("--policy", "the policy to tune (default: the logged one)")
    tune.many("--knob", "turn this knob; repeatable", metavar="NAME[=LOW..HIGH]")
    tune.add(battery)
    tune.count("--trials", "candidates to measure at most (default: 60)", default=60)
    tune.count("--seed", "seed of the search; the same one takes the same way", 0, default=1)
    tune.path("-o --output", "folder for page, patches and what was measured", default=Path("tuned"))
    tune.option("--apply", "write this pick into --policy, keep the old file beside it", choices=PICKS)
    tune.add(jobs, as_json)


def _tune(arguments: argparse.Namespace) -> int:
    from adaptd.config.errors import ConfigError
    from adaptd.lab.tune.goals import parse_goals
    from adaptd.lab.tune.picks import pick, verified
    from adaptd.lab.tune.search import search, simplify

    if arguments.apply and arguments.policy is None:
        raise CommandError("--apply: says where to write with --policy FILE", 2)
    with refusing(ConfigError, code=2):  # words of the command line, not a file that is bad
        goals = parse_goals(arguments.goal, arguments.keep)
    lab, twin = _lab(arguments, goals)
    done = lab.load()
    if done:
        print(f"{lab.store}: {done} candidates were measured before and are taken from there", file=sys.stderr)
    with stages() as stage:
        found = search(
            lab,
            goals,
            trials=arguments.trials,
            seed=arguments.seed,
            told=lambda at, total: stage("candidates", at, total, lab.runs),
        )
        picked = pick(found, goals, lambda trial: simplify(lab, found, trial))
        if twin is not None and twin.days:
            picked = verified(picked, twin, lab.battery_wh, partial(stage, "days again"), lab.jobs)
    plain = _plain(lab, found, picked)
    _write(arguments, lab, found, picked, plain)
    code = 0 if picked.nearest is None else 1
    answer(arguments, plain, words(arguments.output, lab, found, picked, applied=bool(arguments.apply)), code)
    if arguments.apply and picked.nearest is None:
        _apply(arguments.policy, next(one for one in picked.picks if one.name == arguments.apply))
    return code


def _lab(arguments: argparse.Namespace, goals: "Goals") -> "tuple[Lab, Twin | None]":
    """Where candidates are played, and the twin to judge the picks by; None for scenarios, which are exact."""
    from adaptd.cli.whatif import read_policy
    from adaptd.config.policy import parse_policy
    from adaptd.lab.tune.knobs import knobs_of
    from adaptd.lab.tune.trials import Lab, scenario_worlds, twin_worlds

    twin: Twin | None = None
    if arguments.source.is_file() or _scenario_files(arguments.source):
        files = [arguments.source] if arguments.source.is_file() else _scenario_files(arguments.source)
        worlds, text, name = scenario_worlds(files)
    else:
        from adaptd.cli.twin import twin_of

        twin = twin_of(arguments.source, arguments.jobs)
        worlds, text, name = twin_worlds(twin)
    if arguments.policy is not None:
        text, name = read_policy(arguments.policy), str(arguments.policy)
    if text is None:
        raise CommandError(f"{arguments.source}: its scenarios test different policies, name the one to tune with --policy", 2)
    if "hours" in goals.figures and arguments.battery_wh is None and not all("\nbattery:" in one.scenario for one in worlds):
        raise CommandError("hours: no battery is known, give its capacity with --battery-wh", 2)
    knobs = knobs_of(text, parse_policy(text, name), goals, arguments.knob)
    with writing(arguments.output, "name another folder with -o"):
        arguments.output.mkdir(parents=True, exist_ok=True)
    store = arguments.output / "measured.jsonl"
    return Lab(worlds, text, name, knobs, arguments.battery_wh, store, arguments.jobs), twin


def _scenario_files(folder: Path) -> list[Path]:
    """The scenario files of a folder that is neither a log nor a fitted twin."""
    if not folder.is_dir() or (folder / "twin.json").is_file():
        return []
    return sorted(folder.glob("*.yaml"))


def _write(arguments: argparse.Namespace, lab: "Lab", found: "Found", picked: "Picked", plain: dict[str, object]) -> None:
    """The page, one policy file a pick, and the picks as JSON."""
    from adaptd.lab.tune.page import page

    title = f"Tuning {Path(lab.name).name}"
    asked = ", ".join(one for one in (arguments.goal, arguments.keep) if one) or "less power, more frames"
    (arguments.output / "tune.html").write_text(page(title, asked, lab, found, picked), encoding="utf-8")
    (arguments.output / "tune.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    for one in picked.picks:
        (arguments.output / f"{one.name}.yaml").write_text(one.trial.text, encoding="utf-8")


def _plain(lab: "Lab", found: "Found", picked: "Picked") -> dict[str, object]:
    def row(one: "Pick") -> dict[str, object]:
        figures = {name: round(value, 5) for name, value in values(one).items()}
        held = {} if one.power is None else {"power_against_today": one.power.to_plain()}
        return {"name": one.name, "knobs": dict(one.trial.setting), "figures": figures, "breaks_first": one.first.text, **held}

    return {
        "simulated": True,
        "measured": len(found.trials),
        "refused": len(found.refused),
        "exhaustive": found.exhaustive,
        "met": len(picked.met),
        "today": row(picked.today),
        "picks": [row(one) for one in picked.picks],
        "nearest": None if picked.nearest is None else row(picked.nearest),
        "runs": lab.runs,
    }


def _apply(path: Path, chosen: "Pick") -> None:
    """Write the pick, the old file kept beside it, and check what stands there; on a fault the old one comes back."""
    import os

    from adaptd.brain.decide.analysis import findings
    from adaptd.config.policy import load_policy

    number = next(n for n in range(1, 10_000) if not path.with_name(f"{path.name}.old-{n}").exists())
    kept, fresh = path.with_name(f"{path.name}.old-{number}"), path.with_name(f"{path.name}.new")
    with writing(path, "it stays as it was"):
        fresh.write_text(chosen.trial.text, encoding="utf-8")
        found = findings(load_policy(fresh))
        if found:
            fresh.unlink()
            raise CommandError(f"{path}: {found[0]}; it stays as it was")
        kept.write_bytes(path.read_bytes())
        os.replace(fresh, path)
    print(f"{path}: is now the {chosen.name} pick, checked; the old one is {kept}")


def words(output: Path, lab: "Lab", found: "Found", picked: "Picked", *, applied: bool) -> list[str]:
    """The table, what breaks first, and the patch of the knee."""
    how = "all of the space" if found.exhaustive else "today's, a coarse grid, then guided"
    lines = [f"simulated: {len(found.trials)} candidates measured ({how}), {len(picked.met)} meet what was asked", ""]
    lines += _table(picked)
    if picked.nearest is not None:
        lines.append("nothing that was measured meets what was asked: the nearest is shown, with what it misses most")
        broken = [b.words for b in picked.bounds if b.slack(values(picked.nearest)[b.figure]) < 0]
        lines.append(f"missed: {', '.join(broken)}")
    for one in picked.picks:
        pairs = zip(one.trial.setting, lab.knobs, strict=True)
        turned = [f"{name} {value:g} (today {knob.today:g})" for (name, value), knob in pairs if value != knob.today]
        lines.append(f"{one.name}: {', '.join(turned) or 'as today'}{_power(one)}")
    lines += _patch(lab, picked)
    lines.append(f"\nwritten: {output / 'tune.html'} (the front), {output}/NAME.yaml (the picks)")
    if picked.picks and not applied:
        lines.append("nothing was changed: --policy FILE --apply knee writes a pick into the file")
    return lines


def _table(picked: "Picked") -> list[str]:
    shown = [picked.today, *picked.picks] if picked.nearest is None else [picked.today, picked.nearest]
    columns = [name for name in COLUMNS if name in values(shown[0])]
    lines = [f"{'':<12}" + "".join(f"{name:>11}" for name in columns) + "   breaks first"]
    for one in shown:
        numbers = "".join(f"{values(one)[name]:>11.3g}" for name in columns)
        lines.append(f"{one.name:<12}{numbers}   {one.first.text}")
    if picked.days:
        lines.append(f"(figures over all {picked.days} recorded days again; the search itself ran on the pattern day)")
    return [*lines, ""]


def _patch(lab: "Lab", picked: "Picked") -> list[str]:
    from adaptd.lab.tune.knobs import patch

    middle = next((one for one in picked.picks if one.name == "knee"), None)
    if middle is None:
        return []
    text = patch(lab.policy, middle.trial.text, Path(lab.name).name).rstrip()
    return ["", "patch of the knee:", text or "(nothing to change)"]


def _power(one: "Pick") -> str:
    """Its power against today's in the twin, with the stated error."""
    from adaptd.lab.tune.page import power_words

    return "" if one.power is None or one.power.new == one.power.old else f"\n  power against today's {power_words(one.power)}"


def values(one: "Pick") -> dict[str, float]:
    """A pick's figures."""
    assert one.trial.figures is not None
    return one.trial.figures.values
