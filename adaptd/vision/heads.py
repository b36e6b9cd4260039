"""What a model answers: a class, or boxes; recognised from the output's shape or declared.

What one frame shows, and the loss of one answer against another, are read with the very code that serves (``worker.heads``),
so that qualification counts what the shadow frames will count. Loss of a frame lies in [0, 1]: for a classifier 1 where the
top class differs, ties going to the lower class number; for a detector 1 - F1 of the boxes matched at IoU 0.5. An engine that
fails on a frame loses it whole.
"""

from dataclasses import dataclass
from math import prod

from adaptd.vision import ModelError
from adaptd.vision.box_forms import BOX_FORMS, EXTRAS, STRIDES, fits

CLASS_FORMS = ("classification", "sigmoid", "logit", "multilabel", "multilabel-logit")
FORMS = (*CLASS_FORMS, *BOX_FORMS)
MOST_FINISHED_BOXES = 1000
COCO = 80
TASKS = {"detect": "yolo", "pose": "yolo-pose", "segment": "yolo-seg", "obb": "yolo-obb", "classify": "classification"}
"""Ultralytics' ``task`` and the form of its output."""


@dataclass(frozen=True, slots=True)
class Head:
    """``form``: ``classification`` (1, C) scores; ``sigmoid`` or ``logit`` one value for two classes; ``multilabel`` (shares) or
    ``multilabel-logit`` (1, C), every class for itself; or one of ``box_forms``."""

    form: str
    classes: int

    @property
    def task(self) -> str:
        return "classification" if self.form in CLASS_FORMS else "detection"


def head_for(task: str, shape: tuple[int, ...], classes: int, form: str | None = None) -> Head:
    """The head of a manifest, from its form, or in bundles of before from task, shape and number of classes. Raises
    ModelError.
    """
    if form is not None:
        if form not in FORMS or Head(form, classes).task != task:
            raise ModelError(f"head {form!r} is no form of {task} that this version reads; build the bundle again")
        if task == "detection" and not fits(form, shape, classes):
            raise ModelError(f"output {shape} is no {form} of {classes} classes; docs/engines.md lists the forms that are read")
        return Head(form, classes)
    if task == "classification":
        return Head("classification", classes)
    if len(shape) == 3 and shape[2] == 6 and shape[1] <= MOST_FINISHED_BOXES and shape[1] != 4 + classes:
        return Head("boxes", classes)
    if len(shape) == 3 and 4 + classes in shape[1:]:
        return Head("yolo", classes)
    raise ModelError(f"output {shape} is no detector of {classes} classes; docs/engines.md lists the forms that are read")


def recognise(
    shape: tuple[int, ...], wish: str | None, classes: int | None, where: str, task: str | None = None, last: str = ""
) -> Head:
    """The head of a model that comes in: declared by ``wish``, by the exporter's ``task``, or read off shape and ``last``
    operator.

    Raises:
        ModelError: it has to be declared.
    """
    if wish is not None and wish not in FORMS:
        raise ModelError(f"--head {wish}: is not known, one of {', '.join(FORMS)} is needed")
    form = wish or _by_task(shape, task, classes) or _guess(shape, classes, where, last)
    head = Head(form, _classes(shape, form, classes, where))
    if head.task == "detection" and not fits(form, shape, head.classes):
        raise ModelError(f"{where}: output {shape} does not fit --head {form} with {head.classes} classes")
    return head


def check_anchors(form: str, shape: tuple[int, ...], size: tuple[int, ...]) -> None:
    """Raises ModelError where undecoded anchors are not those of the picture's size (height, width)."""
    wanted = sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES) if form == "yolox" else 0
    if wanted and shape[1] != wanted:
        raise ModelError(f"has {shape[1]} anchors, strides of 8, 16 and 32 give {wanted}; export it with decoding inside")


def _by_task(shape: tuple[int, ...], task: str | None, classes: int | None) -> str | None:
    """Ultralytics' export with suppression inside is a row of six; RT-DETR's queries are few and carry shares."""
    form = TASKS.get(task or "")
    if form == "yolo" and len(shape) == 3:
        if shape[2] == 6 and shape[1] <= MOST_FINISHED_BOXES and (classes or 0) != 2:
            return "boxes"
        if shape[1] <= MOST_FINISHED_BOXES and shape[1] > shape[2] == 4 + (classes or 0):
            return "rtdetr"
        if shape[2] == 5 + (classes or 0):
            return "yolov5"
    return form


def _guess(shape: tuple[int, ...], classes: int | None, where: str, last: str) -> str:
    if shape in ((1, 1), (1,), (1, 1, 1, 1)):
        return "sigmoid" if last == "Sigmoid" else "logit"
    if len(shape) in (2, 4) and shape[0] == 1 and sum(size != 1 for size in shape) == 1:
        return "classification"
    if len(shape) == 3 and shape[2] == 6 and shape[1] <= MOST_FINISHED_BOXES:
        return "boxes"
    if len(shape) == 3 and shape[1] > shape[2] == 5 + (classes or COCO):
        return "yolov5"
    if len(shape) == 3 and min(shape[1:]) > 4 and classes in (None, min(shape[1:]) - 4):
        return "yolo"
    raise ModelError(f"{where}: output {shape} is not recognised, add --head {'|'.join(FORMS)}")


def _classes(shape: tuple[int, ...], form: str, declared: int | None, where: str) -> int:
    if form in ("sigmoid", "logit"):
        if declared not in (None, 2):
            raise ModelError(f"{where}: one value tells two classes apart, {declared} names are given; give two, no first")
        return 2
    if form in ("boxes", *EXTRAS):
        if not declared:
            raise ModelError(
                f"{where}: boxes carry a class number but not how many there are, add --labels FILE (one name a line)"
            )
        return declared
    beside = 5 if form in ("yolov5", "yolox") else 4
    found = prod(shape) if form in CLASS_FORMS else (shape[-1] if form != "yolo" else min(shape[1:])) - beside
    if found < (2 if form == "classification" else 1):
        raise ModelError(f"{where}: output {shape} leaves no classes for --head {form}")
    if declared is not None and declared != found:
        raise ModelError(f"{where}: has {found} classes, but {declared} names are given; give one name a class")
    return found
