"""`adaptd policy check F... | explain F | schema`: refuse a bad policy with its line, show what it does, print its schema."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError, checked, refusing, writing
from adaptd.cli.options import Sub, Words, verb, verbs
from adaptd.cli.profile import find_profile
from adaptd.config.errors import ConfigError

if TYPE_CHECKING:
    from adaptd.config.policy import Policy
    from adaptd.config.profile import HardwareProfile
    from adaptd.lab.whatif.change import Change
    from adaptd.vocabulary import OperatingPoint, VariantFacts

STANDIN_LATENCY_US = 10_000
STANDIN = "a stand-in: "
DEFAULT_PROFILE = "orin-nx-16gb"
BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}


def register(sub: Sub) -> None:
    group = verbs(sub, "policy", "check, explain and describe policies")
    check = verb(group, "check", "check policy files, on a board with --profile", _check)
    check.path("files", "policy files (YAML)", nargs="+")
    check.add(_board)
    explain = verb(group, "explain", "show what a policy does over the plane of temperature and light", _explain)
    explain.path("file", "policy file (YAML)")
    explain.add(_board)
    explain.path("-o --output", "write the picture to this .svg file")
    explain.path("--audit", "also say what would change the last decision of this log", metavar="DIR")
    verb(group, "schema", "print the JSON schema of a policy, for editors", _schema)


def _board(words: Words) -> None:
    words.option("--profile", "a shipped profile's name, or a file")
    words.path("--bundle", "the bundle whose energies count (default: the shipped one)")


def _check(arguments: argparse.Namespace) -> int:
    from adaptd.config.policy import load_policy
    from adaptd.config.profile import load_profile

    profile = load_profile(find_profile(arguments.profile)) if arguments.profile else None

    def check(path: Path) -> str:
        policy = load_policy(path)
        found = [f"{path}: {finding}" for finding in _findings(policy, profile, arguments.bundle)] + _modes(policy, profile, path)
        if found:
            raise ConfigError(*found)
        return f"{path}: good ({policy.name}{f' on {profile.name}' if profile else ''})"

    return checked(arguments.files, check)


def _findings(policy: "Policy", profile: "HardwareProfile | None", bundle: Path | None) -> list[str]:
    from adaptd.brain.decide import analysis
    from adaptd.brain.decide.inputs import dwell_us

    found = analysis.findings(policy)
    if profile is not None:
        facts, source = _facts(policy, profile, bundle)
        found += analysis.against(policy, profile, facts, dwell_us(profile))
        if not source.startswith(STANDIN):
            found += _never_in_time(policy, facts[0], source)
    return found


def _never_in_time(policy: "Policy", reference: "VariantFacts", source: str) -> list[str]:
    """A deadline that the reference met nowhere where the bundle was qualified; `adaptd run` would not start on it."""
    takes_us = reference.latency_us * policy.streams
    if takes_us <= policy.deadline_us:
        return []
    takes, wants = f"{takes_us / 1000:.1f}", f"{policy.deadline_us / 1000:g}"
    words = (
        f"deadline_ms: is {wants}, and the reference {reference.name} takes {takes} ms a frame where {source} was qualified: "
        f"no frame would be in time, write at least {takes} or name another --bundle"
    )
    return [words]


def _modes(policy: "Policy", profile: "HardwareProfile | None", path: Path) -> list[str]:
    """Power modes that the profile's board does not have, or that need a reboot there, each with its line."""
    from adaptd.config.nvpmodel import mode_refusals

    if profile is None or not policy.modes:
        return []
    return mode_refusals(path.read_text(), str(path), policy.modes, dict(profile.power_modes), profile.name)


def _facts(policy: "Policy", profile: "HardwareProfile", bundle: Path | None) -> "tuple[tuple[VariantFacts, ...], str]":
    """What the variants cost, and where that is known from; without a bundle of this reference, half of the budget stands in."""
    from adaptd.config.manifest import facts, load_manifest
    from adaptd.config.shipped import engines_dir
    from adaptd.vocabulary import Prior, VariantFacts

    folder = bundle or engines_dir() / "pet-bowl"
    try:
        known = facts(load_manifest(folder), "ort")
        if known[0].name == policy.reference:
            return tuple(fact for fact in known if fact.name == policy.reference or fact.name in policy.efficient), str(folder)
    except ConfigError:
        if bundle is not None:
            raise
    if bundle is not None:
        raise CommandError(f"{bundle}: reference: is {known[0].name!r}, the policy's is {policy.reference!r}, name its bundle")
    room_mw = max(1000, (policy.budget_mw or 2 * profile.idle_power_mw) - profile.idle_power_mw) // 2
    frame_uj = room_mw * 1_000_000 // policy.target_mfps
    proven = tuple(Prior(band.name, 100_000, 0) for band in policy.bands[1:])
    standin = [VariantFacts(policy.reference, frame_uj, STANDIN_LATENCY_US)]
    standin += [VariantFacts(name, frame_uj * 6 // 10, STANDIN_LATENCY_US * 7 // 10, priors=proven) for name in policy.efficient]
    return tuple(standin), f"{STANDIN}the reference fills half of the budget, the others 30 %, proven but in the darkest band"


def _explain(arguments: argparse.Namespace) -> int:
    from adaptd.cli.policy_picture import svg, terminal
    from adaptd.cli.policy_plane import survey
    from adaptd.config.policy import load_policy
    from adaptd.config.profile import load_profile

    if arguments.output and arguments.output.suffix != ".svg":
        raise CommandError(f"{arguments.output}: is no .svg file, name one", 2)
    policy = load_policy(arguments.file)
    profile = load_profile(find_profile(arguments.profile or DEFAULT_PROFILE))
    facts, source = _facts(policy, profile, arguments.bundle)
    plane = survey(policy, profile, facts)
    print(terminal(plane, colour=sys.stdout.isatty()), end="")
    proven = {prior.band for fact in facts[1:] for prior in fact.priors}
    missing = [band.name for band in policy.bands if band.name not in proven]
    without = f" (no proof for {', '.join(missing)})" if missing and policy.efficient else ""
    print(f"Energies and proofs: {source}{without}.")
    if arguments.audit:
        print("\n".join(what_would_change(policy, arguments.audit)))
    if arguments.output:
        with writing(arguments.output, "name a file that can be written"):
            arguments.output.write_text(svg(plane))
        print(f"written: {arguments.output}")
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    from adaptd.config.policy import PolicyModel

    del arguments
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **PolicyModel.model_json_schema(by_alias=True)}
    print(json.dumps(_with_limits(schema), indent=2, sort_keys=True))
    return 0


def _with_limits(node: Any) -> Any:
    """The schema with the bounds of numbers under the names that JSON Schema has for them: pydantic leaves its own here."""
    if isinstance(node, list):
        return [_with_limits(item) for item in node]
    if not isinstance(node, dict):
        return node
    number = node.get("type") == "number"
    return {BOUNDS.get(key, key) if number else key: _with_limits(value) for key, value in node.items()}


def what_would_change(policy: "Policy", folder: Path) -> list[str]:
    """The lines: the decision now, then each knob's smallest change that alters it, nearest first."""
    from adaptd.lab.whatif.change import changes, decide, situation
    from adaptd.log.verify.headline import moment

    with refusing(ValueError, where=f"{folder}: "):
        at = situation(folder)
        verdict = decide(policy, at)
    lines = [f"The decision at {moment(at.utc_ms)}: {_choice(verdict.point)} ({verdict.rule}). What would change it:"]
    found = changes(policy, at)
    altering = sorted([one for one in found if one.value is not None], key=_distance)
    for one in altering:
        assert one.value is not None
        assert one.point is not None
        lines.append(f"  {one.key:<34}{one.now:g} -> {one.value:.6g} {one.unit}: {_choice(one.point)} ({one.rule})")
    idle = [key for key in dict.fromkeys(one.key for one in found) if key not in {one.key for one in altering}]
    if idle:
        lines.append(f"  no change to a quarter or four times: {', '.join(idle)}")
    return lines


def _distance(one: "Change") -> float:
    """How far a knob is turned, as a factor over 1."""
    assert one.value is not None
    return max(one.value / one.now, one.now / one.value) if one.value > 0 else float("inf")


def _choice(point: "OperatingPoint") -> str:
    return f"{point.variant} at {point.fps_mfps / 1000:g} fps" if point.fps_mfps else "a pause"
