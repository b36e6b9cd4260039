"""Rows of a long figure, kept by name as they come, so that a run that was cut short goes on where it ended."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Kept:
    """Rows by name in a file of JSON lines, which several processes may append to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        self.rows: dict[str, Row] = {one["name"]: one["row"] for one in map(json.loads, text.splitlines())}

    def row(self, name: str, make: Callable[[], Row]) -> Row:
        """The row of this name, made and kept where the file has none; an empty one never is."""
        if name not in self.rows:
            self.rows[name] = make()
            line = json.dumps({"name": name, "row": self.rows[name]})
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            print(line, flush=True)
        return self.rows[name]
