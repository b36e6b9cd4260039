"""The form of a pack, so plain that every byte of it is covered:

    adaptd-pack 1\\n
    <manifest: canonical JSON of one line>\\n
    <Ed25519 signature over "adaptd efficiency pack v1\\n" and the manifest's bytes, base64>\\n
    <the files' bytes, one after another, in the manifest's order, and nothing else>

The manifest names each file with length and SHA-256 and holds the public key; who trusts the pack brings that key from elsewhere.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptd.base.folder import read_plain
from adaptd.config.errors import ConfigError
from adaptd.config.regular_file import NAME
from adaptd.config.sealing import canonical, private_key, public_key_of

MAGIC = b"adaptd-pack 1\n"
SIGNED = b"adaptd efficiency pack v1\n"
SCHEMA = 1
MOST = 1 << 30
MOST_MANIFEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that was checked: its manifest, and its files by path (``policy.yaml``, ``profile.yaml``, ``bundle/NAME``)."""

    manifest: dict[str, Any]
    files: dict[str, bytes]
    own_key: bool


def seal(manifest: dict[str, Any], files: dict[str, bytes], private_pem: bytes) -> bytes:
    """The bytes of a pack. ``files`` and the public key go into the manifest here.

    Raises:
        ConfigError: the key is no Ed25519 private key in PEM form.
    """
    key = private_key(private_pem)
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    entries = [
        {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in sorted(files.items())
    ]
    body = {**manifest, "schema": SCHEMA, "files": entries, "public_key": public}
    line = canonical(body)
    signature = base64.b64encode(key.sign(SIGNED + line))
    return MAGIC + line + b"\n" + signature + b"\n" + b"".join(files[path] for path in sorted(files))


def read_pack(path: Path, public_pem: Path | None = None) -> Pack:
    """Read and check a pack: form, signature, and every byte of every file.

    Raises:
        ConfigError: one line: what does not hold.
    """
    return parse_pack(read_bytes(path), str(path), public_pem)


def read_bytes(path: Path) -> bytes:
    """The bytes of a pack or of a file in one. Raises ConfigError."""
    try:
        return read_plain(path, MOST)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}), name a pack") from None


def parse_pack(data: bytes, where: str, public_pem: Path | None = None) -> Pack:
    """As ``read_pack``, from bytes."""
    if not data.startswith(b"adaptd-pack "):
        raise ConfigError(f"{where}: is no efficiency pack, make one with `adaptd pack make`")
    if not data.startswith(MAGIC):
        raise ConfigError(f"{where}: is of a newer form than this adaptd reads (1), update adaptd")
    head = data[len(MAGIC) :].split(b"\n", 2)
    if len(head) != 3 or len(head[0]) > MOST_MANIFEST:
        raise ConfigError(f"{where}: is cut off in its head, fetch it again")
    line, signature, rest = head
    manifest = _manifest(line, where)
    own_key = _check_signature(manifest, line, signature, where, public_pem)
    if manifest["schema"] > SCHEMA:
        raise ConfigError(f"{where}: has schema {manifest['schema']}, this adaptd reads {SCHEMA}: update it")
    return Pack(manifest, _files(manifest, rest, where), own_key)


def _manifest(line: bytes, where: str) -> dict[str, Any]:
    try:
        plain = json.loads(line)
    except (ValueError, RecursionError):
        raise ConfigError(f"{where}: its manifest is not readable, fetch it again") from None
    if not isinstance(plain, dict) or canonical(plain) != line or type(plain.get("schema")) is not int:
        raise ConfigError(f"{where}: its manifest is not canonical JSON with a schema, fetch it again")
    return plain


def _check_signature(manifest: dict[str, Any], line: bytes, signature: bytes, where: str, public_pem: Path | None) -> bool:
    """True where only the key inside vouches for the pack."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        raw = base64.b64decode(str(manifest.get("public_key")), validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(signature, validate=True), SIGNED + line)
        if base64.b64encode(base64.b64decode(signature)) != signature:
            raise InvalidSignature
    except (InvalidSignature, binascii.Error, ValueError):
        raise ConfigError(f"{where}: its signature does not hold: it was changed after it was made, fetch it again") from None
    if public_pem is None:
        return True
    if public_key_of(public_pem).public_bytes_raw() != raw:
        raise ConfigError(f"{where}: is signed by another key than {public_pem}, name the right one or do not install it")
    return False


def _files(manifest: dict[str, Any], rest: bytes, where: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    at = 0
    try:
        for entry in manifest["files"]:
            path, length = str(entry["path"]), int(entry["bytes"])
            data = rest[at : at + length]
            at += length
            safe = NAME.fullmatch(path.removeprefix("bundle/")) is not None
            if not safe or path in found or length < 0:
                raise ConfigError(f"{where}: names the file {path!r}, which no pack holds")
            if len(data) != length or hashlib.sha256(data).hexdigest() != entry["sha256"]:
                raise ConfigError(f"{where}: {path}: is not what the manifest says, fetch the pack again")
            found[path] = data
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"{where}: its list of files is unreadable, fetch it again") from None
    if at != len(rest):
        raise ConfigError(f"{where}: holds {len(rest) - at} bytes more than its manifest names, fetch it again")
    for needed in ("policy.yaml", "profile.yaml", "bundle/manifest.json"):
        if needed not in found:
            raise ConfigError(f"{where}: lacks {needed}, make it again")
    return found
