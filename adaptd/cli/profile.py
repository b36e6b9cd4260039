"""`adaptd profile check F... | list | show NAME`: the hardware profiles and where their numbers come from."""

import argparse
from pathlib import Path
from typing import Any

from adaptd.cli.errors import checked, named
from adaptd.cli.options import Sub, answer, as_json, verb, verbs
from adaptd.config.shipped import profiles_dir


def register(sub: Sub) -> None:
    group = verbs(sub, "profile", "check, list and show hardware profiles")
    verb(group, "check", "check profile files", _check).path("files", "profile files (YAML)", nargs="+")
    verb(group, "list", "list the shipped profiles", _list)
    show = verb(group, "show", "show a profile, every number with its class and source", _show)
    show.option("name", "name of a shipped profile, or a file")
    show.add(as_json)


def find_profile(name: str) -> Path:
    """The file of a shipped profile, or ``name`` itself where it is a file."""
    shipped = profiles_dir() / f"{name}.yaml"
    return shipped if shipped.is_file() else named(Path(name), profiles_dir(), "profile")


def _check(arguments: argparse.Namespace) -> int:
    from adaptd.config.profile import load_profile

    def check(path: Path) -> str:
        profile = load_profile(path)
        return f"{path}: good ({profile.name}, {len(profile.assumed)} assumed numbers)"

    return checked(arguments.files, check)


def _list(arguments: argparse.Namespace) -> int:
    from adaptd.config.profile import load_profile

    del arguments
    for path in sorted(profiles_dir().glob("*.yaml")):
        profile = load_profile(path)
        poles = " + ".join(f"{pole.r_uk_per_mw / 1000:g} K/W in {pole.tau_ms / 1000:g} s" for pole in profile.poles)
        idle_w = profile.idle_power_mw / 1000
        print(f"{profile.name:<18} idle {idle_w:5.2f} W   {poles:<42} {len(profile.assumed):2d} assumed")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from adaptd.config.profile import read_profile_model

    model = read_profile_model(find_profile(arguments.name)).model_dump(by_alias=True, exclude_none=True)
    lines = [f"profile {model['profile']}"]
    for key, value in _sourced(model, ""):
        lines.append(f"  {key:<34} {value.get('value', value.get('gains', ''))!s:>9}  {value['class']:<9} {value['source']}")
    lines += [f"  notes: {model['notes'].strip()}"] if model["notes"] else []
    return answer(arguments, model, lines, indent=2, sort_keys=True)


def _sourced(node: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        return [row for index, item in enumerate(node) for row in _sourced(item, f"{path}.{index}")]
    if not isinstance(node, dict):
        return []
    rows = [row for key, item in node.items() for row in _sourced(item, f"{path}.{key}")]
    if "class" not in node or "source" not in node:
        return rows
    value = {"value": f"{node['min']:g}..{node['max']:g}"} if "min" in node else {}
    return [(path.lstrip("."), {**node, **value}), *rows]
