"""`adaptd audit report`, `export` and `checkpoint`: what is made of a log for people, tables and witnesses."""

import argparse
import sys
from pathlib import Path
from typing import Any

from adaptd.cli.audit_args import (
    folder_argument,
    judge,
    need_log,
    newest_checkpoint,
    not_read,
    span,
    time_arguments,
    trust_arguments,
)
from adaptd.cli.errors import CommandError, refusing, writing


def register(commands: Any) -> None:
    report = commands.add_parser("report", help="one self-contained HTML page about the log")
    folder_argument(report)
    trust_arguments(report)
    report.add_argument("-o", "--output", type=Path, required=True, metavar="F.html", help="file to write the page to")
    report.add_argument("--no-replay", action="store_true", help="do not run the decisions again for the verdict on top")
    report.set_defaults(handler=run_report)
    time_arguments(report)
    export = commands.add_parser("export", help="decisions as a table: CSV, JSON or Parquet, by the file's ending")
    folder_argument(export)
    export.add_argument("-o", "--output", type=Path, required=True, metavar="F", help="file to write: .csv, .json or .parquet")
    time_arguments(export)
    export.set_defaults(handler=run_export)
    checkpoint = commands.add_parser(
        "checkpoint", help="print the newest checkpoint note, to keep elsewhere or to have witnessed"
    )
    folder_argument(checkpoint)
    checkpoint.set_defaults(handler=run_checkpoint)


def run_report(args: argparse.Namespace) -> int:
    """Write the page; the exit code is the verdict's."""
    from adaptd.cli.progress import bar
    from adaptd.log.verify.reader import unreadable

    try:
        from adaptd.report.page import write_page
        from adaptd.report.report_data import telling
    except ImportError as error:
        raise CommandError(f"the report needs {error.name}: pip install 'adaptd[report]'") from None

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
    from adaptd.report.export import ExportError, export

    need_log(args.folder)
    within = span(args)
    with refusing(ExportError), bar("exporting") as progress:
        rows = export(args.folder, args.output, progress, **within)
    from adaptd.log.verify.reader import marked, unreadable

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
