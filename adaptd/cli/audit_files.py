"""`adaptd audit report`, `export` and `checkpoint`: what is made of a log for people, tables and witnesses."""

import argparse
import sys

from adaptd.cli.audit_args import folder, judge, need_log, newest_checkpoint, not_read, span, times, trust
from adaptd.cli.errors import refusing, writing
from adaptd.cli.options import Sub, verb


def register(group: Sub) -> None:
    report = verb(group, "report", "one self-contained HTML page about the log", run_report, folder, trust)
    report.path("-o --output", "file to write the page to", required=True, metavar="F.html")
    report.flag("--no-replay", "do not run the decisions again for the verdict on top")
    report.add(times)
    export = verb(group, "export", "decisions as a table: CSV, JSON or Parquet, by the file's ending", run_export, folder)
    export.path("-o --output", "file to write: .csv, .json or .parquet", required=True, metavar="F")
    export.add(times)
    words = "print the newest checkpoint note, to keep elsewhere or to have witnessed"
    verb(group, "checkpoint", words, run_checkpoint, folder)


def run_report(args: argparse.Namespace) -> int:
    """Write the page; the exit code is the verdict's."""
    from adaptd.cli.progress import bar
    from adaptd.log.verify.reader import unreadable
    from adaptd.report.page import write_page
    from adaptd.report.report_data import telling

    within = span(args)
    need_log(args.folder)
    with writing(args.output, "name another file with -o"), telling(args.folder, **within) as told:
        report = judge(args)
        with bar("drawing") as progress:
            write_page(args.folder, report, args.output, progress, **within, story=None if told is None else told())
    for words in unreadable(args.folder):
        not_read(words)
    print(f"{report.verdict.value}: {args.output}")
    return 0 if report.verdict.value == "valid" else 1


def run_export(args: argparse.Namespace) -> int:
    """Write the decisions as a table."""
    from adaptd.cli.progress import bar
    from adaptd.log.verify.reader import marked, unreadable
    from adaptd.report.export import ExportError, export

    need_log(args.folder)
    within = span(args)
    with refusing(ExportError), bar("exporting") as progress:
        rows = export(args.folder, args.output, progress, **within)
    for words in unreadable(args.folder):
        not_read(words)
    written = 0 if any(within.values()) else marked(args.folder, "decision")
    if written > rows:
        not_read(f"{written - rows} of {written} decisions; 'adaptd audit verify {args.folder}' says what is wrong with them")
    print(f"{rows} decisions: {args.output}")
    return 0


def run_checkpoint(args: argparse.Namespace) -> int:
    """Print the newest checkpoint note."""
    sys.stdout.write(newest_checkpoint(args.folder))
    return 0
