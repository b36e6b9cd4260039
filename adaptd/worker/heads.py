"""From the network's raw output to a result, and from two results to a loss: one head a task.

Decoding and matching are those of qualification (``build.detection``), so that a loss in service means what it meant there:
a different top class is a whole loss; boxes lose 1 - F1 at IoU 0.5. Losses are integers, 0 to 1,000,000 ppm.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from adaptd.build import detection
from adaptd.build.errors import BuildError
from adaptd.build.heads import head_for
from adaptd.config.manifest import Manifest

Output = npt.NDArray[np.float32]
PPM = 1_000_000


@dataclass(slots=True)
class Answer:
    """What one frame shows. For detection the label is that of the best box, empty where there is none.

    ``rows`` are boxes: left, top, right, bottom in pixels of the network's picture, score, class number; best first.
    """

    label: str
    score_ppm: int
    rows: Output | None = None


class Head(Protocol):
    """Reads a task's raw outputs."""

    def answer(self, output: Output) -> Answer: ...
    def loss_ppm(self, reference: Answer, efficient: Answer) -> int: ...


class Classification:
    """Top class and its probability. Outputs that are probabilities already are taken as they are, others go through softmax."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._classes = classes

    def answer(self, output: Output) -> Answer:
        values: list[float] = output.ravel().tolist()
        best = max(values)
        index = values.index(best)
        if not (min(values) >= 0.0 and 0.999 < sum(values) < 1.001):
            best = 1.0 / sum([math.exp(value - best) for value in values])
        return Answer(self._classes[index], min(int(best * PPM + 0.5), PPM))

    def loss_ppm(self, reference: Answer, efficient: Answer) -> int:
        return 0 if reference.label == efficient.label else PPM


class Detection:
    """Boxes after non-maximum suppression; ``form`` is that of ``build.heads.Head``."""

    def __init__(self, form: str, classes: tuple[str, ...]) -> None:
        self._form = form
        self._classes = classes

    def answer(self, output: Output) -> Answer:
        rows = detection.decode(self._form, output)
        if not len(rows):
            return Answer("", 0, rows)
        return Answer(self._name(rows[0, 5]), min(int(rows[0, 4] * PPM), PPM), rows)

    def loss_ppm(self, reference: Answer, efficient: Answer) -> int:
        assert reference.rows is not None
        assert efficient.rows is not None
        return PPM - round(PPM * detection.f1(reference.rows, efficient.rows))

    def _name(self, kind: float) -> str:
        return self._classes[min(max(int(kind), 0), len(self._classes) - 1)]


def head_of(manifest: Manifest) -> Head:
    """The head of a bundle's task.

    Raises:
        ValueError: the output is not one that the task's head reads; one line.
    """
    try:
        head = head_for(manifest.task, manifest.output_shape, len(manifest.classes))
    except BuildError as error:
        raise ValueError(str(error)) from None
    if head.task == "detection":
        return Detection(head.form, manifest.classes)
    if math.prod(manifest.output_shape) != len(manifest.classes):
        raise ValueError(f"output {manifest.output_shape} for {len(manifest.classes)} classes; build the bundle again")
    return Classification(manifest.classes)
