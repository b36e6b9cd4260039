"""What this very machine offers beside its sensors: engines, camera library, permissions, service manager."""

import grp
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from adaptd.doctor import Finding, Level
from adaptd.sense.board import JETSONS, Board
from adaptd.sense.catalog import nvidia_present
from adaptd.sense.sysfs import Sysfs

_CHILD_TIMEOUT_S = 30
_NODES = (
    ("dev/video*", "video"),
    ("dev/nvidia0", "video"),
    ("dev/nvhost-gpu", "video"),
    ("dev/i2c-*", "i2c"),
    ("run/jtop.sock", "jtop"),
)
_PACKAGES = {
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "tensorrt": ("tensorrt", "tensorrt-cu12", "tensorrt-cu13"),
    "pycuda": ("pycuda",),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv"),
    "nvml": ("nvidia-ml-py",),
}
_INSTALL = {
    "onnxruntime": "pip install onnxruntime",
    "tensorrt": "on a Jetson: sudo apt-get install python3-libnvinfer; elsewhere: pip install 'adaptd[cuda]'",
    "pycuda": "pip install 'adaptd[cuda]' (needs the CUDA toolkit)",
    "cv2": "pip install 'adaptd[camera]', or JetPack's own OpenCV for GStreamer cameras",
    "nvml": "pip install nvidia-ml-py",
}


def host_findings(sysfs: Sysfs, board: Board) -> list[Finding]:
    """Engines, libraries, permissions and service of the machine this command runs on."""
    wanted = ["onnxruntime", "cv2"]
    if nvidia_present(sysfs) or board.profile in JETSONS:
        wanted += ["tensorrt", "pycuda", "nvml"]
    with ThreadPoolExecutor(max_workers=2) as pool:
        engines = list(pool.map(_library, wanted))
    if engines[0].level is Level.OK:
        engines.append(_qualification())
    return [_python(), *engines, *_permissions(), *_service()]


def _python() -> Finding:
    said = f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"
    return Finding("machine", "python", Level.OK, said)


def _library(name: str) -> Finding:
    """One library, imported in a process of its own: it may crash or hang there."""
    area = "camera" if name == "cv2" else "engines"
    vital = Level.BAD if name == "onnxruntime" else Level.MISSING
    try:
        done = _child(name)
    except subprocess.TimeoutExpired:
        return Finding(area, name, vital, f"hangs when imported (longer than {_CHILD_TIMEOUT_S} s)", "see its own documentation")
    if done.returncode == 0:
        return Finding(area, name, Level.OK, _said(name, json.loads(done.stdout)))
    installed = _installed(name)
    if installed is None:
        return Finding(area, name, vital, "not installed", _INSTALL[name])
    last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    return Finding(area, name, vital, f"{installed} does not load: {last[:160]}", _INSTALL[name])


def _child(name: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # noqa: S603 - this interpreter and this package
        [sys.executable, "-m", "adaptd.cli.doctor_child", name],
        capture_output=True,
        timeout=_CHILD_TIMEOUT_S,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
        check=False,
    )


def _qualification() -> Finding:
    """The shipped bundle's proof holds only where its engines answer as they did when they were qualified."""
    item, again = "shipped bundle", "adaptd engine verify engines/pet-bowl"
    try:
        done = _child("bundle")
    except subprocess.TimeoutExpired:
        return Finding("engines", item, Level.MISSING, f"does not answer within {_CHILD_TIMEOUT_S} s", again)
    if done.returncode != 0:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        return Finding("engines", item, Level.MISSING, f"does not load: {last[:160]}", again)
    other = json.loads(done.stdout)["other"]
    if not other:
        return Finding("engines", item, Level.OK, "computes what it computed when it was qualified: its proof holds here")
    said = f"{', '.join(other)} gives other output here than at qualification: INT8 stays off until shadow frames prove it"
    return Finding("engines", item, Level.NOTE, said, "to prove it beforehand: adaptd engine qualify BUNDLE --data DIR")


def _installed(name: str) -> str | None:
    for package in _PACKAGES[name]:
        try:
            return f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _said(name: str, answer: dict[str, Any]) -> str:
    version = answer["version"]
    if name == "onnxruntime":
        return f"{version}: {', '.join(provider.removesuffix('ExecutionProvider') for provider in answer['providers'])}"
    if name == "cv2":
        return f"OpenCV {version}, GStreamer {'yes' if answer['gstreamer'] else 'no'}"
    if name == "nvml":
        return f"driver {version}: {', '.join(answer['gpus'])}"
    if name == "pycuda":
        return f"{version}, driver API {answer['driver']}: {', '.join(answer['gpus'])}"
    return str(version)


def _permissions() -> list[Finding]:
    """Device nodes that are there and cannot be opened, with the group that may."""
    nodes = [(node, group) for pattern, group in _NODES for node in sorted(Path("/").glob(pattern))]
    closed = [(node, group) for node, group in nodes if not os.access(node, os.R_OK | os.W_OK)]
    found = [Finding("permissions", str(node), Level.MISSING, "no access", _join(node, group)) for node, group in closed]
    return found or [Finding("permissions", "device nodes", Level.OK, "every node that is there can be opened")]


def _join(node: Path, usual: str) -> str:
    try:
        group = grp.getgrgid(node.stat().st_gid).gr_name
    except (KeyError, OSError):
        group = usual
    return f"sudo usermod -aG {usual if group == 'root' else group} $USER, then log in again"


def _service() -> list[Finding]:
    if not Path("/run/systemd/system").is_dir():
        return [Finding("service", "systemd", Level.NOTE, "not running here: adaptd run works in the foreground")]
    unit = Path("/etc/systemd/system/adaptd.service")
    if unit.is_file():
        return [Finding("service", "adaptd.service", Level.OK, "installed")]
    return [Finding("service", "adaptd.service", Level.NOTE, "not installed", "sudo adaptd service install")]
