"""`adaptd run --packs DIR`: what a pack on trial changes about a run, checked once more before anything starts."""

import argparse
import os
import sys
from pathlib import Path

from adaptd.cli.errors import CommandError
from adaptd.daemon.orders import AGAIN
from adaptd.serve.notify import under_service_manager


def choose(arguments: argparse.Namespace) -> None:
    """Put the chosen pack's policy, profile and bundle in the place of the owner's. One that may not run here is set aside.

    Raises:
        CommandError: ``--packs`` without ``--pack-key``.
    """
    if arguments.packs is None:
        return
    if arguments.pack_key is None:
        raise CommandError("--packs needs --pack-key: a pack is taken from an owner who is known alone", 2)
    from adaptd.config.errors import ConfigError
    from adaptd.packs.slot import Slot

    slot, tried = Slot(arguments.packs), set[str]()
    while (digest := slot.begin()) and digest not in tried:
        tried.add(digest)
        place = slot.place(digest)
        if not (why := refused(place, digest, arguments)):
            arguments.policy, arguments.bundle = place / "policy.yaml", place / "bundle"
            arguments.profile = str(place / "profile.yaml")
            return
        print(f"adaptd run: pack {digest[:12]} is set aside: {why}", file=sys.stderr)
        try:
            slot.back(why)
        except ConfigError as error:
            print(f"adaptd run: {error}; the owner's own files are run", file=sys.stderr)
            return


def refused(place: Path, digest: str, arguments: argparse.Namespace) -> str:
    """Why the pack in ``place`` may not run here, in one line; empty where it may."""
    from dataclasses import replace

    from adaptd.cli.run import request_of
    from adaptd.config.errors import ConfigError
    from adaptd.config.policy import load_policy
    from adaptd.daemon.assemble import AssemblyError, check
    from adaptd.daemon.offers import loosened
    from adaptd.engine.bundle import Bundle
    from adaptd.engine.errors import BundleError
    from adaptd.packs.install import here
    from adaptd.packs.slot import Slot

    try:
        Slot(arguments.packs).checked(digest, arguments.pack_key, here(arguments.root))
        if why := loosened(load_policy(arguments.policy), load_policy(place / "policy.yaml")):
            return why
        own = request_of(arguments)
        request = replace(own, policy=place / "policy.yaml", profile=place / "profile.yaml", bundle=place / "bundle")
        found = check(request)
        Bundle.open(request.bundle, backend=request.backend, public_key=request.public_key, digest=found.manifest.digest)
    except (ConfigError, AssemblyError, BundleError) as error:
        return str(error).splitlines()[0]
    return ""


def ended(code: int) -> int:
    """The exit code; a run that was asked to begin anew does so, here or by the service manager (Restart=on-failure)."""
    if code == AGAIN and not under_service_manager():
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(sys.executable, [sys.executable, "-m", "adaptd", *sys.argv[1:]])  # noqa: S606 - this program, its own words
    return code
