"""How far a candidate graph is from the reference on held-out pictures: what ``auto`` and the sensitivity search go by."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptd.bundle_build import BuildError
from adaptd.bundle_build.data.pictures import Pictures
from adaptd.bundle_build.model.floats import session
from adaptd.bundle_build.model.onnx_io import to_bytes
from adaptd.engine.ort import failures, import_onnxruntime
from adaptd.vision.answers import AnswerHead

Array = npt.NDArray[np.float32]
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Distance:
    """Over ``n`` pictures: mean soft disagreement in ppm, then summed loss in ppm of one frame, then relative error in ppm.

    Smaller is nearer. Soft disagreement of two classifiers is the total variation distance of their probabilities, the least
    chance that two answers drawn from them differ; whole disagreements are too rare on a few hundred pictures to choose by. For
    detectors it is the mean loss.
    """

    soft_ppm: int
    loss_ppm: int
    error_ppm: int
    n: int


class Judge:
    """Holds the reference's answers on the held-out pictures."""

    def __init__(self, reference: bytes, pictures: Pictures, reader: AnswerHead, *, classes: bool = True) -> None:
        self._pictures = pictures
        self._reader = reader
        self._answers = self._run(reference)
        self._classes = classes

    def on(self, pictures: Pictures) -> "Judge":
        """A judge by the same reference answers, whose candidates see the same samples prepared otherwise (another size)."""
        other = copy(self)
        other._pictures = pictures
        return other

    @property
    def worst(self) -> Distance:
        """That of a candidate that does not run."""
        return Distance(MILLION, len(self._answers) * MILLION, MILLION, len(self._answers))

    def distance(self, candidate: Any, *, exact: bool = False) -> Distance:
        """How far ``candidate`` (a ModelProto) answers from the reference; one that does not run is at the largest distance.

        ``exact`` keeps the processor's 8-bit kernels out: signed activations saturate on some, and what is chosen for another
        device must not hang on this one. Quantized numbers are then multiplied in float32.
        """
        broken: tuple[type[Exception], ...] = (BuildError, *failures(import_onnxruntime()))
        try:
            outputs = self._run(to_bytes(candidate), level="ORT_DISABLE_ALL" if exact else "ORT_ENABLE_ALL")
        except broken:
            return self.worst
        loss, count = self._loss(outputs), len(outputs)
        soft = self._soft(outputs) if self._classes else loss // count
        return Distance(soft, loss, relative_error_ppm(self._answers, outputs), count)

    def _run(self, model: bytes, level: str = "ORT_ENABLE_ALL") -> list[Array]:
        runner = session(model, level=level)
        name = runner.get_inputs()[0].name
        return [runner.run(None, {name: batch})[0] for _, batch in self._pictures]

    def _soft(self, outputs: Sequence[Array]) -> int:
        pairs = zip(self._answers, outputs, strict=True)
        return round(MILLION * float(np.mean([variation(first, second) for first, second in pairs])))

    def _loss(self, outputs: Sequence[Array]) -> int:
        total = 0
        for first, second in zip(self._answers, outputs, strict=True):
            finite = np.isfinite(second).all()
            total += self._reader.loss_ppm(self._reader.answer(first), self._reader.answer(second)) if finite else MILLION
        return total


def variation(first: Array, second: Array) -> float:
    """Total variation distance of two answers' class probabilities, 0 to 1; 1 for an answer that is not finite."""
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return 1.0
    return float(np.abs(probabilities(first) - probabilities(second)).sum() / 2)


def probabilities(output: Array) -> Array:
    """Softmax, unless the output is a distribution already."""
    values = output.reshape(-1).astype(np.float64)
    if values.min() >= 0 and abs(values.sum() - 1) < 1e-3:
        return values.astype(np.float32)
    raised = np.exp(values - values.max())
    result: Array = (raised / raised.sum()).astype(np.float32)
    return result


def relative_error_ppm(reference: Sequence[Array], other: Sequence[Array]) -> int:
    """Norm of the difference over the norm of the reference, all pictures together, at most 1,000,000."""
    pairs = list(zip(reference, other, strict=True))
    difference = sum(float(np.sum((a.astype(np.float64) - b) ** 2)) for a, b in pairs)
    size = sum(float(np.sum(a.astype(np.float64) ** 2)) for a, _ in pairs)
    ratio = (difference / size) ** 0.5 if size > 0 else 1.0
    return min(MILLION, round(ratio * MILLION)) if np.isfinite(ratio) else MILLION
