"""The fitted twin of this box, if its owner had one made: read beside the log and sent to the fleet once, whenever it is another.

What leaves is what `adaptd twin fit` wrote: estimates with their errors, counts of frames that were compared and differed, the
pattern of a day (room, load and light), the policy and the profile. No picture, and no day by itself.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from adaptd.gateway.mqtt.watch import MustArrive
from adaptd.gateway.outbox import TWIN
from adaptd.gateway.spool import read_object, read_plain

FILE = "twin.json"
TEXTS = ("typical", "policy", "profile")
MOST_BYTES = 49_152  # all of it together, so that a message of 64 kB holds it


class TwinReader:
    """Looks at ``DIR.twin`` beside the log ``DIR``; reads it when ``twin.json`` has changed."""

    def __init__(self, box: str, say: Callable[[str], None]) -> None:
        self._box, self._say = box, say
        self._seen: tuple[Path, int, int] | None = None

    def new(self, log: Path) -> list[MustArrive]:
        """The message of a twin that was not seen before; a damaged or an overlong one is said once and passed over."""
        folder = log.with_name(f"{log.name}.twin")
        try:
            status = (folder / FILE).lstat()
        except OSError:
            return []
        seen = (folder, status.st_mtime_ns, status.st_ino)
        if seen == self._seen:
            return []
        self._seen = seen
        try:
            plain = read_object(folder / FILE, MOST_BYTES)
            texts = {name: read_plain(folder / f"{name}.yaml", MOST_BYTES).decode() for name in TEXTS}
        except (OSError, ValueError, TypeError, RecursionError) as error:
            self._say(f"fleet: {folder}: is not sent, it cannot be read ({error}), make it again with `adaptd twin fit`")
            return []
        body = {"box": self._box, "twin": plain, **texts}
        digest = sha256(repr(sorted(body.items())).encode()).hexdigest()[:16]
        length = status.st_size + sum(map(len, texts.values()))
        if length > MOST_BYTES:
            self._say(f"fleet: {folder}: is not sent, it has {length} bytes and a message takes {MOST_BYTES}")
            return []
        return [MustArrive(TWIN, f"twin:{self._box}:{digest}", body)]
