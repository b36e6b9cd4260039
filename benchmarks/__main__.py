"""`make bench`: every benchmark after the other, each as ratios in one run; `--json FILE` keeps the figures for machines."""

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path

SUITES = {
    "overhead": "worker time per frame over a bare loop; thread spinning on and off",
    "swap": "swaps under load, cold load against warm swap",
    "daemon": "the control process: share of a core, memory, time to the first result",
    "step": "one decision with its record, and ticks a second of the software device",
    "audit": "append, verify, replay",
    "control": "every controller on every scenario, against the oracle",
    "frame_path": "worker time per frame over a bare loop of CUDA graphs, on a pretended GPU",
    "gpu": "TensorRT, CUDA graphs, energy (needs an NVIDIA GPU)",
}


def machine() -> str:
    """The machine in a line, for the table's caption."""
    name = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    import os

    flags = "with" if "avx512_vnni" in Path("/proc/cpuinfo").read_text() else "without"
    kernel, python = f"{platform.system()} {platform.release()}", f"Python {platform.python_version()}"
    return f"{name}, {os.cpu_count()} cores, {flags} AVX512-VNNI, {kernel}, {python}"


def main(argv: list[str] | None = None) -> int:
    """Run the named suites, or all that this machine can run."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=")
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="default: all but gpu")
    parser.add_argument("--json", type=Path, help="write the figures of all suites into this file")
    arguments = parser.parse_args(argv)
    chosen = arguments.suites or [name for name in SUITES if name != "gpu"]
    print(f"machine: {machine()}")
    figures: dict[str, object] = {"machine": machine()}
    failed = 0
    for name in chosen:
        print(f"\n{name}: {SUITES[name]}")
        if name == "control":
            from adaptd.cli.main import main as adaptd

            failed |= adaptd(["bench", "control"])
            continue
        module = importlib.import_module(f"benchmarks.{name}")
        failed |= module.main([])
        figures[name] = getattr(module, "FIGURES", None)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
