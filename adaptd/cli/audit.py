"""`adaptd audit`: verify a log, show it, draw its report, export it, print a checkpoint, make a key, forget the oldest part."""

import argparse
import json
import sys
import time
from typing import Any

from adaptd.cli import audit_files, audit_pack, audit_send
from adaptd.cli.audit_args import folder_argument, judge, need_log, not_read, span, time_arguments, trust_arguments
from adaptd.cli.errors import CommandError, refusing, whole
from adaptd.log import KEEP_DAYS


def register(sub: Any) -> None:
    group = sub.add_parser("audit", help="verify, show, report and export the log", description=__doc__)
    commands = group.add_subparsers(dest="audit_command", metavar="COMMAND", required=True)
    _register_verify(commands)
    _register_show(commands)
    _register_statement(commands)
    _register_history(commands)
    audit_files.register(commands)
    audit_send.register(commands)
    audit_pack.register(commands)
    _register_keys(commands)


def _register_verify(commands: Any) -> None:
    parser = commands.add_parser("verify", help="is the log whole, unchanged, and does every decision follow?")
    folder_argument(parser)
    trust_arguments(parser)
    parser.add_argument("--no-replay", action="store_true", help="check bytes and signatures only, run no decision again")
    parser.add_argument("--json", action="store_true", help="print the whole finding as one JSON object")
    parser.set_defaults(handler=run_verify)


def _register_show(commands: Any) -> None:
    parser = commands.add_parser("show", help="records in words")
    folder_argument(parser)
    parser.add_argument("--follow", "-f", action="store_true", help="go on as records are committed")
    parser.add_argument("--kind", action="append", default=[], metavar="K", help="only this kind; may be given several times")
    parser.add_argument("--condition", action="append", default=[], metavar="C", help="only decisions where this condition fails")
    time_arguments(parser)
    parser.add_argument("--from-seq", type=whole(0), default=0, metavar="N", help="from this record number on")
    parser.add_argument("--last", type=whole(1), metavar="N", help="only the last N that match")
    parser.add_argument("--json", action="store_true", help="the records as they are, one JSON object a line")
    parser.set_defaults(handler=run_show)


def _register_statement(commands: Any) -> None:
    parser = commands.add_parser("statement", help="what the log states of every window of the loss account")
    folder_argument(parser)
    parser.add_argument("--day", metavar="D", help="only the statements made on this day, such as 2026-12-01 (UTC)")
    parser.add_argument("--json", action="store_true", help="one JSON object a statement")
    parser.set_defaults(handler=run_statement)


def _register_history(commands: Any) -> None:
    parser = commands.add_parser("history", help="the log thinned to steps, one JSON object a line, for pages and charts")
    folder_argument(parser)
    parser.add_argument("--since", metavar="T", default="1h", help="from this time on: 90s, 15m, 2h, 3d ago (default 1h)")
    parser.add_argument("--step", metavar="S", type=whole(1), default=10, help="seconds in a step (default 10)")
    parser.set_defaults(handler=run_history)


def _register_keys(commands: Any) -> None:
    keygen = commands.add_parser("keygen", help="make the root key of a new log and print its public half")
    folder_argument(keygen)
    keygen.add_argument("--name", help="the log's name in its signatures, such as example.com/line-3/camera-2")
    keygen.set_defaults(handler=run_keygen)
    prune = commands.add_parser("prune", help="remove segments older than the retention, and put that on record")
    folder_argument(prune)
    prune.add_argument(
        "--keep-days",
        type=whole(1),
        default=KEEP_DAYS,
        metavar="N",
        help=f"default: {KEEP_DAYS}, six months and a day",
    )
    prune.add_argument("--short-retention", action="store_true", help=f"allow fewer than {KEEP_DAYS} days; every verdict says so")
    prune.set_defaults(handler=run_prune)


def run_verify(args: argparse.Namespace) -> int:
    """Print the verdict; 0 only for a valid log."""
    from adaptd.cli.audit_words import report_json, report_lines

    report = judge(args)
    if args.json:
        print(json.dumps(report_json(report), indent=2, sort_keys=True))
    else:
        print("\n".join(report_lines(report)))
    return 0 if report.verdict.value == "valid" else 1


def run_show(args: argparse.Namespace) -> int:
    """Print records in words, or as they are."""
    from adaptd.cli.audit_show import Filter, lines

    need_log(args.folder, empty=args.follow)
    wanted = Filter(
        kinds=frozenset(args.kind), conditions=frozenset(args.condition),
        from_seq=args.from_seq, **span(args),
    )  # fmt: skip
    shown = False
    for line in lines(args.folder, wanted, last=args.last, follow=args.follow, as_json=args.json, told=not_read):
        print(line, flush=args.follow)
        shown = True
    if not shown:
        print(
            f"{args.folder}: no record matches; leave a filter out, or see every kind with 'adaptd audit show'", file=sys.stderr
        )
    return 0


def run_statement(args: argparse.Namespace) -> int:
    """Print the recorded statements, oldest first; 1 where there is none to print."""
    from datetime import date

    from adaptd.report.account_statements import statements

    need_log(args.folder)
    if args.day is not None:
        try:
            date.fromisoformat(args.day)
        except ValueError:
            raise CommandError(f"--day {args.day}: is no day, write it as 2026-12-01", 2) from None
    found = list(statements(args.folder, args.day, not_read))
    for one in found:
        print(json.dumps(one.plain(), sort_keys=True) if args.json else one.sentence())
    if not found:
        when = f" on {args.day}" if args.day else ""
        print(f"{args.folder}: no statement was made{when}; one is made when a window ends or a run stops", file=sys.stderr)
    return 0 if found else 1


def run_history(args: argparse.Namespace) -> int:
    """Print steps and swaps, oldest first."""
    from adaptd.cli.audit_history import steps
    from adaptd.cli.audit_show import moment

    need_log(args.folder, empty=True)
    since_ms = moment(args.since, time.time_ns() // 1_000_000) or 0
    for line in steps(args.folder, since_ms, 1000 * args.step):
        print(json.dumps(line, separators=(",", ":")))
    return 0


def run_keygen(args: argparse.Namespace) -> int:
    """Make the root key before the first run, so that its public half can leave the device first."""
    from adaptd.log.format.epochs import PUBLIC_FILE, KeyFolder
    from adaptd.log.format.note import NoteError, verifier_key_text
    from adaptd.log.format.store import Store
    from adaptd.log.verify.reader import segment_files

    if segment_files(args.folder):
        raise CommandError(f"{args.folder}: holds a log already, whose root key cannot be replaced; name a new folder")
    try:
        store = Store(args.folder)
        store.make_folder()
        text = verifier_key_text(KeyFolder.beside(args.folder).create(args.name).verifier_key)
        store.write_file(PUBLIC_FILE, f"{text}\n".encode())
    except FileExistsError as error:
        raise CommandError(f"{error}; remove it first if no log was signed with it") from None
    except (OSError, NoteError) as error:
        raise CommandError(f"{args.folder}: cannot make a key here: {error}", 2) from None
    print(text)
    print(f"keep a copy of {args.folder / PUBLIC_FILE} away from this device: it is what verifies the log", file=sys.stderr)
    return 0


def run_prune(args: argparse.Namespace) -> int:
    """Remove what is older than the retention; the daemon must not be running."""
    from adaptd.base.clock import boot_id, monotonic_us
    from adaptd.log.format.store import Store
    from adaptd.log.verify.headline import counted
    from adaptd.log.write.opening import LedgerError, open_ledger
    from adaptd.log.write.prune import prune

    need_log(args.folder)
    if args.keep_days < KEEP_DAYS and not args.short_retention:
        raise CommandError(
            f"--keep-days {args.keep_days}: is fewer than {KEEP_DAYS} days; add --short-retention if that is meant", 2
        )
    with refusing(LedgerError, OSError):
        ledger, _ = open_ledger(args.folder, boot=boot_id(), mono_us=monotonic_us, utc_ms=_utc_ms)
        removed = prune(ledger, Store(args.folder), now_ms=_utc_ms(), keep_days=args.keep_days)
        ledger.close({"reason": "prune"})
    days = counted(args.keep_days, "day")
    print(f"{counted(removed, 'segment')} removed and put on record" if removed else f"nothing is older than {days}")
    return 0


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000
