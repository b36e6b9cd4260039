"""`adaptd feeder`: the feeder monitor on a running daemon, or on a rendered day."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError, whole, writing
from adaptd.client import default_socket

if TYPE_CHECKING:
    from adaptd.apps.feeder.store import Store

NOTES = ("diet-change", "second-bowl", "holiday", "visitor", "camera-moved", "remark")
NOTE_WORDS = """Write a note into the store. What a note changes depends on its kind:

  diet-change, second-bowl, camera-moved   the usual is learnt anew from that day on
  holiday, visitor                         these days are not judged, and are no part of the usual
  remark                                   nothing; it stands in history and report
"""


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = sub.add_parser("feeder", help="what the pet eats: bouts, days, alerts")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", required=True)
    _run_verb(verbs)
    for name, words, handler in (
        ("today", "bouts and minutes of the day so far", _today),
        ("history", "days and weeks, each day against the usual", _history),
        ("alerts", "what was found, whether it was sent, and what it rests on", _alerts),
    ):
        verb = _store_words(verbs.add_parser(name, help=words))
        verb.add_argument("--json", action="store_true", help="print one JSON object, for programs")
        verb.set_defaults(handler=handler)
        if name == "history":
            verb.add_argument("--days", type=whole(1), default=35, help="how many (default 35)")
    note = _store_words(
        verbs.add_parser(
            "note",
            help="tell what the camera cannot see: a new diet, a holiday, a moved camera",
            description=NOTE_WORDS,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    note.add_argument("kind", choices=NOTES, metavar="KIND", help=f"one of {', '.join(NOTES)}")
    note.add_argument("text", nargs="?", default="", help="in your words")
    note.add_argument("--from", dest="first", type=_day, default=None, metavar="DAY", help="first day (default today)")
    note.add_argument("--to", dest="last", type=_day, default=None, metavar="DAY", help="last day; without it there is no end")
    note.set_defaults(handler=_note)
    report = _store_words(verbs.add_parser("report", help="write a page to print and take to the vet"))
    report.add_argument(
        "-o", "--output", type=Path, default=Path("feeder-report.html"), help="file to write (default feeder-report.html)"
    )
    report.add_argument("--days", type=whole(1), default=35, help="how many days (default 35)")
    report.set_defaults(handler=_report)


def _run_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = _store_words(verbs.add_parser("run", help="follow the results of a running daemon, record what is eaten, and alert"))
    run.add_argument("--socket", type=Path, default=None, help="the daemon's socket")
    run.add_argument("--state", type=Path, default=None, help="folder in which messages are left for the gateway")
    run.add_argument("--camera", default="", metavar="NAME", help="the camera at the bowl, where the daemon has several")
    run.add_argument(
        "--label", action="append", default=[], metavar="MODEL=OURS", help="what a label means, e.g. mimi=at_bowl:mimi"
    )
    run.add_argument(
        "--roi", type=_roi, default=None, metavar="L,T,R,B", help="the bowl in percent of the picture, for detectors"
    )
    run.add_argument("--reference", default="fp16", help="the engine that accuracy is measured against (default fp16)")
    run.add_argument("--dark-below", type=float, default=None, metavar="LUX", help='darker than this is "cannot tell"')
    run.add_argument("--always-lit", action="store_true", help="there is no light sensor and the bowl is lit day and night")
    run.add_argument("--kitten", action="store_true", help="12 h without food instead of 24 h are an alert")
    run.add_argument(
        "--send-pictures",
        action="store_true",
        help="a message takes along what the camera sees then; else none leave",
    )
    run.add_argument("--duration", type=float, default=None, metavar="S", help="stop after so many seconds")
    run.add_argument(
        "--rendered-day",
        action="store_true",
        help="without a camera: five weeks of a simulated cat, a rendered day, an illness, and its message",
    )
    run.add_argument(
        "--fast",
        action="store_true",
        help="with --rendered-day: the pictures of a whole day, read without a daemon; takes one or two minutes on two cores",
    )
    run.add_argument("--short", action="store_true", help=argparse.SUPPRESS)  # tests: 24 days, one visit, few idle pictures
    run.set_defaults(handler=_run)


def _store_words(verb: argparse.ArgumentParser) -> argparse.ArgumentParser:
    verb.add_argument("--db", type=Path, default=None, help="the store (default feeder/feeder.sqlite3 in adaptd's state folder)")
    verb.add_argument(
        "--zone", default=None, metavar="NAME", help="time zone of the bowl, e.g. Europe/Berlin (default this machine's)"
    )
    return verb


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day, write for example 2026-11-28") from None


def _roi(text: str) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = (round(float(part) * 10_000) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no region, write left,top,right,bottom in percent: 30,50,70,90") from None
    if not (0 <= left < right <= 1_000_000 and 0 <= top < bottom <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r}: left is less than right, top less than bottom, both within 0 to 100")
    return left, top, right, bottom


def _run(arguments: argparse.Namespace) -> int:
    from adaptd.cli.feeder_run import run, run_rendered

    if arguments.fast and not arguments.rendered_day:
        raise CommandError("adaptd feeder run: --fast goes with --rendered-day", code=2)
    if arguments.rendered_day:
        return run_rendered(arguments)
    arguments.socket = arguments.socket or default_socket()
    return run(arguments)


def _show(
    arguments: argparse.Namespace, document: Callable[["Store"], dict[str, Any]], words: Callable[[dict[str, Any]], None]
) -> int:
    from adaptd.cli.feeder_run import open_store

    with closing(open_store(arguments)) as store:
        found = document(store)
    if arguments.json:
        print(json.dumps(found))
    else:
        words(found)
    for line in found.get("trouble", []):
        print(line, file=sys.stderr)
    return 0


def _today(arguments: argparse.Namespace) -> int:
    from adaptd.apps.feeder import documents
    from adaptd.apps.feeder.clock import wall_us
    from adaptd.apps.feeder.settings import Settings
    from adaptd.cli.feeder_run import zone_of
    from adaptd.cli.feeder_words import show_today

    zone = zone_of(arguments)
    return _show(arguments, lambda store: documents.today(store, Settings(), zone, wall_us()), show_today)


def _history(arguments: argparse.Namespace) -> int:
    from adaptd.apps.feeder import documents
    from adaptd.apps.feeder.clock import wall_us
    from adaptd.apps.feeder.settings import Settings
    from adaptd.cli.feeder_run import zone_of
    from adaptd.cli.feeder_words import show_history

    zone, days = zone_of(arguments), arguments.days
    return _show(arguments, lambda store: documents.history(store, Settings(), zone, wall_us(), days), show_history)


def _alerts(arguments: argparse.Namespace) -> int:
    from adaptd.apps.feeder import documents
    from adaptd.cli.feeder_run import zone_of
    from adaptd.cli.feeder_words import show_alerts

    zone = zone_of(arguments)
    return _show(arguments, lambda store: documents.alerts(store, zone), show_alerts)


def _note(arguments: argparse.Namespace) -> int:
    from adaptd.apps.feeder.clock import wall_us
    from adaptd.apps.feeder.days import local_day
    from adaptd.apps.feeder.notes import EXCLUDES, RESETS, Note, NoteKind, add_note
    from adaptd.cli.feeder_run import open_store, zone_of

    kind, first = NoteKind(arguments.kind), arguments.first or local_day(wall_us(), zone_of(arguments))
    if arguments.last is not None and arguments.last < first:
        raise CommandError(f"adaptd feeder note: --to {arguments.last} lies before --from {first}", code=2)
    with closing(open_store(arguments)) as store:
        add_note(store, Note(kind, first, arguments.last, arguments.text), wall_us())
    effect = (
        "the usual is learnt anew from that day" if kind in RESETS else "these days do not count" if kind in EXCLUDES else "kept"
    )
    print(f"{kind.value} from {first}{f' to {arguments.last}' if arguments.last else ''}: {effect}")
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from adaptd.apps.feeder.clock import wall_us
    from adaptd.apps.feeder.page import page
    from adaptd.apps.feeder.settings import Settings
    from adaptd.cli.feeder_run import open_store, zone_of

    with closing(open_store(arguments)) as store:
        text = page(store, Settings(), zone_of(arguments), wall_us(), arguments.days)
    with writing(arguments.output, "name another file with -o"):
        arguments.output.write_text(text, encoding="utf-8")
    print(f"{arguments.output}: open it in a browser, or print it")
    return 0
