"""What the control process costs: share of a core and memory at 10 Hz sensing, and the time of `adaptd run` to its first result.

The figures are the operating system's own: CPU time from /proc/PID/stat over wall time, resident memory from /proc/PID/status.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from adaptd.client import ApiError, get_json

FIGURES: dict[str, object] = {}
WINDOW_S = 20.0


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def measure(window_s: float) -> dict[str, float]:
    """Start the shipped main job, time its first result, then watch the control process for ``window_s``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run" / "adaptd.sock"
        began = time.monotonic()
        places = ["--audit", f"{folder}/log", "--socket", str(path)]
        words = [sys.executable, "-m", "adaptd", "run", *places, "--tick", "100ms", "--duration", "300s", "--quiet"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            try:
                first_s = _first_result_s(path, began)
                time.sleep(2)
                used, at = cpu_s(process.pid), time.monotonic()
                time.sleep(window_s)
                share = (cpu_s(process.pid) - used) / (time.monotonic() - at)
                memory = resident_mb(process.pid)
                frames = get_json(path, "/v1/status")["frames"]["delivered"]
            finally:
                process.send_signal(signal.SIGTERM)
                stopping = time.monotonic()
                process.wait(10)
    return {
        "control_share_of_a_core": round(share, 4),
        "control_resident_mb": round(memory, 1),
        "run_to_first_result_s": round(first_s, 2),
        "stop_s": round(time.monotonic() - stopping, 2),
        "frames_delivered": frames,
    }


def _first_result_s(path: Path, began: float) -> float:
    while time.monotonic() - began < 60:
        try:
            if get_json(path, "/v1/status").get("frames", {}).get("delivered", 0) > 0:
                return time.monotonic() - began
        except ApiError:
            pass
        time.sleep(0.05)
    raise SystemExit("adaptd run: no result within 60 s, run it by hand to see why")


def main(argv: list[str] | None = None) -> int:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--window-s", type=float, default=WINDOW_S)
    arguments = parser.parse_args(argv)
    found = measure(arguments.window_s)
    FIGURES.update(found)
    if arguments.json:
        print(json.dumps(found, indent=2, sort_keys=True))
        return 0
    limits = {"control_share_of_a_core": 0.02, "control_resident_mb": 80, "run_to_first_result_s": 3, "stop_s": 2}
    for name, value in found.items():
        limit = f"  (limit {limits[name]:g})" if name in limits else ""
        print(f"  {name:<28} {value:>9g}{limit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
