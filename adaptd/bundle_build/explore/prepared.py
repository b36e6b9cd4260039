"""A model made ready for trying: its graph, the held-out pictures, the ranges of its activations, by picture size."""

import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np

from adaptd.bundle_build.data.images import scan
from adaptd.bundle_build.data.pictures import Array, Pictures
from adaptd.bundle_build.data.preset import PRESETS, class_names
from adaptd.bundle_build.errors import BuildError
from adaptd.bundle_build.explore.space import NHWC, Candidate, Form, Size, Wanted
from adaptd.bundle_build.model.calibrate import calibrate, look
from adaptd.bundle_build.model.choose import choose
from adaptd.bundle_build.model.floats import folded
from adaptd.bundle_build.model.intake import SourceModel, take_in
from adaptd.bundle_build.model.make import Order
from adaptd.bundle_build.model.ranges import Range
from adaptd.bundle_build.model.rewrites import without_hardswish
from adaptd.bundle_build.progress import Progress
from adaptd.bundle_build.qualify.judge import Distance, Judge
from adaptd.vision.answers import reader

Build = tuple[str, tuple[str, ...], Size | None]  # precision, kept layers, size


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
    wishes = order.wishes if size is None else replace(order.wishes, size=size)
    source = take_in(order.model, wishes)
    classes = source.head.form == "classification"
    if own is not None and not classes:
        raise BuildError(f"{order.model.name}: only classifiers are tried at another size, leave --sizes away")
    dataset = scan(order.calibration, order.bands, order.band)
    preset = order.preset or PRESETS["imagenet" if source.head.task == "classification" else "yolo"]
    words = replace(preset, **order.wished).words((source.input_shape[2], source.input_shape[3]))
    choice = choose(dataset, order.count)
    held_out = Pictures(choice.held_out, words)
    with tempfile.TemporaryDirectory() as folder:
        graph = without_hardswish(folded(source.data, folder))
    names = class_names(order.labels, dataset.labels, source.head.classes)
    if own is None:
        judge = Judge(source.data, held_out, reader(source.head, names, words.size), classes=classes)
    else:
        judge = own.judge.on(held_out)
    spreads = look(graph, Pictures(choice.calibration, words), progress)
    method = "minmax" if order.method == "auto" else order.method
    ranges = dict(calibrate(graph, spreads, method, judge).ranges)
    return Prepared(source, graph, ranges, judge, [np.array(batch) for _, batch in held_out])


class SizedSpace(ABC):
    """What every space has: the model at each size that the forms ask for; each graph is made once, and compared once.

    Raises BuildError like ``prepare``.
    """

    runtime: str

    def __init__(self, order: Order, wanted: Wanted | None, progress: Progress) -> None:
        self._forms = (wanted or Wanted()).forms()
        self._own = prepare(order, progress)
        sizes = {form.size for form in self._forms if form.size is not None}
        self._sized: dict[Size, Prepared] = {size: prepare(order, progress, size, self._own) for size in sorted(sizes)}
        self._made: dict[Build, bytes] = {}
        self._seen: dict[Build, Distance] = {}

    @abstractmethod
    def _make(self, at: Prepared, candidate: Candidate) -> bytes:
        """The ONNX file of a candidate's precision and kept layers: one picture in NCHW."""

    @abstractmethod
    def _compare(self, at: Prepared, candidate: Candidate) -> Distance:
        """How far its answers lie from those of the float model at its own size."""

    def _at(self, candidate: Candidate) -> Prepared:
        size = candidate.form.size
        return self._own if size is None else self._sized[size]

    def _bytes(self, candidate: Candidate) -> bytes:
        build = (candidate.precision, candidate.kept, candidate.form.size)
        if build not in self._made:
            self._made[build] = self._make(self._at(candidate), candidate)
        return self._made[build]

    def distance(self, candidate: Candidate) -> Distance:
        """On the held-out pictures; knobs and forms other than the size change it by no more than rounding."""
        build = (candidate.precision, candidate.kept, candidate.form.size)
        if build not in self._seen:
            self._seen[build] = self._compare(self._at(candidate), candidate)
        return self._seen[build]

    def key(self, candidate: Candidate) -> str:
        """A digest of model bytes, knobs, form, runtime and pictures."""
        total, form = sha256(self._bytes(candidate)), candidate.form
        total.update(repr((candidate.knobs, form.size, form.layout, form.cameras, self.runtime)).encode())
        for batch in self._own.batches:
            total.update(batch.tobytes())
        return total.hexdigest()[:24]
