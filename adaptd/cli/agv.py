"""`adaptd agv`: inspection from a vehicle on a running daemon, and the table of a shift before and after."""

import argparse
import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.cli.errors import CommandError, refusing
from adaptd.client import default_socket

if TYPE_CHECKING:
    from adaptd.apps.agv.store import PartStore

VERDICTS = ("pass", "reject", "cannot tell")


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = sub.add_parser("agv", help="inspect parts from a vehicle: verdicts, rejects with pictures, a shift on a battery")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", required=True)
    _run_verb(verbs)
    parts = _store_words(verbs.add_parser("parts", help="the newest parts with what their verdict rests on"))
    parts.add_argument("--last", type=_count, default=20, metavar="N", help="how many (default 20)")
    parts.add_argument("--verdict", choices=VERDICTS, default=None, help="only these")
    parts.add_argument("--json", action="store_true", help="one JSON object")
    parts.set_defaults(handler=_parts)
    check = _store_words(verbs.add_parser("check", help="tell what a part proved to be when a person looked at it"))
    check.add_argument("part", help="its identifier")
    check.add_argument("truth", choices=("sound", "defective"), help="what it proved to be")
    check.set_defaults(handler=_check)
    account = _store_words(verbs.add_parser("account", help="parts by verdict; missed defects and false rejects, counted apart"))
    account.add_argument("--json", action="store_true", help="one JSON object")
    account.set_defaults(handler=_account)
    table = verbs.add_parser("table", help="a shift in a hot hall before and after, on the software device: simulated figures")
    table.add_argument("--profile", action="append", default=None, metavar="NAME", help="a hardware profile; may be repeated")
    table.add_argument("--scenario", type=Path, default=None, metavar="F", help="another shift than the shipped one")
    table.add_argument("--json", action="store_true", help="one JSON object")
    table.set_defaults(handler=_table)


def _run_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = _store_words(verbs.add_parser("run", help="follow the daemon's results and judge every part"))
    run.add_argument("--socket", type=Path, default=None, help="the daemon's socket")
    run.add_argument("--state", type=Path, default=None, help="folder in which rejects are left for the gateway")
    run.add_argument("--camera", action="append", default=[], metavar="NAME", help="a camera that must see every part; repeat it")
    run.add_argument(
        "--parts", default=None, metavar="F", help="where part identifiers come from, one a line: a file, a FIFO or -"
    )
    run.add_argument("--every", type=_seconds, default=None, metavar="S", help="without --parts: seconds a part is in view (2)")
    run.add_argument("--hours", type=_hours, default=None, metavar="N", help="the mission: N hours, and the battery has to last")
    run.add_argument("--goal", type=_seconds, default=25.0, metavar="FPS", help="frames a second of every camera (default 25)")
    run.add_argument("--map-floor", type=_share, default=0.85, metavar="X", help="least qualified mAP for a pass (default 0.85)")
    run.add_argument("--bundle", type=Path, default=None, help="the bundle that is served (default engines/inspection)")
    run.add_argument("--send-pictures", action="store_true", help="pictures of rejects leave the box with their message")
    run.add_argument("--json", action="store_true", help="one JSON object a part on standard output")
    run.add_argument("--duration", type=_seconds, default=None, metavar="S", help="stop after so many seconds")
    run.set_defaults(handler=_run)


def _store_words(verb: argparse.ArgumentParser) -> argparse.ArgumentParser:
    verb.add_argument("--db", type=Path, default=None, help="the store (default agv/agv.sqlite3 in adaptd's state folder)")
    return verb


def _number(text: str, least: float, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}, a number from {least:g} to {most:g} is needed")
    return value


def _seconds(text: str) -> float:
    return _number(text, 0.1, 1e7, "such number")


def _hours(text: str) -> float:
    return _number(text, 0.01, 168, "number of hours")


def _share(text: str) -> float:
    return _number(text, 0, 1, "share")


def _count(text: str) -> int:
    return int(_number(text, 1, 100_000, "count"))


def _run(arguments: argparse.Namespace) -> int:
    from adaptd.cli.agv_run import run

    if arguments.parts is not None and arguments.every is not None:
        raise CommandError("adaptd agv run: --every is for parts that nobody names, leave it out beside --parts", code=2)
    arguments.socket = arguments.socket or default_socket()
    return run(arguments)


def _open(arguments: argparse.Namespace) -> "PartStore":
    from adaptd.cli.agv_run import open_store

    return open_store(arguments)


def _parts(arguments: argparse.Namespace) -> int:
    from adaptd.cli.agv_words import part_line

    with closing(_open(arguments)) as store:
        found = store.newest(arguments.last, arguments.verdict)
    if arguments.json:
        print(json.dumps({"v": 1, "parts": found}))
        return 0
    for one in reversed(found):
        print(part_line(one))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from adaptd.apps.agv.part_ids import PartIdError, checked
    from adaptd.apps.sqlite import StoreError

    with refusing(PartIdError, code=2):
        name = checked(arguments.part)
    with refusing(StoreError), closing(_open(arguments)) as store:
        was = store.check(name, arguments.truth)
    kinds = {("pass", "defective"): "a missed defect", ("reject", "sound"): "a false reject"}
    print(f"{name}: {arguments.truth}; the verdict was {was}: {kinds.get((was, arguments.truth), 'noted')}")
    return 0


def _account(arguments: argparse.Namespace) -> int:
    from adaptd.cli.agv_words import account_lines

    with closing(_open(arguments)) as store:
        found: dict[str, Any] = store.account()
    print(json.dumps({"v": 1, **found}) if arguments.json else "\n".join(account_lines(found)))
    return 0


def _table(arguments: argparse.Namespace) -> int:
    from adaptd.cli.agv_table import show

    return show(arguments)
