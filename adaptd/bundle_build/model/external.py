"""What a small file could make us read or need: weights beside the model, notes inside it, tensors of terabytes when it runs.

torch's exporter writes weights into one ``.data`` file in the same folder by default. The runtimes never see the reference: the
bytes are taken in here, bounded, through no link and no path, and the bundle's own file holds them whole. CVE-2022-25882,
CVE-2024-27318 and CVE-2026-27489 were paths that left the folder; here a name with a path in it is refused, and the file is
opened without following links. What a graph would need is counted before anything runs it.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.model.onnx_io import import_onnx

Reader = Callable[[Path], bytes]
MOST_TENSOR_BYTES = 512 << 20
SIZES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2}  # bytes of TensorProto.DataType
MOST_BYTES = 64 * 1024
MOST_CLASSES = 10_000


def take_external(model: Any, path: Path, read: Reader) -> list[str]:
    """Put the tensors that live in one sibling file into ``model``, in place; gives what to tell.

    Raises:
        BuildError: another folder, several files, a link, a place outside the file.
    """
    onnx = import_onnx()
    outside = [item for item in model.graph.initializer if item.data_location == onnx.TensorProto.EXTERNAL]
    if not outside:
        return []
    names = {_facts(item).get("location", "") for item in outside}
    if len(names) > 1:
        raise BuildError(f"{path.name}: keeps its weights in {len(names)} files, one beside it is read; export it with one")
    (name,) = names
    if not name or name != Path(name).name or name.startswith(".") or name == path.name:
        raise BuildError(f"{path.name}: keeps its weights in {name[:80]!r}; a file beside it, without a path, is read")
    data = read(path.with_name(name))
    for item in outside:
        _fill(item, data, name, path.name)
    return [f"weights taken from {name} beside it ({len(data) >> 10} KiB)"]


def _facts(item: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in item.external_data}


def _fill(item: Any, data: bytes, name: str, where: str) -> None:
    facts = _facts(item)
    try:
        start, length = int(facts.get("offset", "0")), int(facts.get("length", "-1"))
    except ValueError:
        start = length = -1
    length = len(data) - start if length < 0 and "length" not in facts else length
    if start < 0 or length < 0 or start + length > len(data):
        raise BuildError(f"{where}: tensor {item.name[:60]!r} lies outside {name} ({len(data)} bytes); export it again")
    item.raw_data = data[start : start + length]
    del item.external_data[:]
    item.data_location = import_onnx().TensorProto.DEFAULT


def refuse_large(model: Any) -> None:
    """Raises BuildError where a tensor between two layers would be larger than MOST_TENSOR_BYTES; ``model`` has inferred shapes.

    A shape that is only known when the model runs is no static shape, which is refused elsewhere.
    """
    for item in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        kind = item.type.tensor_type
        sides = [max(1, axis.dim_value) for axis in kind.shape.dim]
        needed = prod(sides) * SIZES.get(kind.elem_type, 8)
        if needed > MOST_TENSOR_BYTES:
            shape = " x ".join(map(str, sides))
            most = f"at most {MOST_TENSOR_BYTES >> 20} are served"
            raise BuildError(f"tensor {item.name} is {shape} and takes {needed >> 20:,} MiB when it runs, {most}")


@dataclass(frozen=True, slots=True)
class Noted:
    """What an exporter noted in the file, read as data and bounded.

    ``names`` in the order of the output; ``size`` is (height, width). None where nothing usable is noted.
    """

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
