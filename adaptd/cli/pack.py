"""`adaptd pack make | verify | install | index`, on a box `take | keep | back`: policy, bundle, profile in one signed file."""

import argparse
import sys
from typing import TYPE_CHECKING

from adaptd.cli.errors import CommandError, using, writing
from adaptd.cli.options import Sub, Words, answer, verb, verbs
from adaptd.cli.profile import find_profile

if TYPE_CHECKING:
    from adaptd.packs.form import Pack


def register(sub: Sub) -> None:
    group = verbs(sub, "pack", "make, verify, install and try packs")
    make = verb(group, "make", "policy, bundle, profile and evidence into one signed file", _make)
    make.path("--policy", "policy file", required=True)
    make.path("--bundle", "bundle folder, qualified on this machine", required=True)
    make.option("--profile", "a shipped profile's name, or a file", required=True)
    make.path("--audit", "log of real windows, as evidence", metavar="DIR")
    make.path("--key", "the owner's Ed25519 private key (PEM)", required=True)
    make.path("-o --output", "file to write (NAME.pack)", required=True)
    verify = verb(group, "verify", "check signature and every byte of a pack", _verify, _pack, _key)
    verify.flag("--json", "print the manifest as JSON")
    words = "unpack into a new folder, where board, mode and runtime are the pack's"
    install = verb(group, "install", words, _install, _pack)
    install.path("--to", "new folder for policy, profile and bundle", required=True, metavar="DIR")
    install.add(_key)
    install.path("--qualified", "the same engines, qualified anew here", metavar="BUNDLE")
    index = verb(group, "index", "list the packs of a folder with their figures, into index.json", _index)
    index.path("folder", "folder of packs")
    index.add(_key)
    take = verb(group, "take", "install a pack for trial: `adaptd run --packs DIR` runs it from its next start on", _take, _pack)
    take.path("--key", "the owner's public key (PEM)", required=True)
    take.option("--sha256", "the pack that was announced; another is refused", default="", metavar="HEX")
    keep = verb(group, "keep", "the pack on trial is good: it stays", _keep)
    keep.option("sha256", "its SHA-256, as `take` said it", metavar="HEX")
    back = verb(group, "back", "the pack before it, or the owner's own files, from the next start on", _back)
    back.option("--why", "the reason, for whoever looks later", default="by hand")
    for words_of in (take, keep, back):
        words_of.path("--packs", "the folder that `adaptd run --packs` has", required=True, metavar="DIR")


def _pack(words: Words) -> None:
    words.path("pack", "the pack")


def _key(words: Words) -> None:
    words.path("--key", "the owner's public key (PEM)")


def _make(arguments: argparse.Namespace) -> int:
    from adaptd.packs.install import here
    from adaptd.packs.make import make

    with using("name a file that can be read or written"):
        key = arguments.key.read_bytes()
        data = make(arguments.policy, arguments.bundle, find_profile(arguments.profile), here(), key, arguments.audit)
        arguments.output.write_bytes(data)
    print(f"written: {arguments.output} ({len(data):,} bytes)")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from adaptd.packs.form import read_pack

    pack = read_pack(arguments.pack, arguments.key)
    said = f"{arguments.pack}: good, {len(pack.files)} files, signed{_by(pack)}"
    return answer(arguments, pack.manifest, [said, *(f"  {name:<12}{value}" for name, value in _lines(pack))])


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
    with writing(arguments.folder, "make room or take a copy of it"):
        target = write(arguments.folder, found)
    for one in found:
        rate = "no service on record"
        if one["inferences_per_kj"]:
            rate = f"{one['inferences_per_kj'] / 1000:.2f} inf/J at {one['fps_x1000'] / 1000:.2f} fps"
        print(f"{one['file']:<24}{one['board']:<18}mode {one['mode']:<6}{rate}")
    for line in bad:
        print(line, file=sys.stderr)
    print(f"written: {target} ({len(found)} packs)")
    return 1 if bad else 0


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
