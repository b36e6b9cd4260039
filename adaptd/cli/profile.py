"""`adaptd profile check F... | list | show NAME`: the hardware profiles and where their numbers come from."""

import argparse
import json
from pathlib import Path
from typing import Any

from adaptd.cli.errors import CommandError
from adaptd.config.errors import ConfigError
from adaptd.config.shipped import profiles_dir


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = sub.add_parser("profile", help="check, list and show hardware profiles").add_subparsers(dest="verb", required=True)
    check = group.add_parser("check", help="check profile files")
    check.add_argument("files", nargs="+", type=Path, help="profile files (YAML)")
    check.set_defaults(handler=_check)
    listing = group.add_parser("list", help="list the shipped profiles")
    listing.set_defaults(handler=_list)
    show = group.add_parser("show", help="show a profile, every number with its class and source")
    show.add_argument("name", help="name of a shipped profile, or a file")
    show.add_argument("--json", action="store_true", help="print one JSON object")
    show.set_defaults(handler=_show)


def find_profile(name: str) -> Path:
    """The file of a shipped profile, or ``name`` itself where it is a file."""
    shipped = profiles_dir() / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    if Path(name).is_file():
        return Path(name)
    known = ", ".join(sorted(path.stem for path in profiles_dir().glob("*.yaml")))
    raise CommandError(f"{name}: no such profile, name a file or one of {known}", 2)


def _check(arguments: argparse.Namespace) -> int:
    from adaptd.config.profile import load_profile

    bad: list[str] = []
    for path in arguments.files:
        try:
            profile = load_profile(path)
        except ConfigError as error:
            bad.extend(error.lines)
            continue
        print(f"{path}: good ({profile.name}, {len(profile.assumed)} assumed numbers)")
    if bad:
        raise CommandError("\n".join(bad))
    return 0


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
    if arguments.json:
        print(json.dumps(model, indent=2, sort_keys=True))
        return 0
    print(f"profile {model['profile']}")
    for key, value in _sourced(model, ""):
        print(f"  {key:<34} {value.get('value', value.get('gains', ''))!s:>9}  {value['class']:<9} {value['source']}")
    if model["notes"]:
        print(f"  notes: {model['notes'].strip()}")
    return 0


def _sourced(node: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        return [row for index, item in enumerate(node) for row in _sourced(item, f"{path}.{index}")]
    if not isinstance(node, dict):
        return []
    if "class" in node and "source" in node:
        shown = dict(node)
        if "min" in node:
            shown["value"] = f"{node['min']:g}..{node['max']:g}"
        return [(path.lstrip("."), shown)] + [row for key, item in node.items() for row in _sourced(item, f"{path}.{key}")]
    return [row for key, item in node.items() for row in _sourced(item, f"{path}.{key}")]
