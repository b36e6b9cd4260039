"""What an exporter noted in the file: Ultralytics' task, class names and picture size, read as data and bounded."""

import ast
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 64 * 1024
MOST_CLASSES = 10_000


@dataclass(frozen=True, slots=True)
class Noted:
    """``names`` in the order of the output; ``size`` is (height, width). None where nothing usable is noted."""

    task: str | None = None
    names: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


def noted_in(model: Any) -> Noted:
    """Read ``task``, ``names`` and ``imgsz``; a field that is too long or is no literal is left out and told."""
    fields = {item.key: item.value for item in model.metadata_props if item.key in ("task", "names", "imgsz")}
    long = [key for key, value in fields.items() if len(value) > MOST_BYTES]
    notes = [f"metadata field {key} is over {MOST_BYTES >> 10} KiB and was not read" for key in long]
    short = {key: value for key, value in fields.items() if key not in long}
    names, size = _names(_literal(short.get("names"))), _size(_literal(short.get("imgsz")))
    if names:
        notes.append(f"{len(names)} class names taken from the model's metadata")
    task = short.get("task")
    return Noted(task if task in ("detect", "pose", "segment", "obb", "classify") else None, names, size, tuple(notes))


def _literal(text: str | None) -> object:
    try:
        return None if text is None else ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _names(value: object) -> tuple[str, ...] | None:
    if isinstance(value, dict) and all(isinstance(key, int) for key in value):
        value = [value[key] for key in sorted(value)] if sorted(value) == list(range(len(value))) else None
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= MOST_CLASSES:
        return None
    words = tuple(" ".join(str(word).split()) for word in value)
    return words if all(words) and len(set(words)) == len(words) else None


def _size(value: object) -> tuple[int, int] | None:
    if isinstance(value, int):
        value = [value, value]
    if (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(isinstance(side, int) and 8 <= side <= 4096 for side in value)
    ):
        return int(value[0]), int(value[1])
    return None
