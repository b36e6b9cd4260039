"""The fleet's figures at full size: `python -m tests.fleet.figures [ingest] [kills] [questions] [alarms]` (all, without a name).

Each prints one JSON object a line with what was measured. Rates are said twice: by the clock of this machine, and for a second of
processor time, because a machine that others use tells little by its clock.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pyarrow as pa
import pyarrow.parquet as pq

from adaptd.fleet import rows, store, wire
from adaptd.fleet.ask import READY
from adaptd.fleet.columns import Row, table_of
from adaptd.fleet.digest import make_missing
from adaptd.fleet.softbox import HOUR_MS, Make, Message, SoftBox
from tests.fleet.planted import START_MS, alarms
from tests.fleet.test_whole import Server
from tests.gateway.mqtt.broker import Broker, until


def say(**words: Any) -> None:
    """One result."""
    print(json.dumps(words), flush=True)


def family(pid: int) -> list[int]:
    """A process and its living children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def peak_mb(pid: int) -> int:
    """The most memory that a process ever had."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024


def cpu_s(pid: int) -> float:
    """Processor time of a process and its living children."""
    total = 0.0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def ingest(folder: Path, boxes: int, hours: int) -> None:
    """What waits at the broker is taken in: messages a second, with one helper process beside the server."""
    broker = Broker(folder / "broker", "max_inflight_messages 8000").start()
    Server(folder, broker.port).end()  # its session begins: what is published now waits for it
    crowd = [SoftBox(now_ms=START_MS - 1_000 * HOUR_MS) for _ in range(boxes)]
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(5_000)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    sent = [client.publish(*one.checkpoint(), qos=1) for one in crowd]
    sent += [client.publish(*one.hour(), qos=1) for _ in range(hours) for one in crowd]
    for info in sent:
        info.wait_for_publish()
    client.loop_stop()
    server = Server(folder, broker.port, helpers=1)
    began_s, start_s = time.monotonic(), cpu_s(server.process.pid)
    until(lambda: _taken(server) >= boxes * hours, "all of them", 600)
    wall_s, used_s = time.monotonic() - began_s, cpu_s(server.process.pid)
    peaks_mb = [peak_mb(one) for one in family(server.process.pid)]
    server.end()
    broker.stop()
    total = len(sent)
    say(figure="ingest", messages=total, wall_s=round(wall_s, 1), per_s=round(total / wall_s), cpu_s=round(used_s, 1),
        per_cpu_s=round(total / used_s),
        per_cpu_s_without_start=round(total / (used_s - start_s)), peaks_mb=sum(peaks_mb), load=os.getloadavg()[0])  # fmt: skip


def _taken(server: Server) -> int:
    found = server.ask("SELECT seq FROM sqlite_sequence WHERE name = 'inbox'")
    return int(str(found[0][0])) if found else 0


class Sender:
    """Boxes with a true outbox: what the broker has not acknowledged is sent again, in order, on the next connection."""

    def __init__(self, port: int) -> None:
        self.waiting: deque[Message] = deque()
        self.made: list[Message] = []
        self.again = 0
        self._port, self._lock = port, threading.Lock()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def put(self, messages: list[Message]) -> None:
        with self._lock:
            self.made += messages
            self.waiting.extend(messages)

    def _asked(self, client: Any, userdata: Any, message: Any) -> None:
        """The server misses hours of a box: they are sent again, as the gateway's outbox does."""
        words = json.loads(message.payload)
        if "hours" in words:
            topic = wire.topic_of(words["box"], wire.SUMMARY)
            again = [one for one in self.made if one[0] == topic and json.loads(one[1])["last"] > words["hours"]]
            with self._lock:
                known = set(self.waiting)
                self.waiting.extend(one for one in again if one not in known)
                self.again += 1

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                self._connection()
            except (OSError, ValueError, RuntimeError):
                time.sleep(0.1)

    def _connection(self) -> None:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        client.on_message = self._asked
        client.on_connect = lambda one, *_: one.subscribe("adaptd/v1/+/witness", 1)
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        try:
            while not self.stop.wait(0.02):
                with self._lock:
                    batch = list(self.waiting)[:50]
                for info in [client.publish(*one, qos=1) for one in batch]:
                    info.wait_for_publish(2)
                    if not info.is_published():
                        raise OSError
                    with self._lock:
                        self.waiting.popleft()
        finally:
            client.disconnect()
            client.loop_stop()


def kills(folder: Path, times: int) -> None:
    """Broker and server are killed in turn, at moments that a seed chooses, while boxes go on sending."""
    broker = Broker(folder / "broker", "max_inflight_messages 2000").start()
    server, draw = Server(folder, broker.port), random.Random(11)
    crowd = [SoftBox(now_ms=START_MS - 1_000 * HOUR_MS) for _ in range(20)]
    sender = Sender(broker.port)
    sender.put([one.checkpoint() for one in crowd])
    for number in range(times):
        sender.put([one.hour() for _ in range(3) for one in crowd])
        time.sleep(draw.uniform(0.05, 1.2))
        if number % 2:
            broker.kill()
            sender.put([one.hour() for one in crowd])
            broker.start()
        else:
            server.process.kill()
            server.process.wait()
            server = Server(folder, broker.port)
    until(lambda: not sender.waiting, "everything is sent", 120)
    sender.put([one.hour() for one in crowd])  # a hole at the end is seen with the hour after it
    made = sum(one.number for one in crowd)
    until(lambda: _taken(server) >= made, "everything is taken", 120)
    sender.stop.set()
    sender.thread.join()
    server.end()
    Server(folder, broker.port).end()
    found = [
        (str(json.loads(str(body))["box"]), int(json.loads(str(body))["last"]))
        for (body,) in server.ask("SELECT body FROM inbox")
    ]
    for file in sorted(server.lake.glob("summary/dt=*/part-*")):
        table = pq.read_table(file, columns=["box", "last"], partitioning=None)
        found += list(zip(table["box"].to_pylist(), table["last"].to_pylist(), strict=True))
    alarms = server.ask("SELECT kind, words FROM alarm")
    broker.stop()
    lost, doubled, kinds = made - len(set(found)), len(found) - len(set(found)), sorted({str(kind) for kind, _ in alarms})
    say(figure="kills", kills=times, made=made, found=len(found), lost=lost, doubled=doubled, alarms=kinds, again=sender.again)


def questions(folder: Path, boxes: int, days: int) -> None:
    """A month of hours in the lake: what it takes on disk, and how long the ready questions take in a fresh process."""
    draw = random.Random(3)
    crowd = [
        SoftBox(Make(heat_c=draw.uniform(40, 70), joule_per_inference=draw.uniform(0.2, 0.5)), now_ms=START_MS)
        for _ in range(200)
    ]
    (folder / "lake").mkdir()
    store.connect(folder / "lake").close()
    names = [f"{number:012x}" for number in range(boxes)]
    for day in range(days):
        part = table_of([Row(START_MS, "ok", rows.hour(json.dumps(one.summary()))) for one in crowd for _ in range(24)])
        whole = []
        for at in range(0, boxes, len(crowd)):
            copy = names[at : at + len(crowd)]
            column = pa.array([name for name in copy for _ in range(24)])
            jitter = pa.array([draw.uniform(-9, 9) for _ in range(part.num_rows)])
            whole.append(
                part.set_column(0, "box", column).set_column(part.schema.get_field_index("heat_mean_c"), "heat_mean_c", jitter)
            )
        place = folder / "lake" / "summary" / time.strftime("dt=%Y-%m-%d", time.gmtime(START_MS / 1000 + day * 86_400))
        place.mkdir(parents=True)
        pq.write_table(pa.concat_tables(whole), place / f"part-{day:012d}-{day:012d}.parquet", compression="zstd")
    size = sum(one.stat().st_size for one in (folder / "lake").rglob("*.parquet"))
    say(
        figure="lake",
        boxes=boxes,
        days=days,
        rows=boxes * days * 24,
        mib=round(size / 2**20, 1),
        kib_per_box_month=round(size / boxes / days * 30 / 1024, 1),
    )
    began_s, used_s = time.monotonic(), time.process_time()
    made = make_missing(folder / "lake", "2099-01-01")
    digest_mib = sum(one.stat().st_size for one in (folder / "lake").glob("*days/**/*.parquet")) / 2**20
    say(figure="digests", files=made, mib=round(digest_mib, 1), wall_s=round(time.monotonic() - began_s, 1),
        cpu_s=round(time.process_time() - used_s, 1))  # fmt: skip
    for name in READY:
        code = (
            "import resource, sys, time; from pathlib import Path; from adaptd.fleet.ask import ask; t = time.monotonic();"
            f"ask(Path({str(folder / 'lake')!r}), {name!r}); u = resource.getrusage(resource.RUSAGE_SELF);"
            "high = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0];"
            "print(time.monotonic() - t, u.ru_utime + u.ru_stime, high)"
        )
        began_s = time.monotonic()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        with_start_s = time.monotonic() - began_s
        say(figure="question", name=name, wall_s=round(float(done[0]), 2), with_start_s=round(with_start_s, 2),
            cpu_s=round(float(done[1]), 2), peak_mb=int(done[2]) // 1024, load=os.getloadavg()[0])  # fmt: skip


def main() -> int:
    """Run the figures that are named, each in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["alarms", "questions", "kills", "ingest"])
    parser.add_argument("--boxes", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--messages", type=int, default=60_000)
    words = parser.parse_args()
    for name in words.names:
        with tempfile.TemporaryDirectory(prefix="fleet-figures-") as place:
            folder = Path(place)
            if name == "ingest":
                ingest(folder, 1_000, words.messages // 1_000)
            elif name == "kills":
                kills(folder, words.kills)
            elif name == "questions":
                questions(folder, words.boxes, words.days)
            else:
                say(figure="alarms", **alarms(folder, 200, words.boxes))
    say(figure="memory", own_peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    return 0


if __name__ == "__main__":
    sys.exit(main())
