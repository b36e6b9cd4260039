"""`adaptd pack take | keep | back`: a pack on trial on this box. `adaptd run --packs` runs the one that is chosen."""

import argparse
from pathlib import Path
from typing import Any

from adaptd.cli.errors import CommandError


def register(group: Any) -> None:
    """Add the verbs."""
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
    from adaptd.packs.place import here
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
