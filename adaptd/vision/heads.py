"""What a model answers: a class, or boxes; recognised from the output's shape or declared.

What one frame shows, and the loss of one answer against another, are read with the very code that serves (``worker.heads``),
so that qualification counts what the shadow frames will count. Loss of a frame lies in [0, 1]: for a classifier 1 where the
top class differs, ties going to the lower class number; for a detector 1 - F1 of the boxes matched at IoU 0.5. An engine that
fails on a frame loses it whole.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adaptd.vision.errors import ModelError

if TYPE_CHECKING:
    from adaptd.vision import answers as served

MILLION = 1_000_000
FORMS = ("classification", "boxes", "yolo")
MOST_FINISHED_BOXES = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """``form``: ``classification`` (1, C) scores; ``boxes`` (1, N, 6) left top right bottom score class, suppressed by the model;
    ``yolo`` (1, 4 + C, A) or its transpose: centre x, centre y, width, height, class scores, in pixels of the input."""

    form: str
    classes: int

    @property
    def task(self) -> str:
        return "classification" if self.form == "classification" else "detection"


def head_for(task: str, shape: tuple[int, ...], classes: int) -> Head:
    """The head of a manifest, from its task, output shape and number of classes. Raises ModelError."""
    if task == "classification":
        return Head("classification", classes)
    if len(shape) == 3 and shape[2] == 6 and shape[1] <= MOST_FINISHED_BOXES and shape[1] != 4 + classes:
        return Head("boxes", classes)
    if len(shape) == 3 and 4 + classes in shape[1:]:
        return Head("yolo", classes)
    raise ModelError(f"output {shape} is no detector of {classes} classes; docs/engines.md lists the forms that are read")


def reader(head: Head, classes: tuple[str, ...]) -> "served.AnswerHead":
    """The reader of this head that the worker uses."""
    from adaptd.vision import answers as served

    return served.Classification(classes) if head.task == "classification" else served.Detection(head.form, classes)


def recognise(shape: tuple[int, ...], wish: str | None, classes: int | None, where: str) -> Head:
    """The head of a model that comes in, declared by ``wish`` or read off. Raises ModelError where it has to be declared."""
    if wish is not None and wish not in FORMS:
        raise ModelError(f"--head {wish}: is not known, one of {', '.join(FORMS)} is needed")
    form = wish or _guess(shape, classes, where)
    head = Head(form, _classes(shape, form, classes, where))
    if head.task == "detection" and head_for("detection", shape, head.classes) != head:
        raise ModelError(f"{where}: output {shape} does not fit --head {form} with {head.classes} classes")
    return head


def _guess(shape: tuple[int, ...], classes: int | None, where: str) -> str:
    if len(shape) in (2, 4) and shape[0] == 1 and sum(size != 1 for size in shape) == 1:
        return "classification"
    if len(shape) == 3 and shape[2] == 6 and shape[1] <= MOST_FINISHED_BOXES:
        return "boxes"
    if len(shape) == 3 and min(shape[1:]) > 4 and classes in (None, min(shape[1:]) - 4):
        return "yolo"
    raise ModelError(f"{where}: output {shape} is not recognised, add --head {'|'.join(FORMS)}")


def _classes(shape: tuple[int, ...], form: str, declared: int | None, where: str) -> int:
    if form == "boxes":
        if not declared:
            raise ModelError(
                f"{where}: boxes carry a class number but not how many there are, add --labels FILE (one name a line)"
            )
        return declared
    found = int(np.prod(shape)) if form == "classification" else min(shape[1:]) - 4
    if found < (2 if form == "classification" else 1):
        raise ModelError(f"{where}: output {shape} leaves no classes for --head {form}")
    if declared is not None and declared != found:
        raise ModelError(f"{where}: has {found} classes, but {declared} names are given; give one name a class")
    return found
