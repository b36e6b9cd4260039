"""A crowd for a gateway: pages that hold a stream, and requests at a steady rate, from a process of its own.

    python -m tests.gateway.crowd PORT STREAMS REQUESTS_PER_S SECONDS

Prints one JSON object: what came back, by status, and how many events the streams got.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter

LINES = 8  # connections that carry the requests
PATHS = ("/api/status", "/metrics", "/", "/api/history", "/static/app.js", "/nonsense")


async def stream(port: int, seen: Counter[str]) -> None:
    """One page that looks on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while line := await reader.readline():
        seen["events"] += line.startswith(b"event: state")


async def line(port: int, per_s: float, ends_s: float, seen: Counter[str]) -> None:
    """One connection that asks at a steady rate; opened anew when it is closed."""
    number, due_s = 0, time.monotonic()
    while time.monotonic() < ends_s:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while time.monotonic() < ends_s:
                due_s += 1 / per_s
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                writer.write(f"GET {PATHS[number % len(PATHS)]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                number += 1
                seen[await answer(reader)] += 1
        except (OSError, asyncio.IncompleteReadError):
            seen["closed"] += 1
        finally:
            writer.close()


async def answer(reader: asyncio.StreamReader) -> str:
    """The status of one answer, read to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(row.split(b":")[1]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:"))
    await reader.readexactly(length)
    return head.split()[1].decode()


async def crowd(port: int, streams: int, per_s: float, seconds: float) -> dict[str, int]:
    """Everybody at once."""
    seen: Counter[str] = Counter()
    ends_s = time.monotonic() + seconds
    pages = [asyncio.ensure_future(stream(port, seen)) for _ in range(streams)]
    if per_s:
        await asyncio.gather(*(line(port, per_s / LINES, ends_s, seen) for _ in range(LINES)))
    else:
        await asyncio.sleep(seconds)
    for page in pages:
        page.cancel()
    return dict(seen)


if __name__ == "__main__":
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # it stands for other machines
    print(json.dumps(asyncio.run(crowd(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))))
