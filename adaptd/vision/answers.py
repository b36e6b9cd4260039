"""From the network's raw output to a result, and from two results to a loss: one head a task.

Decoding and matching are those of qualification (``build.detection``), so that a loss in service means what it meant there:
a different top class is a whole loss; boxes lose 1 - F1 at IoU 0.5. Losses are integers, 0 to 1,000,000 ppm.
"""

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

from adaptd.config.manifest import Manifest
from adaptd.engine.guard import SMALL
from adaptd.vision import detection
from adaptd.vision.errors import ModelError
from adaptd.vision.heads import head_for

Output = npt.NDArray[np.float32]
PPM = 1_000_000


class Answer:
    """What one frame shows. For detection the label is that of the best box, empty where there is none.

    ``rows`` are boxes: left, top, right, bottom in pixels of the network's picture, score, class number; best first.
    A classifier's score is worked out from ``values`` when somebody asks for it: most frames are read by nobody.
    """

    __slots__ = ("_score_ppm", "_values", "label", "rows")

    def __init__(
        self, label: str, score_ppm: int = -1, rows: Output | None = None, values: list[float] | Output | None = None
    ) -> None:
        self.label = label
        self.rows = rows
        self._score_ppm = score_ppm
        self._values = values

    @property
    def score_ppm(self) -> int:
        """Probability of the top class, or the best box's score."""
        values = self._values  # read once: the loop and the link may both ask
        if values is not None:
            self._score_ppm = probability_ppm(values if isinstance(values, list) else values.ravel().tolist())
            self._values = None
        return self._score_ppm


def probability_ppm(values: list[float]) -> int:
    """Probability of the largest of ``values``: taken as it is where they are probabilities already, else through softmax."""
    best = max(values)
    if not (min(values) >= 0.0 and 0.999 < math.fsum(values) < 1.001):
        best = 1.0 / math.fsum(math.exp(value - best) for value in values)
    return min(int(best * PPM + 0.5), PPM)


class Head(Protocol):
    """Reads a task's raw outputs."""

    def answer(self, output: Output) -> Answer: ...
    def loss_ppm(self, reference: Answer, efficient: Answer) -> int: ...
    def near(self, output: Output, within_ppm: int) -> bool: ...


class Classification:
    """The top class; a tie goes to the lower number. A few values are looked through in Python: see ``engine.guard``."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self._classes = classes

    def answer(self, output: Output) -> Answer:
        if output.size > SMALL:
            return Answer(self._classes[int(output.argmax())], values=output)
        values: list[float] = output.ravel().tolist()
        return Answer(self._classes[values.index(max(values))], values=values)

    def near(self, output: Output, within_ppm: int) -> bool:
        """Whether values that move by ``within_ppm`` of their size could turn the answer; small values count as 1."""
        first, second = np.partition(output.ravel().astype(np.float64), -2)[-2:][::-1] if output.size > 1 else (1.0, 0.0)
        return bool((first - second) * PPM < within_ppm * max(abs(first), 1.0))

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

    def near(self, output: Output, within_ppm: int) -> bool:
        """Whether a box stands so near the least score that ``within_ppm`` of 1 could add or drop it."""
        slack = within_ppm / PPM
        bold = detection.decode(self._form, output, detection.SCORE_FLOOR - slack)
        return bool(len(bold) and bold[:, 4].min() < detection.SCORE_FLOOR + slack)

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
    except ModelError as error:
        raise ValueError(str(error)) from None
    if head.task == "detection":
        return Detection(head.form, manifest.classes)
    if math.prod(manifest.output_shape) != len(manifest.classes):
        raise ValueError(f"output {manifest.output_shape} for {len(manifest.classes)} classes; build the bundle again")
    return Classification(manifest.classes)
