"""The fault table of docs/safety.md: what was provoked, what must happen, what was measured, and the command that provokes it again.

Measured on two cores of an AMD EPYC, quiet but where a row says otherwise, Python 3.11; "limit" is what must hold.
"""

SENSORS = "python -m tests.faults.sensors"
DAEMON = "python -m tests.faults.daemon"
RUN = "pytest tests/cli/test_run.py"
RECORD = "pytest tests/log"


def drill(*kinds: str) -> str:
    """The drill of some kinds of worker fault at full size."""
    return "python -m tests.worker.drill --rounds 100 " + " ".join(f'--kind "{kind}"' for kind in kinds)


ROWS = (
    ("a sensor's file hangs, fails, is empty, or holds garbage", "Missing with the reason; no tick waits for it", "18 rehearsals: noticed within 0.6 s (limit 2 s), longest time between ticks 1.25 periods (limit 2), 0 bolder", SENSORS),
    ("a sensor says a negative, 0, x1000, one spike, freezes, or time repeats or goes back", "refused with the reason", "21 rehearsals: noticed within 0.7 s (limit 2 s), longest time between ticks 1.06 periods (limit 2), 0 bolder", SENSORS),
    ("a sensor creeps", "named at 5 K beside another zone, half of the expected power, x16 light", "after 11 to 24 s of 0.3 K/s, 0.3 W/s, 30 % a second; never bolder than those bounds", SENSORS),
    ("a sensor goes away and comes back under another number, or comes late", "Missing, then found by its name; no other sensor's value is taken", "", "pytest tests/sense/test_hotplug.py"),
    ("any subset of readings missing, other faults besides", "the choice is never bolder than with them", "", "python -m tests.faults.boldness"),
    ("the worker gets SIGKILL or SIGSEGV", "started again on the reference; three crashes in 60 s latch", "100 each, and 100 of an engine that crashes: first frame on the reference 0.11, 0.07 and 0.07 s after detection (median), 0.12, 0.08 and 0.08 s at most (limit 1 s); 0 unlogged swaps", drill("SIGKILL", "SIGSEGV", "engine segfault")),
    ("the worker gets SIGSTOP, or an engine hangs", "ended and started again on the reference", "100 stops: first frame 0.12 s after detection (median), 0.13 s at most (limit 2 s); 0 unlogged swaps", drill("SIGSTOP", "engine hang")),
    ("an engine gives NaN or another shape", "quarantined, the frame is served by the reference, its evidence is void", "100 each: 0.03 s (median), 0.04 s at most (limit 1 s); 0 unlogged swaps", drill("NaN output", "wrong shape")),
    ("an engine is ten times slower", "set aside; the reference serves", "100: 5 ms (median), 8 ms at most (limit 1 s); 0 unlogged swaps", drill("10x slow")),
    ("the camera stops, the video is missing or cut", "reported and reopened with back-off, or refused in one line", "", "pytest tests/worker/test_sources.py"),
    ("the camera hangs in its driver, or is open and gives nothing", "told after 5 s; a hung one is freed after 35 s by a new worker, and nothing latches", "", "pytest tests/worker/test_grabber.py"),
    ("the daemon gets SIGKILL", "the worker falls back at once; the next run continues the log without a gap", "200 on one log: valid, 201 runs, 0 gaps, 1,473 decisions run again", f"{DAEMON} --kills 200 --stops 0"),
    ("the daemon gets SIGSTOP", "the efficient engine ends with its lease, in the worker itself", "50 stops, lease 2 s: the last INT8 frame after 2.00 s (median), 2.15 s at the latest (limit 3 s more), logs valid", f"{DAEMON} --kills 0 --stops 50"),
    ("the log cannot be written: disk full, read-only, folder gone", "reference within one decision, `degraded` on record, recovery", "", RECORD),
    ("power fails while the log is written", "nothing acknowledged is lost; a torn tail is reported", "", "pytest tests/log/test_crash.py"),
    ("the log is changed: one bit, one line, a segment, a rollback", "the verdict names the first bad record", "", "make audit-torture"),
    ("the wall clock steps", "a record; decisions, leases and the order of the log do not depend on it", "to 1970, 3 years ahead, 1,000 steps of a second: the same decisions as without, log valid", "pytest tests/daemon/test_loop_clock.py"),
    ("a bad policy, at start or at reload", "refused with file, line, column and rule; the running one stays", "300 by hand in 15 classes, 17,328 of 20,000 fuzzed (the others are still policies): all refused, slowest 34 ms (limit 100)", "python -m tests.faults.policies"),
    ("a bundle with a flipped bit, a link, a path trick", "refused before a byte is loaded", "", "pytest tests/engine"),
    ("a second daemon on the same log or socket", "one line, exit code 1; the first goes on", "", RUN),
    ("10,000 requests a second, 100 MB bodies, slow clients, a thousand connections", "refused or bounded; ticks keep their time", "9,998 a second for 20 s, and 1,000 connections open at once beside them and alone: refused, hung up on or answered within the rate; p99 of the tick jitter 1.0 and 1.2 ms (calm 2.5 and 2.7), longest time between ticks 1.02 periods (limit 2; on a machine with 50 other programs at work 2.2, calm 1.5); 58 MB", "python -m tests.faults.api"),
    ("a foreign user asks for a change, on every verb", "refused by the uid the kernel reports", "4 of 4 refused with the reason; at the closed door, no access", "python -m tests.faults.api"),
    ("a terminal on hold, a service manager that does not read, a pipe in the place of the policy", "no decision waits for it", "", RUN),
    ("a long life", "memory and open files stay", "1,000,000 ticks: +0.001 +- 0.001 MB a day, open files constant; an hour of a real daemon at one decision a second, samples of its second half: control process +0.34 +- 0.12 MB a day, worker +0.28 +- 0.12 (limit 1), open files constant, log valid; a worker at 60 fps with engines exercised every second: 0 kB in 15 min", "python -m tests.faults.soak --ticks 1000000 --control 50000 --hours 1"),
)  # fmt: skip


def table() -> str:
    """The rows as Markdown."""
    lines = ["| fault | what happens | measured | provoke it again |", "|---|---|---|---|"]
    lines += [f"| {fault} | {effect} | {measured} | `{command}` |" for fault, effect, measured, command in ROWS]
    return "\n".join(lines) + "\n\nEvery sensor fault by itself, with the words adaptd says, is in [sensors.md](sensors.md).\n"
