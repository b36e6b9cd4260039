"""From the network's raw output to a result, and from two results to a loss: one head a task.

Decoding and matching are those of qualification (``build.detection``), so that a loss in service means what it meant there:
a different top class is a whole loss; boxes lose 1 - F1 at IoU 0.5, or 1 - F with misses weighed as the policy says. Losses are
integers, 0 to 1,000,000 ppm.
"""

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

from adaptd.config.manifest import Manifest
from adaptd.engine.guard import SMALL
from adaptd.vision import ModelError, detection
from adaptd.vision.heads import Head as HeadForm
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


class AnswerHead(Protocol):
    """Reads a task's raw outputs; ``quick`` where that takes microseconds whatever is in them."""

    quick: bool

    def answer(self, output: Output) -> Answer: ...
    def loss_ppm(self, reference: Answer, efficient: Answer) -> int: ...
    def near(self, output: Output, within_ppm: int) -> bool: ...
    def apart(self, reference: Answer, efficient: Answer) -> tuple[int, int]: ...


class _OneAnswer:
    """Heads whose answer is one thing: it is right or wrong, and nothing in it can be missed or added.

    ``logit``: the values are logarithmic odds, not shares.
    """

    quick = True

    def __init__(self, classes: tuple[str, ...], *, logit: bool = False) -> None:
        self._classes = classes
        self._logit = logit

    def loss_ppm(self, reference: Answer, efficient: Answer) -> int:
        return 0 if reference.label == efficient.label else PPM

    def apart(self, reference: Answer, efficient: Answer) -> tuple[int, int]:
        """No objects, so none missed and none added."""
        del reference, efficient
        return 0, 0


class Classification(_OneAnswer):
    """The top class; a tie goes to the lower number. A few values are looked through in Python: see ``engine.guard``."""

    def answer(self, output: Output) -> Answer:
        if output.size > SMALL:
            return Answer(self._classes[int(output.argmax())], -1, None, output)
        values: list[float] = output.ravel().tolist()
        return Answer(self._classes[values.index(max(values))], -1, None, values)

    def near(self, output: Output, within_ppm: int) -> bool:
        """Whether values that move by ``within_ppm`` of their size could turn the answer; small values count as 1."""
        first, second = np.partition(output.ravel().astype(np.float64), -2)[-2:][::-1] if output.size > 1 else (1.0, 0.0)
        return bool((first - second) * PPM < within_ppm * max(abs(first), 1.0))


class Detection:
    """Boxes after non-maximum suppression; ``form`` is one of ``box_forms``, ``size`` is (height, width) of the input.

    ``miss_weight``: how many added boxes one missed box costs as much as (``detection.f_weighted``).
    """

    quick = False

    def __init__(self, form: str, classes: tuple[str, ...], size: tuple[int, ...] = (1, 1), miss_weight: float = 1.0) -> None:
        self._form = form
        self._miss_weight = miss_weight
        self._classes = classes
        self._size = size

    def boxes(self, output: Output, floor: float = detection.SCORE_FLOOR) -> Output:
        """Kept boxes (n, 6) whose score reaches ``floor``, best first."""
        return detection.decode(self._form, output, floor, len(self._classes), self._size)

    def answer(self, output: Output) -> Answer:
        rows = self.boxes(output)
        if not len(rows):
            return Answer("", 0, rows)
        return Answer(self._name(rows[0, 5]), min(int(rows[0, 4] * PPM), PPM), rows)

    def near(self, output: Output, within_ppm: int) -> bool:
        """Whether a box stands so near the least score that ``within_ppm`` of 1 could add or drop it."""
        slack = within_ppm / PPM
        bold = self.boxes(output, detection.SCORE_FLOOR - slack)
        return bool(len(bold) and bold[:, 4].min() < detection.SCORE_FLOOR + slack)

    def loss_ppm(self, reference: Answer, efficient: Answer) -> int:
        assert reference.rows is not None
        assert efficient.rows is not None
        return PPM - round(PPM * detection.f_weighted(reference.rows, efficient.rows, self._miss_weight))

    def apart(self, reference: Answer, efficient: Answer) -> tuple[int, int]:
        """Boxes of the reference that were missed, and boxes that it does not have."""
        assert reference.rows is not None
        assert efficient.rows is not None
        return detection.apart(reference.rows, efficient.rows)

    def _name(self, kind: float) -> str:
        return self._classes[min(max(int(kind), 0), len(self._classes) - 1)]


class Binary(_OneAnswer):
    """One value: that of the second of two classes."""

    def answer(self, output: Output) -> Answer:
        share = _share(float(output.reshape(-1)[0]), logit=self._logit)
        second = share > 0.5
        return Answer(self._classes[int(second)], round(PPM * (share if second else 1 - share)))

    def near(self, output: Output, within_ppm: int) -> bool:
        value = float(output.reshape(-1)[0]) - (0.0 if self._logit else 0.5)
        return abs(value) * PPM < within_ppm


class MultiLabel(_OneAnswer):
    """Every class for itself: the answer is the set of classes over one half, its loss 1 - F1 of the two sets.

    The label joins their names with "+", in the order of the output; it is empty where none is over one half.
    """

    @property
    def _edge(self) -> float:
        return 0.0 if self._logit else 0.5

    def answer(self, output: Output) -> Answer:
        values = output.reshape(-1)
        there = [name for name, value in zip(self._classes, values.tolist(), strict=True) if value > self._edge]
        best = _share(float(values.max()), logit=self._logit)
        return Answer("+".join(there), round(PPM * (best if there else 1 - best)))

    def near(self, output: Output, within_ppm: int) -> bool:
        return bool((np.abs(output - self._edge) * PPM < within_ppm).any())

    def loss_ppm(self, reference: Answer, efficient: Answer) -> int:
        first, second = (set(one.label.split("+")) - {""} for one in (reference, efficient))
        total = len(first) + len(second)
        return 0 if not total else PPM - round(2 * PPM * len(first & second) / total)


def _share(value: float, *, logit: bool) -> float:
    return 1 / (1 + math.exp(-min(max(value, -500.0), 500.0))) if logit else min(max(value, 0.0), 1.0)


def reader(head: HeadForm, classes: tuple[str, ...], size: tuple[int, ...] = (1, 1), miss_weight: float = 1.0) -> AnswerHead:
    """The reader of a head, as worker and qualification use it; ``size`` is (height, width) of the input."""
    if head.task == "detection":
        return Detection(head.form, classes, size, miss_weight)
    logit = head.form.endswith("logit")
    if head.form in ("sigmoid", "logit"):
        return Binary(classes, logit=logit)
    return MultiLabel(classes, logit=logit) if head.form.startswith("multilabel") else Classification(classes)


def head_of(manifest: Manifest, miss_weight: float = 1.0) -> AnswerHead:
    """The head of a bundle's task.

    Raises:
        ValueError: the output is not one that the task's head reads; one line.
    """
    try:
        head = head_for(manifest.task, manifest.output_shape, len(manifest.classes), manifest.head)
    except ModelError as error:
        raise ValueError(str(error)) from None
    values = 1 if head.form in ("sigmoid", "logit") else len(manifest.classes)
    if head.task == "classification" and math.prod(manifest.output_shape) != values:
        raise ValueError(f"output {manifest.output_shape} for {len(manifest.classes)} classes; build the bundle again")
    return reader(head, manifest.classes, manifest.preprocessing.size, miss_weight)
