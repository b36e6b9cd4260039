"""The audit figures at full size: ``python -m tests.faults.torture [GROUP ...] [--share 0.01] [--json F]``.

Every group attacks the log in one way, counts what went undetected or was lost, and runs its negative control: a mutant that the
same attack must catch. ``--share`` runs that part of each size. Groups that need root, loop devices, strace or another Python say
so and are skipped where these are missing. What is printed is what docs/audit.md quotes.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults import torture_bytes, torture_disk, torture_mount, torture_process, torture_replay
from tests.faults.result import Result, Skipped

GROUPS: dict[str, Callable[[float, argparse.Namespace], Result]] = {
    "flips-small": torture_bytes.flips_small,
    "flips-large": torture_bytes.flips_large,
    "structure": torture_bytes.structure,
    "rollback": torture_bytes.rollback,
    "differential": torture_bytes.differential,
    "random-files": torture_bytes.random_files,
    "prune": torture_bytes.prunes,
    "lost-cache": torture_disk.lost_cache,
    "torn-writes": torture_disk.torn_writes,
    "power-cut": torture_mount.power_cut,
    "errors": torture_disk.errors,
    "disk-full": torture_mount.disk_full,
    "read-only": torture_mount.read_only,
    "dead-device": torture_mount.dead_device,
    "removed-folder": torture_disk.removed_folder,
    "wear": torture_mount.wear,
    "sigkill": torture_process.sigkill,
    "sigkill-recovering": torture_process.sigkill_recovering,
    "strace": torture_process.strace,
    "short-writes": torture_process.short_writes,
    "replay": torture_replay.replay,
    "planted": torture_replay.planted,
}


def main() -> int:
    """Run the groups that were asked for; 1 if any of them found a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--share", type=float, default=1.0, help="part of the full size, such as 0.01")
    parser.add_argument("--json", type=Path, help="append every result to this file, one object a line")
    parser.add_argument(
        "--python", action="append", default=[], help="another Python that has adaptd's dependencies, for 'replay'"
    )
    args = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {platform.machine()}, Linux {platform.release()}, share {args.share:g}", flush=True
    )
    failed = False
    for name in args.groups or list(GROUPS):
        began = time.monotonic()
        try:
            result = GROUPS[name](args.share, args)
        except Skipped as reason:
            print(f"{name:<20} skipped: {reason}", flush=True)
            continue
        seconds = time.monotonic() - began
        failed |= not result.good
        print(f"{name:<20} {'good' if result.good else 'BAD ':<5} {result.words()}  ({seconds:.0f} s)", flush=True)
        if args.json is not None:
            with args.json.open("a") as file:
                file.write(
                    json.dumps({"group": name, "good": result.good, "seconds": round(seconds, 1), **result.plain()}) + "\n"
                )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
