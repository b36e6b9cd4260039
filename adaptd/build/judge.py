"""How far a candidate graph is from the reference on held-out pictures: what ``auto`` and the sensitivity search go by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from adaptd.build.floats import failures, session
from adaptd.build.onnx_io import to_bytes
from adaptd.build.pictures import Pictures
from adaptd.engine.ort import import_onnxruntime

if TYPE_CHECKING:
    from adaptd.worker.heads import Head as Reader

Array = npt.NDArray[np.float32]
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Distance:
    """Summed loss over ``n`` pictures in ppm of one, then the relative error of the raw outputs in ppm; smaller is nearer."""

    loss_ppm: int
    error_ppm: int
    n: int


class Judge:
    """Holds the reference's answers on the held-out pictures."""

    def __init__(self, reference: bytes, pictures: Pictures, reader: "Reader") -> None:
        self._pictures = pictures
        self._reader = reader
        self._answers = self._run(reference)

    def distance(self, candidate: Any) -> Distance:
        """How far ``candidate`` (a ModelProto) answers from the reference; one that does not run is at the largest distance."""
        try:
            outputs = self._run(to_bytes(candidate))
        except failures(import_onnxruntime()):
            return Distance(len(self._answers) * MILLION, MILLION, len(self._answers))
        return Distance(self._loss(outputs), relative_error_ppm(self._answers, outputs), len(outputs))

    def _run(self, model: bytes) -> list[Array]:
        runner = session(model)
        name = runner.get_inputs()[0].name
        return [runner.run(None, {name: batch})[0] for _, batch in self._pictures]

    def _loss(self, outputs: Sequence[Array]) -> int:
        total = 0
        for first, second in zip(self._answers, outputs, strict=True):
            finite = np.isfinite(second).all()
            total += self._reader.loss_ppm(self._reader.answer(first), self._reader.answer(second)) if finite else MILLION
        return total


def relative_error_ppm(reference: Sequence[Array], other: Sequence[Array]) -> int:
    """Norm of the difference over the norm of the reference, all pictures together, at most 1,000,000."""
    pairs = list(zip(reference, other, strict=True))
    difference = sum(float(np.sum((a.astype(np.float64) - b) ** 2)) for a, b in pairs)
    size = sum(float(np.sum(a.astype(np.float64) ** 2)) for a, _ in pairs)
    ratio = (difference / size) ** 0.5 if size > 0 else 1.0
    return min(MILLION, round(ratio * MILLION)) if np.isfinite(ratio) else MILLION
