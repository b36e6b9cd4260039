"""Where a pack holds: board, power mode and runtime, as they are here and as a pack says they were."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from adaptd.sense.board import identify
from adaptd.sense.sysfs import Sysfs

NVPMODEL = "var/lib/nvpmodel/status"  # where NVIDIA's nvpmodel keeps the mode in force: "pmode:0002"
NO_MODE = "none"  # a machine without power modes


@dataclass(frozen=True, slots=True)
class Place:
    """A machine as far as efficiency depends on it. ``runtimes`` are versions by name."""

    board: str
    mode: str
    runtimes: tuple[tuple[str, str], ...]

    def to_plain(self) -> dict[str, Any]:
        """For the manifest."""
        return {"board": self.board, "mode": self.mode, "runtime": dict(self.runtimes)}


def here(root: Path = Path("/")) -> Place:
    """This machine; ``root`` stands for its file system in tests."""
    return Place(identify(Sysfs(root)).profile, _mode(root), _runtimes())


def _mode(root: Path) -> str:
    try:
        text = (root / NVPMODEL).read_text(encoding="ascii", errors="replace")[:200]
    except OSError:
        return NO_MODE
    return text.partition("pmode:")[2].split()[0].lstrip("0") or "0" if "pmode:" in text else NO_MODE


def _runtimes() -> tuple[tuple[str, str], ...]:
    found = []
    for name in ("onnxruntime", "onnxruntime-gpu", "tensorrt"):
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def differences(said: dict[str, Any], now: Place) -> list[str]:
    """What of ``said`` is otherwise here, one line each; empty where the pack's evidence holds as it is."""
    found = []
    if said.get("board") != now.board:
        found.append(f"board: the pack was measured on {said.get('board')}, this is {now.board}")
    if said.get("mode") != now.mode:
        found.append(f"mode: the pack was measured in power mode {said.get('mode')}, this is {now.mode}")
    runtimes = dict(now.runtimes)
    for name, version in sorted((said.get("runtime") or {}).items()):
        if runtimes.get(name) != version:
            found.append(f"runtime: the pack was measured with {name} {version}, here is {runtimes.get(name, 'none')}")
    return found
