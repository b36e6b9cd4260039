"""Canonical JSON, the digest of a manifest, and its Ed25519 signature: over ``SIGNED`` and the digest in hexadecimal."""

import base64
import binascii
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptd.config.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNED = b"adaptd bundle manifest v1\n"
KEYGEN = "openssl genpkey -algorithm ed25519"


def canonical(plain: object) -> bytes:
    """Canonical JSON: keys sorted, no blanks, UTF-8 unescaped."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(plain: dict[str, Any]) -> str:
    """sha256 of the canonical JSON without ``digest`` and ``signature``."""
    return hashlib.sha256(canonical({key: plain[key] for key in plain if key not in ("digest", "signature")})).hexdigest()


def sign(digest: str, private_key_pem: bytes) -> str:
    """The signature of ``digest`` in base64. Raises ConfigError when the key is not an Ed25519 private key in PEM form."""
    return base64.b64encode(private_key(private_key_pem).sign(SIGNED + digest.encode())).decode()


def private_key(pem: bytes) -> "Ed25519PrivateKey":
    """The owner's key. Raises ConfigError when it is no Ed25519 private key in PEM form."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"signing key: is no private key in PEM form ({error}), make one with: {KEYGEN}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"signing key: is no Ed25519 key, make one with: {KEYGEN}")
    return key


def check_signature(signature: str | None, digest: str, where: str, public_key: Path | None, *, required: bool) -> None:
    """Check ``signature`` wherever there is a key to check it with.

    Raises:
        ConfigError: the signature is not of this key; or one is ``required`` and there is none, or no key to check it.
    """
    if signature is None or public_key is None:
        if required:
            missing = "is not signed" if signature is None else "cannot be checked without the owner's public key"
            raise ConfigError(f"{where}: signature: {missing}, and the policy demands one")
        return
    from cryptography.exceptions import InvalidSignature

    try:
        public_key_of(public_key).verify(base64.b64decode(signature, validate=True), SIGNED + digest.encode())
    except (InvalidSignature, binascii.Error):
        raise ConfigError(f"{where}: signature: is not of this key, fetch the bundle again or name the right key") from None


def public_key_of(path: Path) -> "Ed25519PublicKey":
    """The owner's public key in a file. Raises ConfigError when it is no Ed25519 key in PEM form."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: is no public key in PEM form ({error}), make one with: {KEYGEN}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{path}: is no Ed25519 key, make one with: {KEYGEN}")
    return key
