"""The verbs of `adaptd feeder` that read its store, and the one that writes a note into it."""

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

from adaptd.apps.feeder import documents
from adaptd.apps.feeder.clock import wall_us
from adaptd.apps.feeder.days import local_day
from adaptd.apps.feeder.notes import EXCLUDES, RESETS, Note, NoteKind, add_note
from adaptd.apps.feeder.page import page
from adaptd.apps.feeder.settings import Settings
from adaptd.apps.feeder.store import Store
from adaptd.cli.errors import CommandError, writing
from adaptd.cli.feeder_run import open_store, zone_of
from adaptd.cli.feeder_words import show_alerts, show_history, show_today
from adaptd.cli.options import answer


def _show(
    arguments: argparse.Namespace, document: Callable[[Store], dict[str, Any]], words: Callable[[dict[str, Any]], None]
) -> int:
    with closing(open_store(arguments)) as store:
        found = document(store)
    answer(arguments, found, lambda: words(found))
    for line in found.get("trouble", []):
        print(line, file=sys.stderr)
    return 0


def today(arguments: argparse.Namespace) -> int:
    """The day so far."""
    zone = zone_of(arguments)
    return _show(arguments, lambda store: documents.today(store, Settings(), zone, wall_us()), show_today)


def history(arguments: argparse.Namespace) -> int:
    """Days against the usual."""
    zone, days = zone_of(arguments), arguments.days
    return _show(arguments, lambda store: documents.history(store, Settings(), zone, wall_us(), days), show_history)


def alerts(arguments: argparse.Namespace) -> int:
    """Findings, newest first."""
    zone = zone_of(arguments)
    return _show(arguments, lambda store: documents.alerts(store, zone), show_alerts)


def note(arguments: argparse.Namespace) -> int:
    """Write down what the camera cannot see."""
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


def report(arguments: argparse.Namespace) -> int:
    """Write the page."""
    with closing(open_store(arguments)) as store:
        text = page(store, Settings(), zone_of(arguments), wall_us(), arguments.days)
    with writing(arguments.output, "name another file with -o"):
        arguments.output.write_text(text, encoding="utf-8")
    print(f"{arguments.output}: open it in a browser, or print it")
    return 0
