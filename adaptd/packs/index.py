"""An index of the packs in a folder, with their figures: what a mirror shows without opening every file."""

import hashlib
import json
from pathlib import Path
from typing import Any

from adaptd.config.errors import ConfigError
from adaptd.packs.form import Pack, read_pack

FILE = "index.json"
SUFFIX = ".pack"


def rows(folder: Path, public_pem: Path | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each pack that holds, and a line for each that does not."""
    found, bad = [], []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            pack = read_pack(path, public_pem)
        except ConfigError as error:
            bad.append(str(error))
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append({"file": path.name, "bytes": path.stat().st_size, "sha256": digest, **figures(pack)})
    return found, bad


def figures(pack: Pack) -> dict[str, Any]:
    """What a person compares packs by."""
    said, evidence = pack.manifest.get("measured_on") or {}, pack.manifest.get("evidence") or {}
    service = evidence.get("service") or {}
    return {
        "name": pack.manifest.get("name"),
        **{name: said.get(name) for name in ("board", "mode", "runtime")},
        **{name: service.get(name) for name in ("inferences_per_kj", "fps_x1000", "simulated")},
        "statements": len(service.get("statements") or ()),
    }


def write(folder: Path, found: list[dict[str, Any]]) -> Path:
    """Write the index beside the packs. Raises OSError."""
    target = folder / FILE
    target.write_text(json.dumps({"schema": 1, "packs": found}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return target
