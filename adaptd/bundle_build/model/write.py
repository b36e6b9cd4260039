"""Puts a bundle's files and manifest in place: whole files only, the manifest last, nothing that is not the bundle's touched."""

import os
from pathlib import Path
from typing import Any

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.onnx_io import digest
from adaptd.config.errors import ConfigError
from adaptd.config.manifest import FILE, load_manifest, seal
from adaptd.config.sealing import canonical


def file_facts(files: dict[str, bytes]) -> dict[str, dict[str, object]]:
    """``files`` of a manifest: sha256 and length of each."""
    return {name: {"sha256": digest(data), "bytes": len(data)} for name, data in sorted(files.items())}


def note_bytes(plain: object) -> bytes:
    """A note that travels with a bundle (how it was built, what was measured): canonical JSON and a line feed."""
    return canonical(plain) + b"\n"


def write_bundle(folder: Path, files: dict[str, bytes], manifest: dict[str, Any], private_key_pem: bytes | None = None) -> bytes:
    """Write ``files``, then the sealed manifest; what the old manifest listed and the new one does not is removed.

    Returns:
        The manifest's bytes.

    Raises:
        BuildError: the manifest would be refused, or the folder cannot be written; the old manifest then still stands.
    """
    try:
        sealed = seal(manifest, private_key_pem)
    except ConfigError as error:
        raise BuildError(f"the manifest would be refused: {error}") from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = _listed(folder)
        for name, data in sorted(files.items()):
            _replace(folder / name, data)
        _replace(folder / FILE, sealed)
        for name in sorted(old - set(manifest["files"])):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise BuildError(f"{folder}: cannot be written ({error.strerror}); name another folder with -o") from None
    return sealed


def _listed(folder: Path) -> set[str]:
    """The files that the manifest there lists, none where it cannot be read: then nothing is known to be the bundle's."""
    try:
        return set(load_manifest(folder).files)
    except ConfigError:
        return set()


def _replace(path: Path, data: bytes) -> None:
    """Write beside, flush, rename: a reader sees the old file or the new one."""
    if path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1 and path.read_bytes() == data:
        return
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
