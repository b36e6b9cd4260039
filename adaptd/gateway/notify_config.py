"""What notify.conf says: one apprise URL a line, and two settings. The file holds secrets and is read as one."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from adaptd.gateway.secret_file import SettingsError, secret_lines

MOST_AN_HOUR = 10
MAX_URLS = 20
_YES = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Config:
    """``urls`` with their line numbers; ``most_an_hour`` bounds each address for all but clinical alerts."""

    path: Path
    urls: tuple[tuple[int, str], ...]
    pictures: bool = False
    most_an_hour: int = MOST_AN_HOUR

    @staticmethod
    def name_of(url: str) -> str:
        """A name for an address that gives nothing of it away and stays while the URL does."""
        return hashlib.sha256(url.encode()).hexdigest()[:16]


def config_of(path: Path) -> Config:
    """Read the file: ``#`` begins a comment line; ``pictures: yes|no`` and ``most_an_hour: N`` may stand anywhere.

    Raises:
        SettingsError: it cannot be read, others can read it, or a line is neither setting nor URL.
    """
    urls: list[tuple[int, str]] = []
    pictures, most = False, MOST_AN_HOUR
    for number, line in enumerate(secret_lines(path), 1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        key, _, value = words.partition(":")
        value = value.strip()
        if key == "pictures":
            if value not in _YES:
                raise SettingsError(f"{path}:{number}: pictures: yes or no is needed")
            pictures = _YES[value]
        elif key == "most_an_hour":
            if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 1000):
                raise SettingsError(f"{path}:{number}: most_an_hour: a number from 1 to 1000 is needed")
            most = int(value)
        elif "://" in words:
            urls.append((number, words))
        else:
            raise SettingsError(f"{path}:{number}: neither an apprise URL (SERVICE://...) nor a setting (pictures, most_an_hour)")
    if not 0 < len(urls) <= MAX_URLS:
        raise SettingsError(f"{path}: {len(urls)} addresses, 1 to {MAX_URLS} are needed, one apprise URL a line")
    if len({url for _, url in urls}) < len(urls):
        raise SettingsError(f"{path}: an address stands there twice")
    return Config(path, tuple(urls), pictures, most)
