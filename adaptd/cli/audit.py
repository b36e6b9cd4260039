"""`adaptd audit`: verify a log, show it, draw its report, export it, print a checkpoint, make a key, forget the oldest part."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from adaptd.cli.errors import CommandError
from adaptd.cli.places import default_audit
from adaptd.log import KEEP_DAYS


def register(sub: Any) -> None:
    """Add the command group."""
    group = sub.add_parser("audit", help="verify, show, report and export the log", description=__doc__)
    commands = group.add_subparsers(dest="audit_command", metavar="COMMAND", required=True)
    _register_verify(commands)
    _register_show(commands)
    _register_statement(commands)
    _register_history(commands)
    _register_files(commands)
    _register_keys(commands)


def _folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, default=default_audit(), metavar="DIR", help="the log's folder")


def _trusted(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key", metavar="F", help="root public key, file or text; without it the folder's own, which an attacker could replace"
    )
    parser.add_argument("--witness", action="append", default=[], type=Path, metavar="F", help="a checkpoint note kept elsewhere")
    parser.add_argument("--witness-key", action="append", default=[], metavar="F", help="public key of a witness, file or text")


def _between(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="T", help="from this time on (UTC): 2026-11-21T08:00, 08:00, or 90s, 15m, 2h, 3d ago")
    parser.add_argument("--until", metavar="T", help="up to this time")


def _span(args: argparse.Namespace) -> dict[str, int | None]:
    """What ``--since`` and ``--until`` mean, in UTC milliseconds; refuses an end before the start."""
    from adaptd.cli.audit_show import moment

    now_ms = time.time_ns() // 1_000_000
    since_ms, until_ms = moment(args.since, now_ms), moment(args.until, now_ms)
    if since_ms is not None and until_ms is not None and until_ms < since_ms:
        raise CommandError(f"--until {args.until}: lies before --since {args.since}; exchange the two", 2)
    return {"since_ms": since_ms, "until_ms": until_ms}


def _register_verify(commands: Any) -> None:
    parser = commands.add_parser("verify", help="is the log whole, unchanged, and does every decision follow?")
    _folder(parser)
    _trusted(parser)
    parser.add_argument("--no-replay", action="store_true", help="check bytes and signatures only, run no decision again")
    parser.add_argument("--json", action="store_true", help="print the whole finding as one JSON object")
    parser.set_defaults(handler=run_verify)


def _register_show(commands: Any) -> None:
    parser = commands.add_parser("show", help="records in words")
    _folder(parser)
    parser.add_argument("--follow", "-f", action="store_true", help="go on as records are committed")
    parser.add_argument("--kind", action="append", default=[], metavar="K", help="only this kind; may be given several times")
    parser.add_argument("--condition", action="append", default=[], metavar="C", help="only decisions where this condition fails")
    _between(parser)
    parser.add_argument("--from-seq", type=int, default=0, metavar="N", help="from this record number on")
    parser.add_argument("--last", type=int, metavar="N", help="only the last N that match")
    parser.add_argument("--json", action="store_true", help="the records as they are, one JSON object a line")
    parser.set_defaults(handler=run_show)


def _register_statement(commands: Any) -> None:
    parser = commands.add_parser("statement", help="what the log states of every window of the loss account")
    _folder(parser)
    parser.add_argument("--day", metavar="D", help="only the statements made on this day, such as 2026-12-01 (UTC)")
    parser.add_argument("--json", action="store_true", help="one JSON object a statement")
    parser.set_defaults(handler=run_statement)


def _register_history(commands: Any) -> None:
    parser = commands.add_parser("history", help="the log thinned to steps, one JSON object a line, for pages and charts")
    _folder(parser)
    parser.add_argument("--since", metavar="T", default="1h", help="from this time on: 90s, 15m, 2h, 3d ago (default 1h)")
    parser.add_argument("--step", metavar="S", type=int, default=10, help="seconds in a step (default 10)")
    parser.set_defaults(handler=run_history)


def _register_files(commands: Any) -> None:
    report = commands.add_parser("report", help="one self-contained HTML page about the log")
    _folder(report)
    _trusted(report)
    report.add_argument("-o", "--output", type=Path, required=True, metavar="F.html", help="file to write the page to")
    report.add_argument("--no-replay", action="store_true", help="do not run the decisions again for the verdict on top")
    report.set_defaults(handler=run_report)
    _between(report)
    export = commands.add_parser("export", help="decisions as a table: CSV, JSON or Parquet, by the file's ending")
    _folder(export)
    export.add_argument("-o", "--output", type=Path, required=True, metavar="F", help="file to write: .csv, .json or .parquet")
    _between(export)
    export.set_defaults(handler=run_export)
    checkpoint = commands.add_parser(
        "checkpoint", help="print the newest checkpoint note, to keep elsewhere or to have witnessed"
    )
    _folder(checkpoint)
    checkpoint.set_defaults(handler=run_checkpoint)


def _register_keys(commands: Any) -> None:
    keygen = commands.add_parser("keygen", help="make the root key of a new log and print its public half")
    _folder(keygen)
    keygen.add_argument("--name", help="the log's name in its signatures, such as example.com/line-3/camera-2")
    keygen.set_defaults(handler=run_keygen)
    prune = commands.add_parser("prune", help="remove segments older than the retention, and put that on record")
    _folder(prune)
    prune.add_argument(
        "--keep-days", type=int, default=KEEP_DAYS, metavar="N", help=f"default: {KEEP_DAYS}, the longest six months and a day"
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


def judge(args: argparse.Namespace) -> Any:
    """Run the verifier as the options say."""
    from adaptd.cli.audit_words import bar
    from adaptd.log.format.note import NoteError
    from adaptd.log.verify.trust import read_witness
    from adaptd.log.verify.verify import Options, verify

    _need_log(args.folder, empty=True)  # that everything is gone is a finding
    try:
        key = None if args.key is None else _key(args.key)
        witness_keys = tuple(_key(text) for text in args.witness_key)
        witnessed = tuple(read_witness(path, witness_keys) for path in args.witness)
    except NoteError as error:
        raise CommandError(str(error), 2) from None
    if witness_keys and not witnessed:
        raise CommandError("--witness-key: there is no checkpoint to hold it against, give one with --witness", 2)
    options = Options(key=key, witnessed=witnessed, witness_keys=witness_keys, replay=not args.no_replay)
    with bar("verifying") as progress:
        return verify(args.folder, options, progress)


def _key(text: str) -> Any:
    """A public key given as a file or as text."""
    from adaptd.log.format.note import NoteError, parse_verifier_key

    path = Path(text)
    try:
        return parse_verifier_key(path.read_text() if path.is_file() else text)
    except (NoteError, UnicodeDecodeError) as error:
        raise CommandError(
            f"{text}: not a public key ({error}); give the file log.pub that 'adaptd audit keygen' made", 2
        ) from None


def run_show(args: argparse.Namespace) -> int:
    """Print records in words, or as they are."""
    from adaptd.cli.audit_show import Filter, lines

    _need_log(args.folder, empty=args.follow)
    wanted = Filter(
        kinds=frozenset(args.kind), conditions=frozenset(args.condition),
        from_seq=args.from_seq, **_span(args),
    )  # fmt: skip
    shown = False
    for line in lines(args.folder, wanted, last=args.last, follow=args.follow, as_json=args.json, told=_not_read):
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

    _need_log(args.folder)
    if args.day is not None:
        try:
            date.fromisoformat(args.day)
        except ValueError:
            raise CommandError(f"--day {args.day}: is no day, write it as 2026-12-01", 2) from None
    found = list(statements(args.folder, args.day))
    for one in found:
        print(json.dumps(one.plain(), sort_keys=True) if args.json else one.sentence())
    if not found:
        when = f" on {args.day}" if args.day else ""
        print(f"{args.folder}: no statement was made{when}; one is made when a window ends or a run stops", file=sys.stderr)
    return 0 if found else 1


def _not_read(words: str) -> None:
    """Say which part of the log a reader leaves out."""
    print(f"not shown: {words}", file=sys.stderr)


def run_history(args: argparse.Namespace) -> int:
    """Print steps and swaps, oldest first."""
    from adaptd.cli.audit_history import steps
    from adaptd.cli.audit_show import moment

    if args.step < 1:
        raise CommandError("--step: at least 1 second", 2)
    _need_log(args.folder, empty=True)
    since_ms = moment(args.since, time.time_ns() // 1_000_000) or 0
    for line in steps(args.folder, since_ms, 1000 * args.step):
        print(json.dumps(line, separators=(",", ":")))
    return 0


def _need_log(folder: Path, *, empty: bool = False) -> None:
    """Refuse a folder that does not exist or, unless it may be ``empty`` yet, holds no log."""
    from adaptd.log.verify.reader import segment_files

    if not folder.is_dir():
        raise CommandError(f"{folder}: no such folder; name the folder of the log", 2)
    if not empty and not segment_files(folder):
        raise CommandError(f"{folder}: no log here; name the folder of the log", 2)


def run_report(args: argparse.Namespace) -> int:
    """Write the page; the exit code is the verdict's."""
    from adaptd.cli.audit_words import bar
    from adaptd.log.verify.reader import unreadable

    try:
        from adaptd.report.page import write_page
    except ImportError as error:
        raise CommandError(f"the report needs {error.name}: pip install 'adaptd[report]'") from None

    span = _span(args)
    report = judge(args)
    try:
        with bar("drawing") as progress:
            write_page(args.folder, report, args.output, progress, **span)
    except OSError as error:
        raise CommandError(f"{args.output}: {error.strerror}; name a file that can be written with -o") from None
    for words in unreadable(args.folder):
        _not_read(words)
    print(f"{report.verdict.value}: {args.output}")
    return 0 if report.verdict.value == "valid" else 1


def run_export(args: argparse.Namespace) -> int:
    """Write the decisions as a table."""
    from adaptd.cli.audit_words import bar
    from adaptd.report.export import ExportError, export

    _need_log(args.folder)
    span = _span(args)
    try:
        with bar("exporting") as progress:
            rows = export(args.folder, args.output, progress, **span)
    except ExportError as error:
        raise CommandError(str(error)) from None
    from adaptd.log.verify.reader import marked, unreadable

    for words in unreadable(args.folder):
        _not_read(words)
    written = 0 if any(span.values()) else marked(args.folder, "decision")
    if written > rows:
        _not_read(f"{written - rows} of {written} decisions; 'adaptd audit verify {args.folder}' says what is wrong with them")
    print(f"{rows} decisions: {args.output}")
    return 0


def run_checkpoint(args: argparse.Namespace) -> int:
    """Print the newest checkpoint note."""
    from adaptd.log.verify.reader import last

    _need_log(args.folder)
    record = last(args.folder, "checkpoint")
    if record is None:
        raise CommandError(f"{args.folder}: no checkpoint in this log yet; one is made every 1,024 records and at every stop")
    sys.stdout.write(str(record["note"]))
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
    from adaptd.log.write.opening import LedgerError, open_ledger
    from adaptd.log.write.prune import prune

    _need_log(args.folder)
    if args.keep_days < 1:
        raise CommandError("--keep-days: at least 1", 2)
    if args.keep_days < KEEP_DAYS and not args.short_retention:
        raise CommandError(
            f"--keep-days {args.keep_days}: is fewer than {KEEP_DAYS} days; add --short-retention if that is meant", 2
        )
    try:
        ledger, _ = open_ledger(args.folder, boot=boot_id(), mono_us=monotonic_us, utc_ms=_utc_ms)
        removed = prune(ledger, Store(args.folder), now_ms=_utc_ms(), keep_days=args.keep_days)
        ledger.close({"reason": "prune"})
    except (LedgerError, OSError) as error:
        raise CommandError(str(error)) from None
    print(f"{removed} segments removed and put on record" if removed else f"nothing is older than {args.keep_days} days")
    return 0


def _utc_ms() -> int:
    return time.time_ns() // 1_000_000
