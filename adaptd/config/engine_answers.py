"""How two processors' answers to the same fixed pictures are compared: integers by their bytes, float sums within a tolerance.

INT8 files that are built here give the same bytes everywhere. The reference adds in float32, and its sums differ between
instruction sets in the last bits; that is the same model. What such bits could change is counted at qualification: a picture
whose decision lies within twice the tolerance counts as a difference.
"""

import base64
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from adaptd.config.errors import ConfigError
from adaptd.config.manifest import LIMIT, Manifest
from adaptd.config.regular_file import read_regular

TOLERANCE_PPM = 50
MOST_VALUES = 1 << 16


@dataclass(frozen=True, slots=True)
class Identity:
    """What qualification noted: each variant's fingerprint (sha256 of one answer), and the reference's answers in base64.

    ``answers`` is empty in bundles of before; their reference is then compared by its fingerprint.
    """

    prints: Mapping[str, str] = field(default_factory=dict)
    answers: str = ""
    tolerance_ppm: int = TOLERANCE_PPM


def identity(bundle: Path, manifest: Manifest, backend: str) -> Identity:
    """The note of ``backend``'s qualification. Empty where there is none, or not the one that the manifest names."""
    plain = _note(bundle, manifest, backend)
    prints, answers = plain.get("fingerprint", {}), plain.get("answers", {})
    if not isinstance(prints, dict) or not isinstance(answers, dict):
        return Identity()
    values, ppm = answers.get("reference", ""), answers.get("tolerance_ppm", TOLERANCE_PPM)
    told = isinstance(values, str) and isinstance(ppm, int) and 0 <= ppm <= TOLERANCE_PPM
    return Identity({str(name): str(value) for name, value in prints.items()}, values if told else "", TOLERANCE_PPM)


def packed(values: list[float]) -> str:
    """Answers as text: float32, little end first, base64."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode("ascii")


def close(noted: str, said: str, tolerance_ppm: int) -> bool:
    """Whether two packed lists of answers are the same within ``tolerance_ppm`` of each value, small ones counting as 1."""
    first, second = _unpacked(noted), _unpacked(said)
    if not first or len(first) != len(second):
        return False
    unit = min(1.0, max(abs(value) for value in first))
    return all(abs(a - b) * 1e6 <= tolerance_ppm * max(abs(a), unit) for a, b in zip(first, second, strict=True))


def _unpacked(text: str) -> tuple[float, ...]:
    if len(text) > 8 * MOST_VALUES:
        return ()
    try:
        data = base64.b64decode(text, validate=True)
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (ValueError, struct.error):
        return ()


def _note(bundle: Path, manifest: Manifest, backend: str) -> dict[str, Any]:
    name = f"{manifest.model}.qualification.{backend}.json"
    try:
        data = read_regular(bundle, name, limit=LIMIT, hard_links=True)
        if sha256(data).hexdigest() != manifest.files[name].sha256:
            return {}
        plain = json.loads(data)
    except (ConfigError, ValueError, KeyError, RecursionError):
        return {}
    return plain if isinstance(plain, dict) else {}
