"""What every decision is bound to: policy, profile, bundle, plan bytes, decision code and boot, as hashes."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from adaptd.base.canonical_json import encode
from adaptd.base.decision_core import CORE
from adaptd.log.format.codec import to_plain


@dataclass(frozen=True, slots=True)
class PlanFile:
    """One engine file that can be loaded, with the SHA-256 of its bytes in hex."""

    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Binding:
    """Hashes (hex) of all that a decision depends on besides its inputs; ``boot_id`` is the kernel's."""

    boot_id: str
    bundle: str
    code: str
    plans: tuple[PlanFile, ...]
    policy: str
    profile: str

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the canonical form; the first decision after a ``config`` record carries it."""
        return sha256(encode(to_plain(self))).hexdigest()


def code_hash(package: Path | None = None) -> str:
    """SHA-256 (hex) over names and hashes of the decision core's files; by default of the running package."""
    root = package or Path(__file__).resolve().parents[2]
    total = sha256()
    for name in sorted(CORE):
        total.update(f"{sha256((root / f'{name}.py').read_bytes()).hexdigest()}  {name}.py\n".encode())
    return total.hexdigest()
