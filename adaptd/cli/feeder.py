"""`adaptd feeder`: the feeder monitor on a running daemon, or on a rendered day."""

import argparse
from datetime import date
from pathlib import Path

from adaptd.cli.options import Sub, Words, as_json, later, socket, verb, verbs

NOTES = ("diet-change", "second-bowl", "holiday", "visitor", "camera-moved", "remark")
NOTE_WORDS = """Write a note into the store. What a note changes depends on its kind:

  diet-change, second-bowl, camera-moved   the usual is learnt anew from that day on
  holiday, visitor                         these days are not judged, and are no part of the usual
  remark                                   nothing; it stands in history and report
"""


def register(sub: Sub) -> None:
    group = verbs(sub, "feeder", "what the pet eats: bouts, days, alerts", metavar="VERB")
    _run_verb(group)
    verb(group, "today", "bouts and minutes of the day so far", later("feeder_show.today"), _store, as_json)
    words = "days and weeks, each day against the usual"
    history = verb(group, "history", words, later("feeder_show.history"), _store, as_json)
    history.count("--days", "how many (default 35)", default=35)
    words = "what was found, whether it was sent, and what it rests on"
    verb(group, "alerts", words, later("feeder_show.alerts"), _store, as_json)
    words, plain = "tell what the camera cannot see: a new diet, a holiday, a moved camera", argparse.RawDescriptionHelpFormatter
    note = verb(group, "note", words, later("feeder_show.note"), _store, description=NOTE_WORDS, formatter_class=plain)
    note.option("kind", f"one of {', '.join(NOTES)}", choices=NOTES, metavar="KIND")
    note.option("text", "in your words", nargs="?", default="")
    note.option("--from", "first day (default today)", dest="first", type=_day, metavar="DAY")
    note.option("--to", "last day; without it there is no end", dest="last", type=_day, metavar="DAY")
    report = verb(group, "report", "write a page to print and take to the vet", later("feeder_show.report"), _store)
    report.path("-o --output", "file to write (default feeder-report.html)", default=Path("feeder-report.html"))
    report.count("--days", "how many days (default 35)", default=35)


def _run_verb(group: Sub) -> None:
    words = "follow the results of a running daemon, record what is eaten, and alert"
    run = verb(group, "run", words, later("feeder_run.run"), _store, socket)
    run.path("--state", "folder in which messages are left for the gateway")
    run.option("--camera", "the camera at the bowl, where the daemon has several", default="", metavar="NAME")
    run.many("--label", "what a label means, e.g. mimi=at_bowl:mimi", metavar="MODEL=OURS")
    run.option("--roi", "the bowl in percent of the picture, for detectors", type=_roi, metavar="L,T,R,B")
    run.option("--reference", "the engine that accuracy is measured against (default fp16)", default="fp16")
    run.option("--dark-below", 'darker than this is "cannot tell"', type=float, metavar="LUX")
    run.flag("--always-lit", "there is no light sensor and the bowl is lit day and night")
    run.flag("--kitten", "12 h without food instead of 24 h are an alert")
    run.flag("--send-pictures", "a message takes along what the camera sees then; else none leave")
    run.option("--duration", "stop after so many seconds", type=float, metavar="S")
    words = "without a camera: five weeks of a simulated cat, a rendered day, an illness, and its message"
    run.flag("--rendered-day", words)
    words = "with --rendered-day: the pictures of a whole day, read without a daemon; takes one or two minutes on two cores"
    run.flag("--fast", words)
    run.flag("--short", argparse.SUPPRESS)  # tests: 24 days, one visit, few idle pictures


def _store(words: Words) -> None:
    words.path("--db", "the store (default feeder/feeder.sqlite3 in adaptd's state folder)")
    words.option("--zone", "time zone of the bowl, e.g. Europe/Berlin (default this machine's)", metavar="NAME")


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
