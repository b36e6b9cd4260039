"""The smallest daemon there is: starts a worker, has it serve INT8, renews the lease, and waits to be killed or stopped.

``python -m tests.worker.tiny_daemon FOLDER LEASE_US`` prints the worker's process id once INT8 serves.
"""

import sys
import time

from adaptd.protocol.messages import Begin
from adaptd.supervise.process import WorkerClient
from adaptd.vocabulary import OperatingPoint, Setpoint

POINT = OperatingPoint("int8", 30_000)


def main(folder: str, lease_us: int) -> None:
    """Serve until the end of time, or of this process."""
    begin = Begin(f"{folder}/bundle", "stub", ("fp16", "int8"), "pattern:64x64@30", 30_000, 66_000, results=f"{folder}/r.sock")
    client = WorkerClient(begin)
    client.start()
    seq = 0
    told = False
    while True:
        client.poll()
        if client.hello is not None and seq % 10 == 0:
            client.set(Setpoint(seq, POINT.variant, POINT.fps_mfps, lease_us, 0, "", "dim"))
        seq += client.hello is not None
        if not told and client.report is not None and client.report.variant == "int8":
            print(client.pid, flush=True)
            told = True
        time.sleep(0.01)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
