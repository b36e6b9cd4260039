"""`adaptd pack make | verify | install | index`, on a box `take | keep | back`: policy, bundle, profile in one signed file."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError
from adaptd.cli.profile import find_profile

if TYPE_CHECKING:
    from adaptd.packs.form import Pack


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = sub.add_parser("pack", help="make, verify, install and try packs").add_subparsers(dest="verb", required=True)
    make = group.add_parser("make", help="policy, bundle, profile and evidence into one signed file")
    make.add_argument("--policy", type=Path, required=True, help="policy file")
    make.add_argument("--bundle", type=Path, required=True, help="bundle folder, qualified on this machine")
    make.add_argument("--profile", required=True, help="a shipped profile's name, or a file")
    make.add_argument("--audit", type=Path, default=None, metavar="DIR", help="log of real windows, as evidence")
    make.add_argument("--key", type=Path, required=True, help="the owner's Ed25519 private key (PEM)")
    make.add_argument("-o", "--output", type=Path, required=True, help="file to write (NAME.pack)")
    make.set_defaults(handler=_make)
    verify = group.add_parser("verify", help="check signature and every byte of a pack")
    verify.add_argument("pack", type=Path, help="the pack")
    verify.add_argument("--key", type=Path, default=None, help="the owner's public key (PEM)")
    verify.add_argument("--json", action="store_true", help="print the manifest as JSON")
    verify.set_defaults(handler=_verify)
    install = group.add_parser("install", help="unpack into a new folder, where board, mode and runtime are the pack's")
    install.add_argument("pack", type=Path, help="the pack")
    install.add_argument("--to", type=Path, required=True, metavar="DIR", help="new folder for policy, profile and bundle")
    install.add_argument("--key", type=Path, default=None, help="the owner's public key (PEM)")
    install.add_argument("--qualified", type=Path, default=None, metavar="BUNDLE", help="the same engines, qualified anew here")
    install.set_defaults(handler=_install)
    index = group.add_parser("index", help="list the packs of a folder with their figures, into index.json")
    index.add_argument("folder", type=Path, help="folder of packs")
    index.add_argument("--key", type=Path, default=None, help="the owner's public key (PEM)")
    index.set_defaults(handler=_index)
    _register_trial(group)


def _make(arguments: argparse.Namespace) -> int:
    from adaptd.packs.install import here
    from adaptd.packs.make import make

    try:
        key = arguments.key.read_bytes()
        data = make(arguments.policy, arguments.bundle, find_profile(arguments.profile), here(), key, arguments.audit)
        arguments.output.write_bytes(data)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}, name a file that can be read or written") from None
    print(f"written: {arguments.output} ({len(data):,} bytes)")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from adaptd.packs.form import read_pack

    pack = read_pack(arguments.pack, arguments.key)
    if arguments.json:
        print(json.dumps(pack.manifest))
        return 0
    print(f"{arguments.pack}: good, {len(pack.files)} files, signed{_by(pack)}")
    for name, value in _lines(pack):
        print(f"  {name:<12}{value}")
    return 0


def _by(pack: "Pack") -> str:
    return " by the key inside it, which anyone can put there: give the owner's with --key" if pack.own_key else " by that key"


def _lines(pack: "Pack") -> list[tuple[str, str]]:
    from adaptd.packs.index import figures

    found = figures(pack)
    runtime = ", ".join(f"{name} {version}" for name, version in (found["runtime"] or {}).items())
    lines = [("policy", str(found["name"])), ("measured on", f"{found['board']}, power mode {found['mode']}, {runtime}")]
    if found["inferences_per_kj"]:
        simulated = f", simulated: {', '.join(found['simulated'])}" if found["simulated"] else ""
        rate = f"{found['inferences_per_kj'] / 1000:.2f} inferences a joule of board energy, idle included"
        lines.append(("service", f"{rate}, at {found['fps_x1000'] / 1000:.2f} fps{simulated}"))
        lines.append(("account", f"{found['statements']} statements of windows"))
    else:
        lines.append(("service", "no log was given as evidence"))
    return lines


def _install(arguments: argparse.Namespace) -> int:
    from adaptd.packs.form import read_pack
    from adaptd.packs.install import here, install

    pack = read_pack(arguments.pack, arguments.key)
    for note in install(pack, arguments.to, here(), arguments.qualified):
        print(f"note: {note}")
    print(f"installed: {arguments.to} (signed{_by(pack)})")
    to = arguments.to
    print(f"run it: adaptd run --policy {to}/policy.yaml --profile {to}/profile.yaml --bundle {to}/bundle")
    return 0


def _index(arguments: argparse.Namespace) -> int:
    from adaptd.packs.index import rows, write

    if not arguments.folder.is_dir():
        raise CommandError(f"{arguments.folder}: is no folder", 2)
    found, bad = rows(arguments.folder, arguments.key)
    try:
        target = write(arguments.folder, found)
    except OSError as error:
        raise CommandError(f"{arguments.folder}: cannot be written ({error.strerror})") from None
    for one in found:
        rate = "no service on record"
        if one["inferences_per_kj"]:
            rate = f"{one['inferences_per_kj'] / 1000:.2f} inf/J at {one['fps_x1000'] / 1000:.2f} fps"
        print(f"{one['file']:<24}{one['board']:<18}mode {one['mode']:<6}{rate}")
    for line in bad:
        print(line, file=sys.stderr)
    print(f"written: {target} ({len(found)} packs)")
    return 1 if bad else 0


def _register_trial(group: Any) -> None:
    take = group.add_parser("take", help="install a pack for trial: `adaptd run --packs DIR` runs it from its next start on")
    take.add_argument("pack", type=Path, help="the pack")
    take.add_argument("--key", type=Path, required=True, help="the owner's public key (PEM)")
    take.add_argument("--sha256", default="", metavar="HEX", help="the pack that was announced; another is refused")
    keep = group.add_parser("keep", help="the pack on trial is good: it stays")
    keep.add_argument("sha256", metavar="HEX", help="its SHA-256, as `take` said it")
    back = group.add_parser("back", help="the pack before it, or the owner's own files, from the next start on")
    back.add_argument("--why", default="by hand", help="the reason, for whoever looks later")
    for parser, handler in ((take, _take), (keep, _keep), (back, _back)):
        parser.add_argument("--packs", type=Path, required=True, metavar="DIR", help="the folder that `adaptd run --packs` has")
        parser.set_defaults(handler=handler)


def _take(arguments: argparse.Namespace) -> int:
    from adaptd.packs.install import here
    from adaptd.packs.slot import Slot

    digest = Slot(arguments.packs).take(arguments.pack, arguments.key, here(), arguments.sha256)
    print(f"on trial from the next start on: {digest}")
    return 0


def _keep(arguments: argparse.Namespace) -> int:
    from adaptd.packs.slot import Slot

    if not Slot(arguments.packs).keep(arguments.sha256):
        raise CommandError(f"{arguments.packs}: another pack is chosen than {arguments.sha256[:12]}, or none")
    print(f"kept: {arguments.sha256}")
    return 0


def _back(arguments: argparse.Namespace) -> int:
    from adaptd.packs.slot import Slot

    slot = Slot(arguments.packs)
    slot.back(arguments.why)
    print(f"from the next start on: {slot.state.chosen or 'the own files of the owner'}")
    return 0
