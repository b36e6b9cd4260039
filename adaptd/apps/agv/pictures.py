"""Pictures of rejected parts: taken from the daemon's preview and kept beside the store; they stay on the box unless asked."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from adaptd import client

FOLDER = "pictures"


class Album:
    """Takes the picture while the part is in view; ``preview`` gives a JPEG or raises ApiError."""

    def __init__(self, folder: Path, preview: Callable[[], bytes]) -> None:
        self._folder, self._preview = folder / FOLDER, preview
        self._taken: dict[str, str] = {}
        self.trouble = ""

    def take(self, part: str, at_us: int) -> None:
        """The part in view shows a defect: keep what the camera sees. A picture that cannot be had is said, and stops nothing."""
        name = f"{at_us}-{hashlib.sha256(part.encode()).hexdigest()[:12]}.jpg"
        try:
            data = self._preview()
            if not data:
                return
            client.write_whole(self._folder / name, data, folder_mode=0o750)
        except client.ApiError as error:
            self.trouble = f"no picture of rejected parts: {error}"
        except OSError as error:
            self.trouble = f"{self._folder}: no picture can be kept ({error.strerror}), make room on the disk"
        else:
            self.trouble = ""
            self._taken[part] = name

    def of(self, part: str) -> str | None:
        """The name of the picture that was taken of ``part``; None where there is none."""
        return self._taken.pop(part, None)

    def read(self, name: str) -> bytes | None:
        """The bytes of a picture; None where it is gone or too large to be sent."""
        try:
            data = (self._folder / os.path.basename(name)).read_bytes()
        except OSError:
            return None
        return data if len(data) <= client.MAX_ALERT_PICTURE_BYTES else None

    def forget(self, names: list[str]) -> None:
        """Remove pictures of parts that were forgotten."""
        for name in names:
            (self._folder / os.path.basename(name)).unlink(missing_ok=True)
