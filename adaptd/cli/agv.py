"""`adaptd agv`: inspection from a vehicle on a running daemon, and the table of a shift before and after."""

from adaptd.cli.errors import within
from adaptd.cli.options import Sub, Words, as_json, later, socket, verb, verbs

VERDICTS = ("pass", "reject", "cannot tell")


def register(sub: Sub) -> None:
    words = "inspect parts from a vehicle: verdicts, rejects with pictures, a shift on a battery"
    group = verbs(sub, "agv", words, metavar="VERB")
    run = verb(group, "run", "follow the daemon's results and judge every part", later("agv_run.run"), _store, socket)
    run.path("--state", "folder in which rejects are left for the gateway")
    run.many("--camera", "a camera that must see every part; repeat it", metavar="NAME")
    run.option("--parts", "where part identifiers come from, one a line: a file, a FIFO or -", metavar="F")
    run.option("--every", "without --parts: seconds a part is in view (2)", type=_seconds, metavar="S")
    run.option("--hours", "the mission: N hours, and the battery has to last", type=_hours, metavar="N")
    run.option("--goal", "frames a second of every camera (default 25)", type=_seconds, default=25.0, metavar="FPS")
    run.option("--map-floor", "least qualified mAP for a pass (default 0.85)", type=_share, default=0.85, metavar="X")
    run.path("--bundle", "the bundle that is served (default engines/inspection)")
    run.flag("--send-pictures", "pictures of rejects leave the box with their message")
    run.flag("--json", "one JSON object a part on standard output")
    run.option("--duration", "stop after so many seconds", type=_seconds, metavar="S")
    parts = verb(group, "parts", "the newest parts with what their verdict rests on", later("agv_run.show_parts"), _store)
    parts.option("--last", "how many (default 20)", type=_count, default=20, metavar="N")
    parts.option("--verdict", "only these", choices=VERDICTS)
    parts.add(as_json)
    check = verb(group, "check", "tell what a part proved to be when a person looked at it", later("agv_run.check"), _store)
    check.option("part", "its identifier")
    check.option("truth", "what it proved to be", choices=("sound", "defective"))
    words = "parts by verdict; missed defects and false rejects, counted apart"
    verb(group, "account", words, later("agv_run.show_account"), _store, as_json)
    words = "a shift in a hot hall before and after, on the software device: simulated figures"
    table = verb(group, "table", words, later("agv_table.show"))
    table.many("--profile", "a hardware profile; may be repeated", metavar="NAME")
    table.path("--scenario", "another shift than the shipped one", metavar="F")
    table.add(as_json)


def _store(words: Words) -> None:
    words.path("--db", "the store (default agv/agv.sqlite3 in adaptd's state folder)")


_seconds, _hours, _share = within(0.1, 1e7, "such number"), within(0.01, 168, "number of hours"), within(0, 1, "share")


def _count(text: str) -> int:
    return int(within(1, 100_000, "count")(text))
