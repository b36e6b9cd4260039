"""INT8 answers on other processors, by emulation: one line of JSON for each model file.

``python -m tests.engine.every_cpu FILE...`` says what this processor answers. With ``--cpu Haswell Nehalem max`` it also asks
qemu-user (Debian: qemu-user-static) and ends with 1 where INT8 differs. ``--arm ROOT SITE`` asks an emulated Cortex-A57 in an
arm64 root (debootstrap) with aarch64 wheels unpacked in SITE; ONNX Runtime reads ROOT/proc/cpuinfo, which must name an ARM
processor (implementer 0x41, part 0xd07). FP32 may differ; by how much is told.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from adaptd.engine.base import EngineSpec, answers_of, probe_batch
from adaptd.engine.ort import OrtEngine, import_onnxruntime
from adaptd.engine.saturation import saturates, unsafe_layers

QEMU = "qemu-x86_64-static"
PICTURES = 2


def answer(path: Path) -> dict[str, Any]:
    """What the file answers here: a digest over several probes, and the first values."""
    data = path.read_bytes()
    session = import_onnxruntime().InferenceSession(data, providers=["CPUExecutionProvider"])
    entry, result = session.get_inputs()[0], session.get_outputs()[0]
    engine = OrtEngine(EngineSpec("m", "", tuple(entry.shape), tuple(result.shape)), data, threads=1)
    with engine:
        found = [engine.infer(probe_batch(engine.input_shape, turn)) for turn in range(PICTURES)]
        digest = hashlib.sha256(np.concatenate(found).tobytes()).hexdigest()
        values = answers_of(engine)[:8]
    return {"file": path.name, "digest": digest, "values": values, "saturates": saturates(), "unsafe": len(unsafe_layers(data))}


def emulated(cpu: str, files: list[Path]) -> list[dict[str, Any]]:
    """The same under qemu-user with the instruction set of another x86 processor."""
    return _asked([QEMU, "-cpu", cpu, sys.executable], files, os.environ | {"ORT_DISABLE_TELEMETRY": "1"})


def _asked(command: list[str], files: list[Path], env: dict[str, str]) -> list[dict[str, Any]]:
    words = [*command, "-m", "tests.engine.every_cpu", *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=True, env=env)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> int:
    """Print what each processor answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--cpu", nargs="+", default=[])
    parser.add_argument("--arm", nargs=2, metavar=("ROOT", "SITE"))
    arguments = parser.parse_args()
    here = [answer(path) for path in arguments.files]
    if not arguments.cpu and not arguments.arm:
        for line in here:
            print(json.dumps(line))
        return 0
    asked = {cpu: emulated(cpu, arguments.files) for cpu in arguments.cpu}
    if arguments.arm:
        root, site = arguments.arm
        command = [shutil.which("qemu-aarch64-static") or "", "-cpu", "cortex-a57", "-L", root, f"{root}/usr/bin/python3.11"]
        env = os.environ | {"PYTHONPATH": f"{Path.cwd()}:{site}", "ORT_DISABLE_TELEMETRY": "1"}
        asked["cortex-a57"] = _asked(command, arguments.files, env)
    bad = 0
    for cpu, lines in asked.items():
        for first, second in zip(here, lines, strict=True):
            same = first["digest"] == second["digest"]
            bad += not same and "int8" in first["file"]
            error = max(abs(a - b) for a, b in zip(first["values"], second["values"], strict=True))
            print(f"{cpu:<12} {first['file']:<28} {'same bytes' if same else f'differs by up to {error:.2g}'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
