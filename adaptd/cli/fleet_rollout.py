"""`adaptd fleet rollout`: a policy or a pack offered in waves; listed and stopped."""

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError, read, refusing
from adaptd.cli.options import Sub, Words, verb

if TYPE_CHECKING:
    from adaptd.fleet.rollout import PackAt

SUFFIX = ".pack"
MAX_PACK_BYTES = 128 << 20  # what a box's gateway takes


def register(group: Sub, lake: Callable[[Words], None]) -> None:
    rollout = verb(group, "rollout", "offer a policy or a pack in waves; without one, list", _rollout, lake)
    rollout.path("offer", "what to offer to 1 %%, 10 %% and all", nargs="?", metavar="POLICY.yaml|X.pack")
    rollout.option("--url", "where boxes fetch the pack; without it, it is brought to them", default="")
    rollout.path("--key", "the owner's public key (PEM) that the pack is checked with", metavar="F")
    rollout.option("--board", "only boxes with this board (a pack: the one that it was measured on)", default="")
    rollout.count("--success-threshold", "good boxes that start a wave", 0, default=90, metavar="PCT")
    rollout.count("--error-threshold", "bad boxes that stop and withdraw it", 0, default=5, metavar="PCT")
    rollout.count("--probation-s", "how long a box watches its limits", default=3600, metavar="S")
    rollout.count("--stop", "stop and withdraw roll-out N", metavar="N")


def _rollout(arguments: argparse.Namespace) -> int:
    from adaptd.cli.fleet import store_of
    from adaptd.fleet import rollout, store

    database = store_of(arguments.lake)
    if arguments.stop is not None:
        with store.change(database):
            if not rollout.stop(database, arguments.stop, "stopped by hand"):
                raise CommandError(f"roll-out {arguments.stop} does not run, `adaptd fleet rollout` lists them")
    elif arguments.offer is not None:
        _begin(arguments, database)
    for one in rollout.load_all(database):
        said = rollout.outcomes(database, one.id)
        counts = ", ".join(f"{sum(value is kind for value in said.values())} {kind.value}" for kind in rollout.Outcome)
        waves = " + ".join(str(len(group)) for group in one.groups)
        wave = f"wave {one.wave + 1} of {len(one.groups)} ({waves} boxes)"
        name = one.name if one.pack is None else f"{one.name} (pack)"
        print(f"{one.id} {name} {one.state.value}, {wave}: {counts}{f'; {one.why}' if one.why else ''}")
    return 0


def _begin(arguments: argparse.Namespace, database: Any) -> None:
    from adaptd.config.policy import load_policy
    from adaptd.fleet import rollout

    offer, text, pack, board = arguments.offer, "", None, arguments.board
    if offer.suffix == SUFFIX:
        pack, measured_on = _pack(arguments)
        if board and board != measured_on:
            raise CommandError(f"{offer}: was measured on {measured_on}, no box with {board} would take it")
        board = measured_on
    elif arguments.url or arguments.key:
        raise CommandError(f"{offer}: --url and --key are for packs (X{SUFFIX})", 2)
    else:
        load_policy(offer)
        text = offer.read_text(encoding="utf-8")
    with refusing(rollout.RolloutError, where="adaptd fleet rollout: "):
        wanted = rollout.Rollout(
            offer.stem,
            text,
            success_threshold_pct=arguments.success_threshold,
            error_threshold_pct=arguments.error_threshold,
            probation_s=arguments.probation_s,
            pack=pack,
        )
        rollout.begin(database, wanted, board, time.time_ns() // 1_000_000)


def _pack(arguments: argparse.Namespace) -> "tuple[PackAt, str]":
    """The pack as it is offered, and the board that it was measured on; every byte of it was checked."""
    from hashlib import sha256

    from adaptd.fleet.rollout import PackAt
    from adaptd.packs.form import parse_pack

    if arguments.url and not arguments.url.startswith(("https://", "http://")):
        raise CommandError("--url is no address, give https://MIRROR/X.pack", 2)
    data = read(arguments.offer, "name a pack")
    if len(data) > MAX_PACK_BYTES:
        remedy = "bring it to the boxes and run `adaptd pack take` there"
        raise CommandError(f"{arguments.offer}: has {len(data):,} bytes, boxes take {MAX_PACK_BYTES:,} at most: {remedy}")
    found = parse_pack(data, str(arguments.offer), arguments.key)
    board = str((found.manifest.get("measured_on") or {}).get("board"))
    return PackAt(sha256(data).hexdigest(), len(data), arguments.url), board
