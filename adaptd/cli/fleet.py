"""`adaptd fleet`: many boxes on one desk. The server, questions to its lake, roll-outs, and what a person decides about a box."""

import argparse
import time
from pathlib import Path
from typing import Any

from adaptd.cli import fleet_rollout, fleet_service
from adaptd.cli.errors import CommandError, refusing, writing
from adaptd.cli.options import Sub, Words, answer, as_json, later, verb, verbs


def register(sub: Sub) -> None:
    words = "many boxes: serve, service, ask, tune, page, rollout, alarms, enrol, accept, demo"
    group = verbs(sub, "fleet", words, metavar="ACTION")
    serve = verb(group, "serve", "hear boxes, witness their logs, write the lake, until SIGTERM", _serve, lake)
    serve.option("--mqtt", "mqtt://HOST[:PORT], mqtts://HOST[:PORT], or @FILE with it", required=True, metavar="URL")
    serve.path("--mqtt-ca", "certificate authority that signed the broker's certificate", metavar="F")
    serve.option("--export-s", "write to the lake so often (default 60)", type=float, default=60.0, metavar="S")
    serve.count("--helpers", "processes beside this one that check signatures", 0, default=1, metavar="N")
    ask = verb(group, "ask", "a ready question, or one SELECT over the view `hours`", _ask, lake)
    ask.option("question", "without one, the ready questions are listed", nargs="?")
    ask.flag("--json", "a list of objects")
    fleet_rollout.register(group, lake)
    _tune(group)
    fleet_service.register(group)
    page = verb(group, "page", "one page with every box by its health", _page, lake)
    page.path("-o --output", "the file to write", required=True, metavar="F.html")
    alarms = verb(group, "alarms", "forks, rollbacks, gaps, what was refused; exit 1 with any", _alarms, lake)
    alarms.flag("--json", "a list of objects")
    enrol = verb(group, "enrol", "say which log key a box has, where its name does not say it", _enrol, lake)
    enrol.option("box", "the name in its topics")
    enrol.path("log_pub", "a copy of that file from the box's log folder", metavar="log.pub")
    accept = verb(group, "accept", "you have looked at a box's alarm: witness its log anew", _accept, lake)
    accept.option("box", "the name in the alarm")
    words = "mosquitto, a server and 50 software boxes, told in words (a minute or two)"
    verb(group, "demo", words, later("fleet_demo.run")).count("--boxes", "how many software boxes (default 50)", default=50)


def lake(words: Words) -> None:
    words.path("--lake", "the server's folder: store, keys and Parquet", required=True, metavar="DIR")


def _tune(group: Sub) -> None:
    words = "cluster boxes by their fitted twins, priors for new boxes, policies per cluster"
    tune = verb(group, "tune", words, later("fleet_tune.tune"))
    tune.path("twins", "folder with each box's fitted twin, named after it", nargs="?", metavar="TWINS")
    tune.path("--lake", "or the server's folder, with the twins that boxes sent up", metavar="DIR")
    tune.many("--policy", "a policy to try; repeatable", type=Path, metavar="F")
    tune.many("--knob", "vary the first policy", metavar="NAME[=LOW..HIGH[:STEP]]")
    tune.option("--goal", 'what is aimed at, for example "min power" (one aim)', default="max efficiency")
    tune.option("--keep", 'what every world must keep, for example "fps>=12, loss<=0.5"', default="")
    tune.count("--clusters", "clusters at most (default 20)", default=20, metavar="N")
    tune.path("-o --output", "folder to write", default=Path("fleet-tuned"), metavar="DIR")
    tune.option("--ray", "sweep on Ray, here or at ADDRESS", nargs="?", const="", metavar="ADDRESS")
    tune.count("--jobs", "processes on this machine (default: one a core)")
    tune.add(as_json)


def _serve(arguments: argparse.Namespace) -> int:
    from adaptd.fleet.broker import BrokerError, broker_at
    from adaptd.fleet.serve import Options, main
    from adaptd.fleet.store import StoreError

    if not 1 <= arguments.export_s <= 86_400 or not 0 <= arguments.helpers <= 64:
        raise CommandError("--export-s is from 1 to 86400 and --helpers from 0 to 64", 2)
    with refusing(BrokerError, code=2), refusing(StoreError):
        broker = broker_at(arguments.mqtt, arguments.mqtt_ca)
        return main(Options(broker, arguments.lake, arguments.export_s, arguments.helpers))


def _ask(arguments: argparse.Namespace) -> int:
    from adaptd.fleet.ask import READY, AskError, ask

    if arguments.question is None:
        for name, (words, _) in READY.items():
            print(f"{name:14} {words}")
        return 0
    with refusing(AskError, where="adaptd fleet ask: "):
        found = ask(arguments.lake, arguments.question)
    note = "more rows than these: narrow the question" if found.cut else ""
    return answer(arguments, found.plain(), lambda: _print_table(found.columns, found.rows, note), default=str)


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

    with refusing(AskError, where="adaptd fleet page: "):
        text = page(arguments.lake, store_of(arguments.lake), time.time_ns() // 1_000_000)
    with writing(arguments.output, "name another file"):
        arguments.output.write_text(text, encoding="utf-8")
    print(f"{arguments.output} is written")
    return 0


def _alarms(arguments: argparse.Namespace) -> int:
    from adaptd.fleet import store

    found = store.alarms(store_of(arguments.lake))
    names = ("box", "kind", "words", "first_utc_ms", "last_utc_ms", "times")
    lines = [f"{box}  {kind}: {words}{f' ({times} times)' if times > 1 else ''}" for box, kind, words, _, _, times in found]
    lines.append(f"{len(found)} alarm{'s' if len(found) > 1 else ''}" if found else "no alarms")
    return answer(arguments, [dict(zip(names, row, strict=True)) for row in found], lines, 1 if found else 0)


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


def store_of(folder: Path) -> Any:
    """The server's store; one line where no server has worked there."""
    from adaptd.fleet import store

    if not (folder / store.FILE_NAME).exists():
        raise CommandError(f"{folder}: no fleet server has worked here, start `adaptd fleet serve --lake {folder}`")
    with refusing(store.StoreError):
        return store.connect(folder)
