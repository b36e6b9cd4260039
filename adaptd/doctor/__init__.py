"""What this machine offers, line by line: what was looked at, what was found, and what to do about it."""

from dataclasses import asdict, dataclass
from enum import Enum


class Level(str, Enum):
    """``ok`` is there and works; ``note`` is worth knowing; ``missing`` narrows what adaptd can do; ``bad`` must be mended."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """``remedy`` is a command or a key to change, empty where nothing needs to be done."""

    area: str
    item: str
    level: Level
    found: str
    remedy: str = ""

    def plain(self) -> dict[str, str]:
        """The finding as JSON values."""
        return {**asdict(self), "level": self.level.value}
