"""`adaptd audit`: verify a log, show it, draw its report, export it, print a checkpoint, make a key, forget the oldest part."""

import argparse
import json
import sys
import time

from adaptd.cli import audit_files, audit_send
from adaptd.cli.audit_args import folder, judge, kept_long_enough, need_log, not_read, span, times, trust
from adaptd.cli.errors import CommandError, refusing
from adaptd.cli.options import Sub, answer, later, verb, verbs
from adaptd.log import KEEP_DAYS


def register(sub: Sub) -> None:
    group = verbs(sub, "audit", "verify, show, report and export the log", metavar="COMMAND", description=__doc__)
    verify = verb(group, "verify", "is the log whole, unchanged, and does every decision follow?", run_verify, folder, trust)
    verify.flag("--no-replay", "check bytes and signatures only, run no decision again")
    verify.flag("--json", "print the whole finding as one JSON object")
    show = verb(group, "show", "records in words", run_show, folder)
    show.flag("--follow -f", "go on as records are committed")
    show.many("--kind", "only this kind; may be given several times", metavar="K")
    show.many("--condition", "only decisions where this condition fails", metavar="C")
    show.add(times)
    show.count("--from-seq", "from this record number on", 0, default=0, metavar="N")
    show.count("--last", "only the last N that match", metavar="N")
    show.flag("--json", "the records as they are, one JSON object a line")
    statement = verb(group, "statement", "what the log states of every window of the loss account", run_statement, folder)
    statement.option("--day", "only the statements made on this day, such as 2026-12-01 (UTC)", metavar="D")
    statement.flag("--json", "one JSON object a statement")
    history = verb(
        group, "history", "the log thinned to steps, one JSON object a line, for pages and charts", run_history, folder
    )
    history.option("--since", "from this time on: 90s, 15m, 2h, 3d ago (default 1h)", default="1h", metavar="T")
    history.count("--step", "seconds in a step (default 10)", default=10, metavar="S")
    audit_files.register(group)
    audit_send.register(group)
    words = "one file for an auditor: the log without its private key, and how to check it"
    pack = verb(group, "pack", words, later("audit_pack.run"), folder)
    pack.path("-o --output", "file to write the pack to", required=True, metavar="F.tar.gz")
    pack.path("--witnessed", "folder of kept witness notes (default: DIR.witnessed)", metavar="DIR")
    keygen = verb(group, "keygen", "make the root key of a new log and print its public half", run_keygen, folder)
    keygen.option("--name", "the log's name in its signatures, such as example.com/line-3/camera-2")
    prune = verb(group, "prune", "remove segments older than the retention, and put that on record", run_prune, folder)
    prune.count("--keep-days", f"default: {KEEP_DAYS}, six months and a day", default=KEEP_DAYS, metavar="N")
    prune.flag("--short-retention", f"allow fewer than {KEEP_DAYS} days; every verdict says so")


def run_verify(args: argparse.Namespace) -> int:
    """Print the verdict; 0 only for a valid log."""
    from adaptd.cli.audit_words import report_json, report_lines

    report = judge(args)
    code = 0 if report.verdict.value == "valid" else 1
    return answer(args, report_json(report), report_lines(report), code, indent=2, sort_keys=True)


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
    since_ms = moment(args.since, _utc_ms()) or 0
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
    kept_long_enough(args)
    with refusing(LedgerError, OSError):
        ledger, _ = open_ledger(args.folder, boot=boot_id(), mono_us=monotonic_us, utc_ms=_utc_ms)
        removed = prune(ledger, Store(args.folder), now_ms=_utc_ms(), keep_days=args.keep_days)
        ledger.close({"reason": "prune"})
    days = counted(args.keep_days, "day")
    print(f"{counted(removed, 'segment')} removed and put on record" if removed else f"nothing is older than {days}")
    return 0


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000
