"""`adaptd policy check F... | schema`: refuse a bad policy with its line, and print the schema for editors."""

import argparse
import json
from pathlib import Path

from adaptd.cli.errors import CommandError
from adaptd.config.errors import ConfigError


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the group."""
    group = sub.add_parser("policy", help="check, explain and describe policies").add_subparsers(dest="verb", required=True)
    check = group.add_parser("check", help="check policy files")
    check.add_argument("files", nargs="+", type=Path)
    check.set_defaults(handler=_check)
    schema = group.add_parser("schema", help="print the JSON schema of a policy, for editors")
    schema.set_defaults(handler=_schema)


def _check(arguments: argparse.Namespace) -> int:
    from adaptd.config.policy import load_policy

    bad: list[str] = []
    for path in arguments.files:
        try:
            policy = load_policy(path)
        except ConfigError as error:
            bad.extend(error.lines)
            continue
        print(f"{path}: good ({policy.name})")
    if bad:
        raise CommandError("\n".join(bad))
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    from adaptd.config.policy import PolicyModel

    del arguments
    print(json.dumps(PolicyModel.model_json_schema(by_alias=True), indent=2, sort_keys=True))
    return 0
