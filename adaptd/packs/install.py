"""Where a pack holds, and its installation: refused where board, power mode or runtime are others than those that it names.

Unless the same engines were qualified anew here.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from adaptd.config.errors import ConfigError
from adaptd.config.manifest import FILE, Manifest, load_manifest, parse_manifest
from adaptd.config.policy import parse_policy
from adaptd.config.profile import parse_profile
from adaptd.engine.bundle import Bundle
from adaptd.engine.errors import BundleError
from adaptd.packs.form import Pack
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


def install(pack: Pack, target: Path, place: Place, qualified: Path | None = None) -> list[str]:
    """Write policy, profile and bundle into the new folder ``target``; the notes to tell.

    ``qualified`` is a bundle of the same engine files that was qualified on this machine.

    Raises:
        ConfigError: something differs here, a file is refused, or the folder is there already.
    """
    policy = parse_policy(pack.files["policy.yaml"].decode("utf-8", "surrogateescape"), "policy.yaml")
    parse_profile(pack.files["profile.yaml"].decode("utf-8", "surrogateescape"), "profile.yaml")
    manifest = parse_manifest(pack.files[f"bundle/{FILE}"], f"bundle/{FILE}")
    other = differences(pack.manifest.get("measured_on") or {}, place)
    if other and qualified is None:
        remedy = "qualify its bundle here (adaptd engine qualify) and name that with --qualified"
        raise ConfigError(*[f"pack {policy.name}: {line}; {remedy}" for line in other])
    if qualified is not None:
        _same_engines(manifest, load_manifest(qualified), qualified)
    if target.exists():
        raise ConfigError(f"{target}: is there already, name a new folder")
    _write(pack, target, qualified)
    return [f"{line}: the bundle that was qualified here is installed" for line in other]


def check_bundle(folder: Path) -> None:
    """Raise ConfigError unless the bundle in ``folder`` is whole."""
    try:
        Bundle.open(folder)
    except BundleError as error:
        raise ConfigError(str(error)) from None


def _same_engines(packed: Manifest, here: Manifest, folder: Path) -> None:
    """Both bundles' engines must be the same bytes, and every variant of the pack qualified here, by another measurement."""
    for name, backends in packed.variants.items():
        for backend, entry in backends.items():
            mine = here.variants.get(name, {}).get(backend)
            if mine is None or (entry.plan is None and here.files.get(mine.file) != packed.files[entry.file]):
                raise ConfigError(
                    f"{folder}: {name} on {backend}: is not the pack's engine, build and qualify the pack's own files"
                )
            if entry.qualification is not None and (mine.qualification is None or mine.qualification == entry.qualification):
                raise ConfigError(f"{folder}: {name} on {backend}: was not qualified anew here, run: adaptd engine qualify")


def _write(pack: Pack, target: Path, qualified: Path | None) -> None:
    """All or nothing: a folder beside it is filled and checked, then put in place."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        passing = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written ({error.strerror}), name another folder") from None
    try:
        (passing / "bundle").mkdir()
        for name, data in pack.files.items():
            if not (qualified is not None and name.startswith("bundle/")):
                (passing / name).write_bytes(data)
        if qualified is not None:
            for name in [FILE, *load_manifest(qualified).files]:
                shutil.copyfile(qualified / name, passing / "bundle" / name)
        check_bundle(passing / "bundle")
        passing.chmod(0o755)
        os.rename(passing, target)
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written ({error.strerror}), name another folder") from None
    finally:
        shutil.rmtree(passing, ignore_errors=True)
