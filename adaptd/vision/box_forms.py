"""How detectors write boxes: every form becomes corners in pixels of the network's input, a score and a class number.

| form | output |
|---|---|
| ``boxes`` | 1 x N x 6: left, top, right, bottom, score, class; suppressed by the model |
| ``yolo`` | 1 x (4 + classes) x anchors or its transpose: centre, sides, class scores (YOLOv8, v9, v11) |
| ``yolo-pose``, ``yolo-seg`` | the same with key points or mask coefficients behind, which are not read |
| ``yolo-obb`` | the same with an angle behind: the upright box around the turned one is read |
| ``yolov5`` | 1 x anchors x (5 + classes): centre, sides, objectness, class scores (YOLOv5, v7; YOLOX with decoding inside) |
| ``yolox`` | the same before decoding: offsets in cells of 8, 16 and 32 pixels, logarithms of sides |
| ``rtdetr`` | 1 x queries x (4 + classes): centre and sides as shares of the picture, class scores; needs no suppression |
| ``corners`` | 1 x N x (4 + classes): corners in pixels, class scores (pairs of boxes and scores are joined to this) |
| ``corners-share`` | the same with corners as shares of the picture |
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
EXTRAS = ("yolo-pose", "yolo-seg", "yolo-obb")
BOX_FORMS = ("boxes", "yolo", *EXTRAS, "yolov5", "yolox", "rtdetr", "corners", "corners-share")
FINISHED = ("boxes", "rtdetr")
STRIDES = (8, 16, 32)


def read(form: str, output: Array, floor: float, classes: int = 0, size: tuple[int, ...] = (1, 1)) -> Array:
    """The boxes of one output whose score reaches ``floor``: corners in pixels, score, class number, (n, 6).

    ``size`` is (height, width) of the network's input.
    """
    if form == "boxes":
        rows = output.reshape(-1, 6)
        return rows[rows[:, 4] >= floor]
    rows = _anchors(form, output, classes)
    if form in ("yolov5", "yolox"):
        sure = np.flatnonzero(rows[:, 4] >= floor)  # a product of shares is no larger than either
        rows = rows[sure]
        scores = rows[:, 5:] * rows[:, 4:5]
    else:
        sure = np.arange(0)
        scores = rows[:, 4 : 4 + (classes or rows.shape[1] - 4)]
    top = scores.max(axis=1, initial=-np.inf)
    kept = np.flatnonzero(top >= floor)
    labels = np.argmax(scores[kept], axis=1) if len(kept) else np.zeros(0, np.intp)
    rows = rows[kept]
    if form == "yolox":
        rows = _decoded(rows, sure[kept], size)
    return np.column_stack([_corners(form, rows, size), top[kept], labels]).astype(np.float32)


def fits(form: str, shape: tuple[int, ...], classes: int) -> bool:
    """Whether an output of ``shape`` can be ``form`` with so many classes."""
    if len(shape) != 3 or shape[0] != 1:
        return False
    if form == "boxes":
        return shape[2] == 6
    if form in EXTRAS:
        least = 4 + classes + 1
        return min(shape[1:]) == least if form == "yolo-obb" else min(shape[1:]) >= least
    if form == "yolo":
        return 4 + classes in shape[1:]
    return shape[2] == classes + (5 if form in ("yolov5", "yolox") else 4)


def _anchors(form: str, output: Array, classes: int) -> Array:
    """One row an anchor, whichever way round they are written."""
    rows: Array = output[0]
    if form not in ("yolo", *EXTRAS):
        return rows
    first, second = output.shape[1:]
    told = form == "yolo" and classes and (first == 4 + classes) != (second == 4 + classes)
    turned = first == 4 + classes if told else first < second
    return rows.T if turned else rows


def _corners(form: str, rows: Array, size: tuple[int, ...]) -> Array:
    height, width = size
    share = np.array([width, height, width, height], np.float32)
    if form == "corners":
        return rows[:, :4]
    if form == "corners-share":
        return rows[:, :4] * share
    centre, sides = rows[:, :2], rows[:, 2:4]
    if form == "yolo-obb":
        turn = rows[:, -1:]
        cos, sin = np.abs(np.cos(turn)), np.abs(np.sin(turn))
        sides = np.hstack([sides[:, :1] * cos + sides[:, 1:] * sin, sides[:, :1] * sin + sides[:, 1:] * cos])
    corners: Array = np.hstack([centre - sides / 2, centre + sides / 2])
    return corners * share if form == "rtdetr" else corners


def _decoded(rows: Array, at: npt.NDArray[np.intp], size: tuple[int, ...]) -> Array:
    """YOLOX's anchors: one a cell, strides 8, 16 and 32 one after the other, rows of cells from the top."""
    height, width = size
    cells = [(column, row, stride) for stride in STRIDES for row in range(height // stride) for column in range(width // stride)]
    if not len(rows):
        return rows
    place = np.array([cells[index] for index in at], np.float32)
    decoded: Array = rows.copy()
    decoded[:, :2] = (rows[:, :2] + place[:, :2]) * place[:, 2:]
    decoded[:, 2:4] = np.exp(rows[:, 2:4]) * place[:, 2:]
    return decoded
