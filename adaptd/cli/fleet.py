"""`adaptd fleet`: many boxes on one desk. The server, questions to its lake, roll-outs, and what a person decides about a box."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from adaptd.cli import fleet_rollout, fleet_service, fleet_tune
from adaptd.cli.errors import CommandError, refusing, whole

Sub = Any


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = sub.add_parser("fleet", help="many boxes: serve, service, ask, tune, page, rollout, alarms, enrol, accept, demo")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _serve_parser(actions)
    _ask_parser(actions)
    fleet_rollout.register(_with_lake, actions)
    fleet_tune.register(actions)
    fleet_service.register(actions)
    page = _with_lake(actions.add_parser("page", help="one page with every box by its health"))
    page.add_argument("-o", "--output", type=Path, required=True, metavar="F.html", help="the file to write")
    page.set_defaults(handler=_page)
    alarms = _with_lake(actions.add_parser("alarms", help="forks, rollbacks, gaps, what was refused; exit 1 with any"))
    alarms.add_argument("--json", action="store_true", help="a list of objects")
    alarms.set_defaults(handler=_alarms)
    enrol = _with_lake(actions.add_parser("enrol", help="say which log key a box has, where its name does not say it"))
    enrol.add_argument("box", help="the name in its topics")
    enrol.add_argument("log_pub", type=Path, metavar="log.pub", help="a copy of that file from the box's log folder")
    enrol.set_defaults(handler=_enrol)
    accept = _with_lake(actions.add_parser("accept", help="you have looked at a box's alarm: witness its log anew"))
    accept.add_argument("box", help="the name in the alarm")
    accept.set_defaults(handler=_accept)
    demo = actions.add_parser("demo", help="mosquitto, a server and 50 software boxes, told in words (a minute or two)")
    demo.add_argument("--boxes", type=whole(1), default=50, help="how many software boxes (default 50)")
    demo.set_defaults(handler=_demo)


def _with_lake(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--lake", type=Path, required=True, metavar="DIR", help="the server's folder: store, keys and Parquet")
    return parser


def _serve_parser(actions: Sub) -> None:
    serve = _with_lake(actions.add_parser("serve", help="hear boxes, witness their logs, write the lake, until SIGTERM"))
    serve.add_argument("--mqtt", required=True, metavar="URL", help="mqtt://HOST[:PORT], mqtts://HOST[:PORT], or @FILE with it")
    serve.add_argument("--mqtt-ca", type=Path, metavar="F", help="certificate authority that signed the broker's certificate")
    serve.add_argument("--export-s", type=float, default=60.0, metavar="S", help="write to the lake so often (default 60)")
    serve.add_argument("--helpers", type=whole(0), default=1, metavar="N", help="processes beside this one that check signatures")
    serve.set_defaults(handler=_serve)


def _ask_parser(actions: Sub) -> None:
    ask = _with_lake(actions.add_parser("ask", help="a ready question, or one SELECT over the view `hours`"))
    ask.add_argument("question", nargs="?", help="without one, the ready questions are listed")
    ask.add_argument("--json", action="store_true", help="a list of objects")
    ask.set_defaults(handler=_ask)


def _serve(arguments: argparse.Namespace) -> int:
    try:
        from adaptd.fleet.broker import BrokerError, broker_at
        from adaptd.fleet.serve import Options, main
        from adaptd.fleet.store import StoreError
    except ImportError as error:
        raise CommandError(f"adaptd fleet: {error.name} is not installed: pip install 'adaptd[fleet]'") from None
    if not 1 <= arguments.export_s <= 86_400 or not 0 <= arguments.helpers <= 64:
        raise CommandError("--export-s is from 1 to 86400 and --helpers from 0 to 64", 2)
    try:
        broker = broker_at(arguments.mqtt, arguments.mqtt_ca)
        return main(Options(broker, arguments.lake, arguments.export_s, arguments.helpers))
    except BrokerError as error:
        raise CommandError(str(error), 2) from None
    except StoreError as error:
        raise CommandError(str(error)) from None


def _ask(arguments: argparse.Namespace) -> int:
    from adaptd.fleet.ask import READY, AskError, ask

    if arguments.question is None:
        for name, (words, _) in READY.items():
            print(f"{name:14} {words}")
        return 0
    with refusing(AskError, where="adaptd fleet ask: "):
        answer = ask(arguments.lake, arguments.question)
    if arguments.json:
        print(json.dumps(answer.plain(), default=str))
    else:
        _print_table(answer.columns, answer.rows, "more rows than these: narrow the question" if answer.cut else "")
    return 0


def _print_table(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...], note: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for at, name in enumerate(columns):
        table.add_column(name, justify="right" if rows and isinstance(rows[0][at], (int, float)) else "left")
    for row in rows:
        table.add_row(*("-" if cell is None else str(cell) for cell in row))
    Console().print(table if rows else "no rows")
    if note:
        print(note)


def _page(arguments: argparse.Namespace) -> int:
    from adaptd.fleet.ask import AskError
    from adaptd.fleet.page import page

    database = store_of(arguments.lake)
    try:
        arguments.output.write_text(page(arguments.lake, database, time.time_ns() // 1_000_000), encoding="utf-8")
    except AskError as error:
        raise CommandError(f"adaptd fleet page: {error}") from None
    except OSError as error:
        raise CommandError(f"{arguments.output}: cannot be written ({error.strerror}), name another file") from None
    print(f"{arguments.output} is written")
    return 0


def _alarms(arguments: argparse.Namespace) -> int:
    from adaptd.fleet import store

    found = store.alarms(store_of(arguments.lake))
    if arguments.json:
        names = ("box", "kind", "words", "first_utc_ms", "last_utc_ms", "times")
        print(json.dumps([dict(zip(names, row, strict=True)) for row in found]))
    else:
        for box, kind, words, _, _, times in found:
            print(f"{box}  {kind}: {words}{f' ({times} times)' if times > 1 else ''}")
        print(f"{len(found)} alarm{'s' if len(found) > 1 else ''}" if found else "no alarms")
    return 1 if found else 0


def _enrol(arguments: argparse.Namespace) -> int:
    from adaptd.fleet.serve import enrol
    from adaptd.log.format.note import NoteError, parse_verifier_key

    try:
        text = arguments.log_pub.read_text(encoding="utf-8")
        parse_verifier_key(text)
    except (OSError, UnicodeDecodeError, NoteError) as error:
        raise CommandError(f"{arguments.log_pub}: is no log's public key ({error}), take the box's log.pub") from None
    store_of(arguments.lake).close()
    enrol(arguments.lake, arguments.box, text)
    print(f"{arguments.box} is enrolled")
    return 0


def _accept(arguments: argparse.Namespace) -> int:
    from adaptd.fleet import store

    if not store.accept(store_of(arguments.lake), arguments.box):
        raise CommandError(f"{arguments.box}: has no fork or rollback to accept, `adaptd fleet alarms` lists them")
    print(f"{arguments.box}: restart the server, and its log is witnessed anew from its next checkpoint on")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from adaptd.cli.fleet_demo import run

    return run(arguments.boxes)


def store_of(folder: Path) -> Any:
    """The server's store; one line where no server has worked there."""
    from adaptd.fleet import store

    if not (folder / store.FILE_NAME).exists():
        raise CommandError(f"{folder}: no fleet server has worked here, start `adaptd fleet serve --lake {folder}`")
    with refusing(store.StoreError):
        return store.connect(folder)
