"""A model made ready for trying: its graph in another form of input, held-out pictures, ranges of activations, by size."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np

from adaptd.bundle_build import BuildError, Progress
from adaptd.bundle_build.data.pictures import Array
from adaptd.bundle_build.explore.space import NCHW, NHWC, Build, Candidate, Form, Size, Wanted
from adaptd.bundle_build.model.calibrate import calibrate, look
from adaptd.bundle_build.model.graphs import array, attribute, store, stored_in
from adaptd.bundle_build.model.intake import SourceModel
from adaptd.bundle_build.model.make import Order, ready
from adaptd.bundle_build.model.onnx_io import clone, from_bytes, import_onnx, inferred, to_bytes
from adaptd.bundle_build.model.ranges import Range
from adaptd.bundle_build.model.sensitivity import ranked
from adaptd.bundle_build.qualify.judge import Distance, Judge
from adaptd.engine.base import nothing


@dataclass(frozen=True, slots=True)
class Prepared:
    """``batches`` are the held-out pictures as the network takes them; ``judge`` compares with the model at its own size."""

    source: SourceModel
    graph: Any
    ranges: dict[str, Range]
    judge: Judge
    batches: list[Array]

    def pictures(self, form: Form) -> list[Array]:
        """The held-out pictures in this form, each an array of its own."""
        count, total = form.cameras, len(self.batches)
        groups = [np.concatenate([self.batches[(at + n) % total] for n in range(count)]) for at in range(total)]
        if form.layout == NHWC:
            groups = [group.transpose(0, 2, 3, 1) for group in groups]
        return [np.ascontiguousarray(group) for group in groups]


def prepare(order: Order, progress: Progress, size: Size | None = None, own: Prepared | None = None) -> Prepared:
    """At ``size``, by default the model's own. ``own`` is the model at its own size, whose answers another size is held against.

    Raises:
        BuildError: model or pictures cannot be used, or the size is fixed.
    """
    one = ready(order if size is None else replace(order, wishes=replace(order.wishes, size=size)))
    if own is not None and one.source.head.form != "classification":
        raise BuildError(f"{order.model.name}: only classifiers are tried at another size, leave --sizes away")
    judge = one.judge() if own is None else own.judge.on(one.held_out)
    spreads = look(one.graph, one.pictures, progress)
    method = "minmax" if order.method == "auto" else order.method
    ranges = dict(calibrate(one.graph, spreads, method, judge).ranges)
    return Prepared(one.source, one.graph, ranges, judge, [np.array(batch) for _, batch in one.held_out])


class SizedSpace(ABC):
    """A model prepared at its own size, and at every other one that is wanted; each build of it is made and judged once.

    Raises:
        BuildError: model or pictures cannot be used.
    """

    runtime: str
    kind: str
    """The INT8 file of the runtime, one of ``sensitivity.KINDS``."""

    def __init__(self, order: Order, wanted: Wanted | None, progress: Progress) -> None:
        self._forms = (wanted or Wanted()).forms()
        self._own = own = prepare(order, progress)
        sizes = {form.size for form in self._forms if form.size is not None}
        self._sized: dict[Size, Prepared] = {size: prepare(order, progress, size, self._own) for size in sorted(sizes)}
        self._made: dict[Build, bytes] = {}
        self._seen: dict[Build, Distance] = {}
        self._dearest = [name for name, _ in ranked(own.graph, own.ranges, own.judge, self.kind, progress=progress)]

    def key(self, candidate: Candidate) -> str:
        """A digest of model bytes, knobs, form, runtime and pictures."""
        total, form = sha256(self._bytes(candidate)), candidate.form
        total.update(repr((candidate.knobs, form.size, form.layout, form.cameras, self.runtime)).encode())
        for batch in self._own.batches:
            total.update(batch.tobytes())
        return total.hexdigest()[:24]

    def distance(self, candidate: Candidate) -> Distance:
        """From the float model at its own size on the held-out pictures; the knobs change it by no more than rounding."""
        build = candidate.build
        if build not in self._seen:
            self._seen[build] = self._judge(candidate, self._at(candidate))
        return self._seen[build]

    def _at(self, candidate: Candidate) -> Prepared:
        """The model at the candidate's size."""
        size = candidate.form.size
        return self._own if size is None else self._sized[size]

    def _bytes(self, candidate: Candidate) -> bytes:
        """The ONNX file of one picture in NCHW."""
        build = candidate.build
        if build not in self._made:
            self._made[build] = self._make(candidate, self._at(candidate))
        return self._made[build]

    def _formed(self, candidate: Candidate) -> bytes:
        """The ONNX file in the candidate's form."""
        data, form = self._bytes(candidate), candidate.form
        return to_bytes(in_form(from_bytes(data), form)) if form.layout != NCHW or form.cameras > 1 else data

    @abstractmethod
    def _make(self, candidate: Candidate, at: Prepared) -> bytes: ...

    @abstractmethod
    def _judge(self, candidate: Candidate, at: Prepared) -> Distance: ...


class Loaded:
    """A candidate that runs: ``run`` answers one array of ``batches``."""

    def __init__(self, run: Callable[[Array], object], batches: list[Array], close: Callable[[], None] = nothing) -> None:
        self._run, self._batches, self.close = run, batches, close

    def infer(self, at: int) -> None:
        """Run array number ``at``, taken round and round."""
        self._run(self._batches[at % len(self._batches)])


def in_form(model: Any, form: Form) -> Any:
    """A copy that takes this layout and so many pictures. Raises BuildError where the graph fixes a batch of one."""
    if form.cameras > 1:
        model = with_batch(model, form.cameras)
    return channels_last(model) if form.layout == NHWC else model


def channels_last(model: Any) -> Any:
    """A copy whose input is (batch, height, width, channels): one Transpose in front, which a runtime may fold away."""
    onnx, copy = import_onnx(), clone(model)
    entry = copy.graph.input[0]
    inner = f"{entry.name}_nchw"
    for node in copy.graph.node:
        for at, name in enumerate(node.input):
            if name == entry.name:
                node.input[at] = inner
    turn = onnx.helper.make_node("Transpose", [entry.name], [inner], name=f"{inner}_turn", perm=[0, 3, 1, 2])
    copy.graph.node.insert(0, turn)
    axes = entry.type.tensor_type.shape.dim
    batch, channels, height, width = (int(axis.dim_value) for axis in axes)
    for axis, value in zip(axes, (batch, height, width, channels), strict=True):
        axis.dim_value = value
    return inferred(copy)


def with_batch(model: Any, count: int) -> Any:
    """A copy that takes ``count`` pictures; a reshape to one picture becomes one to as many as come in."""
    copy = clone(model)
    copy.graph.input[0].type.tensor_type.shape.dim[0].dim_value = count
    for answer in copy.graph.output:
        answer.type.tensor_type.ClearField("shape")
    _free_reshapes(copy)
    copy = inferred(copy)
    axes = copy.graph.output[0].type.tensor_type.shape.dim
    if not axes or int(axes[0].dim_value) != count:
        raise BuildError(f"the graph fixes a batch of one, it cannot take the pictures of {count} cameras at once")
    return copy


def _free_reshapes(model: Any) -> None:
    """0 in a Reshape's target means: as it came in."""
    stored = stored_in(model)
    for node in model.graph.node:
        if node.op_type != "Reshape" or node.input[1] not in stored or attribute(node, "allowzero", 0):
            continue
        target = array(stored[node.input[1]]).copy()
        if target.size and target[0] == 1:
            target[0] = 0
            node.input[1] = store(model, f"{node.name or node.output[0]}_target", target.astype(np.int64))
