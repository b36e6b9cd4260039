"""A user's ONNX file comes in: read once, judged before it is parsed, and made static, named and batch 1.

Third-party graphs are not trusted: no external data, no links, no operators outside ONNX, a size limit, and the whole
checker before anything runs. Sources of the rules: CVE-2022-25882, CVE-2024-27318, CVE-2026-27489 (external-data paths),
CVE-2026-34446 and CVE-2026-34447 (links).
"""

import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adaptd.bundle_build import BuildError, engine_refusals
from adaptd.bundle_build.model.adapt import adapt_input, adapt_output, join_outputs
from adaptd.bundle_build.model.external import Noted, noted_in, refuse_large, take_external
from adaptd.bundle_build.model.floats import trial
from adaptd.bundle_build.model.graphs import stored_in
from adaptd.bundle_build.model.onnx_io import (
    INTERNAL_DOMAINS,
    check,
    clone,
    digest,
    import_onnx,
    inferred,
    keep_standard_domain,
    name_nodes,
    opset,
    refill,
    to_bytes,
)
from adaptd.bundle_build.model.shapes import convert_opset, make_static, refuse_other_types, static_shape
from adaptd.engine.onnx_scan import refuse_external, scan
from adaptd.vision import ModelError
from adaptd.vision.heads import Head, check_anchors, recognise

MAX_BYTES = 512 << 20
Shape = tuple[int, ...]
WORD = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A model that may be built: static shapes, batch 1, one float32 picture in, one float32 tensor out.

    ``data`` are the bytes that the bundle ships as ``NAME.fp32.onnx``; shapes are whole, batch first (N, C, H, W).
    """

    name: str
    data: bytes
    sha256: str
    opset: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    head: Head
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user declares of a model where it cannot be read off: head, output, picture size (height, width), name.

    ``quantized``: it is to be the INT8 variant beside a float model, and must hold Q/DQ pairs.
    """

    head: str | None = None
    output: str | None = None
    size: tuple[int, int] | None = None
    name: str | None = None
    classes: int | None = None
    quantized: bool = False


def take_in(path: Path, wishes: Wishes | None = None) -> SourceModel:
    """Read, check and normalise an ONNX file.

    Raises:
        BuildError: one line: what is wrong with the file and what would be right.
    """
    wishes = wishes or Wishes()
    where = path.name
    given = read_file(path)
    model = _parse(given, where)
    notes = take_external(model, path, read_file)
    if notes:
        given = to_bytes(model)
    before = _essence(model)
    noted = noted_in(model)
    notes += noted.notes
    _refuse_foreign(model, where, quantized=wishes.quantized)
    _keep_real_inputs(model)
    _keep_one_output(model, wishes.output, where, noted, notes)
    _strip_prose(model)
    model = convert_opset(model, where, notes)
    adapt_input(model, notes)
    declared = _declared(model)
    make_static(model, wishes.size or _noted_size(model, noted), where, notes)
    adapt_output(model, notes)
    name_nodes(model)
    model = _checked(model, where)
    wishes = replace(wishes, classes=wishes.classes if wishes.classes or noted.names is None else len(noted.names))
    return _source(model, given if _essence(model) == before else to_bytes(model), path, wishes, notes, noted, declared)


def _declared(model: Any) -> Shape:
    """The output's shape as the exporter declared it, for one picture: inference can lose what a reshape hides."""
    axes = model.graph.output[0].type.tensor_type.shape.dim
    return tuple(int(axis.dim_value) or (1 if at == 0 else 0) for at, axis in enumerate(axes))


def _noted_size(model: Any, noted: Noted) -> tuple[int, int] | None:
    """The picture size of the exporter's note, where the graph leaves it free."""
    axes: Any = model.graph.input[0].type.tensor_type.shape.dim if len(model.graph.input) == 1 else ()
    free = len(axes) == 4 and not (axes[2].dim_value and axes[3].dim_value)
    return noted.size if free else None


def read_file(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file, opened without following a link. Raises BuildError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = "is a symbolic link, name the file itself" if path.is_symlink() else (error.strerror or "unreadable").lower()
        raise BuildError(f"{path}: {reason}") from None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        os.close(handle)
        raise BuildError(f"{path}: is no regular file, name the .onnx file itself")
    with open(handle, "rb") as file:
        if facts.st_size > limit:
            raise BuildError(f"{path}: is {facts.st_size >> 20} MiB, at most {limit >> 20} MiB are read; use a smaller model")
        return file.read(limit + 1)


def model_name(path: Path, wish: str | None = None) -> str:
    """A bundle's model name from a file name: lower case, ``.onnx`` and ``.fp32`` taken off."""
    stem = wish or re.sub(r"(\.fp32)?(\.onnx)?$", "", path.name, flags=re.IGNORECASE)
    name = WORD.sub("-", stem.lower()).strip("-._")[:48]
    if not name:
        raise BuildError(f"{path.name}: gives no usable model name, add --name NAME (letters, digits, dots and dashes)")
    return name


def _parse(data: bytes, where: str) -> Any:
    onnx = import_onnx()
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        with engine_refusals():
            scan(data, where)
            model = onnx.ModelProto.FromString(data)
            _refuse_other_files(model, where)
            return model
    except DecodeError as error:
        raise BuildError(f"{where}: is no ONNX model ({error}), export it again") from None


def _refuse_other_files(model: Any, where: str) -> None:
    """Only stored weights may live in a file beside the model; constants inside nodes may not."""
    plain = clone(model)
    for item in plain.graph.initializer:
        del item.external_data[:]
        item.data_location = 0
    refuse_external(scan(to_bytes(plain), where), where)


def _refuse_foreign(model: Any, where: str, *, quantized: bool) -> None:
    """Refuse operators outside ONNX, functions and control flow: neither back end could be trusted to run them alike."""
    foreign = sorted({f"{node.domain}.{node.op_type}" for node in model.graph.node if node.domain not in INTERNAL_DOMAINS})
    if foreign:
        raise BuildError(f"{where}: uses {foreign[0]}, an operator outside ONNX; export it with standard operators only")
    if model.functions:
        raise BuildError(f"{where}: holds model-local functions, export it with them inlined")
    branching = [node.op_type for node in model.graph.node if node.op_type in ("If", "Loop", "Scan")]
    if branching:
        raise BuildError(f"{where}: holds {branching[0]} (control flow), export a model without it: shapes must be static")
    pairs = any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in model.graph.node)
    if pairs and not quantized:
        raise BuildError(f"{where}: is quantized already: give the float32 model it was made from, and this one with --qdq")
    if quantized and not pairs:
        raise BuildError(f"{where}: holds no QuantizeLinear, so it is no Q/DQ model; give it as MODEL.onnx and leave out --qdq")
    keep_standard_domain(model)


def _keep_real_inputs(model: Any) -> None:
    """Old exporters list the weights among the inputs; only what is not a weight is fed."""
    weights = stored_in(model)
    refill(model.graph.input, [item for item in model.graph.input if item.name not in weights])


def _keep_one_output(model: Any, wish: str | None, where: str, noted: Noted, notes: list[str]) -> None:
    outputs = list(model.graph.output)
    names = [item.name for item in outputs]
    if len(outputs) == 1 and wish is None:
        return
    if wish is None and noted.task == "segment":
        wish = names[0]
        notes.append(f"of a segmentation model the boxes are served ({wish}), not the masks")
    known = ", ".join(names[:6])
    if wish is None:
        which = "add --model-output NAME to say which one counts, or BOXES,SCORES to join two"
        raise BuildError(f"{where}: has {len(names)} outputs ({known}), {which}")
    if wish in names:
        refill(model.graph.output, [outputs[names.index(wish)]])
    elif "," in wish:
        join_outputs(model, wish.split(","), where, notes)
    else:
        raise BuildError(f"{where}: has no output {wish!r}, it has {known}")
    _prune(model)


def _prune(model: Any) -> None:
    """Remove the nodes that nothing needs any more."""
    needed, kept = {item.name for item in model.graph.output}, []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    refill(model.graph.node, reversed(kept))
    refill(model.graph.initializer, [item for item in model.graph.initializer if item.name in needed])


def _strip_prose(model: Any) -> None:
    """Exporters leave stack traces and paths of their machine in the file: they are no part of the model."""
    for item in (model, model.graph, *model.graph.node):
        item.ClearField("doc_string")
    for item in (model, *model.graph.node):
        if "metadata_props" in item.DESCRIPTOR.fields_by_name:
            item.ClearField("metadata_props")
    model.producer_name, model.producer_version = "adaptd", ""


def _checked(model: Any, where: str) -> Any:
    try:
        model = inferred(model)
        check(model)
        refuse_large(model)
    except BuildError as error:
        raise BuildError(f"{where}: {error}; export it again") from None
    return model


def _essence(model: Any) -> bytes:
    """The model without what can be worked out anew and without its maker's name: where that did not change, its bytes stay."""
    copy = clone(model)
    del copy.graph.value_info[:]
    copy.ClearField("producer_name")
    copy.ClearField("producer_version")
    return to_bytes(copy)


def _source(model: Any, data: bytes, path: Path, wishes: Wishes, notes: list[str], noted: Noted, declared: Shape) -> SourceModel:
    entry, answer = model.graph.input[0], model.graph.output[0]
    shape = static_shape(entry) or ()
    found = trial(data, shape, path.name).shape
    output_shape = static_shape(answer) or (found if found == declared else None)
    if output_shape is None:
        raise BuildError(f"{path.name}: output {answer.name} has no static shape, export it with fixed sizes (no dynamic axes)")
    refuse_other_types(answer, path.name, "output")
    try:
        last = next((node.op_type for node in reversed(model.graph.node) if answer.name in node.output), "")
        head = recognise(output_shape, wishes.head, wishes.classes, path.name, noted.task, last)
        check_anchors(head.form, output_shape, shape[2:])
    except ModelError as error:
        raise BuildError(f"{error}" if str(error).startswith(("--", path.name)) else f"{path.name}: {error}") from None
    return SourceModel(
        name=model_name(path, wishes.name),
        data=data,
        sha256=digest(data),
        opset=opset(model),
        input_shape=shape,
        output_shape=output_shape,
        head=head,
        notes=tuple(notes),
        names=noted.names,
    )
