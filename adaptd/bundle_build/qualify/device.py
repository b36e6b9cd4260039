"""On what the numbers were taken: a certificate belongs to device, bundle and band, and is never carried over silently."""

import os
import platform
from pathlib import Path

from adaptd.engine.base import Engine, fingerprint_of, probe_batch

ISA = ("amx_int8", "avx512_vnni", "avx_vnni", "avx2", "i8mm", "asimddp")  # best first: INT8 rounds alike within one of these


def device_words(backend: str, threads: int, root: Path) -> str:
    """Processor, instruction set, cores, board and runtime versions, in one line."""
    import onnxruntime

    cores = len(os.sched_getaffinity(0))
    words = [
        _board(root) or platform.machine(),
        _processor(root),
        instruction_set(root),
        f"{cores} cores",
        f"{threads or cores} threads",
    ]
    if backend == "ort":
        words.append(f"onnxruntime {onnxruntime.__version__}")
    else:
        words.append(backend)
    return ", ".join(word for word in words if word)


def instruction_set(root: Path) -> str:
    """The widest integer instruction set that the processor names; INT8 results differ between them."""
    flags = set(_cpuinfo(root, ("flags", "Features")).split())
    return next((name for name in ISA if name in flags), "")


def fingerprint(engine: Engine) -> str:
    """What the engine answers to the fixed probe, as the worker tells it of its own engines."""
    return fingerprint_of(engine.infer(probe_batch(engine.input_shape)))


def _board(root: Path) -> str:
    try:
        return (root / "proc/device-tree/model").read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""


def _processor(root: Path) -> str:
    return " ".join(_cpuinfo(root, ("model name",)).split())


def _cpuinfo(root: Path, keys: tuple[str, ...]) -> str:
    try:
        lines = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in keys:
            return value.strip()
    return ""
