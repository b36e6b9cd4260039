"""The fault table of docs/safety.md: what was provoked, what must happen, and the command that provokes it again."""

SENSORS = "pytest tests/sense/test_faults.py"
WORKER = "pytest tests/worker/test_faults.py"
DAEMON = "python -m tests.faults.daemon"
RUN = "pytest tests/cli/test_run.py"
RECORD = "pytest tests/record"

ROWS = (
    ("a sensor's file hangs, fails, is empty, or holds garbage", "Missing with the reason within 2 s; no tick waits for it", SENSORS),
    ("a sensor says a negative, 0, x1000, one spike, or time repeats or goes back", "refused with the reason within 2 s", SENSORS),
    ("a sensor freezes or creeps", "stuck: named when the load moved and it did not; drift at 5 K, half of the power, x16 light", SENSORS),
    ("any subset of readings missing, other faults besides", "the choice is never bolder than with them", "python -m tests.faults.boldness"),
    ("the worker gets SIGKILL or SIGSEGV", "started again on the reference; three crashes in 60 s latch", WORKER),
    ("the worker gets SIGSTOP, or an engine hangs", "ended and started again on the reference", WORKER),
    ("an engine gives NaN or another shape", "quarantined, the frame is served by the reference, its evidence is void", WORKER),
    ("an engine is ten times slower", "set aside; the reference serves", WORKER),
    ("the camera stops, the video is missing or cut", "reported and reopened with back-off, or refused in one line", "pytest tests/worker/test_sources.py"),
    ("the daemon gets SIGKILL", "the worker falls back; the next run continues the log without a gap", f"{DAEMON} --stops 0"),
    ("the daemon gets SIGSTOP", "the efficient engine ends with its lease, in the worker itself", f"{DAEMON} --kills 0"),
    ("the log cannot be written: disk full, read-only, folder gone", "reference within one decision, `degraded` on record, recovery", RECORD),
    ("power fails while the log is written", "nothing acknowledged is lost; a torn tail is reported", "pytest tests/record/test_crash.py"),
    ("the log is changed: one bit, one line, a segment, a rollback", "the verdict names the first bad record", "make audit-torture"),
    ("the wall clock steps", "a record; decisions, leases and the order of the log do not depend on it", "pytest tests/test_daemon_clock.py"),
    ("a bad policy, at start or at reload", "refused with file, line, column and rule; the running one stays", "python -m tests.faults.policies"),
    ("a bundle with a flipped bit, a link, a path trick", "refused before a byte is loaded", "pytest tests/engine"),
    ("a second daemon on the same log or socket", "one line, exit code 1; the first goes on", RUN),
    ("floods, 100 MB bodies, slow clients, a thousand connections", "refused or bounded; ticks keep their time", "python -m tests.faults.api"),
    ("a foreign user asks for a change", "refused by the uid the kernel reports", "pytest tests/serve"),
)  # fmt: skip


def table() -> str:
    """The rows as Markdown."""
    lines = ["| fault | what happens | provoke it again |", "|---|---|---|"]
    lines += [f"| {fault} | {effect} | `{command}` |" for fault, effect, command in ROWS]
    return "\n".join(lines) + "\n\nEvery sensor fault by itself, with the words adaptd says, is in [sensors.md](sensors.md).\n"
