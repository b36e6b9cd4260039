"""What a result says about the bowl: who is there, and whether it eats.

A classifier's label is ``eating``, ``pet_at_bowl`` or ``empty`` as in the shipped model, or carries a name where the model
tells pets apart: ``eating:mimi``, ``at_bowl:mimi``. A detector's boxes carry the same labels; a pet's box that covers enough of
the bowl's region eats. Labels of another model are mapped: ``mimi`` to ``at_bowl:mimi``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from adaptd.apps.feeder.settings import PPM

HOUSEHOLD = ""  # the pet's name where the model tells none apart
EATS = {"eating", "eat", "eats"}
IS_THERE = {"pet_at_bowl", "at_bowl", "present", "pet", "cat", "dog"}
NOBODY = {"empty", "nobody", "none", "background", ""}
HIDDEN = {"no_bowl", "bowl_hidden", "covered"}
HEAD_OVER_BOWL_PPM = 300_000  # of the bowl's region under a pet's box


Corners = tuple[int, int, int, int]  # left, top, right, bottom in ppm of the picture's sides


class Activity(Enum):
    """What one pet does. ``BLIND`` is time in which nothing was seen, or no bowl."""

    EMPTY = "empty"
    PRESENT = "present"
    EATING = "eating"
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class Box:
    """One detection; corners in ppm of the picture's sides: left, top, right, bottom."""

    label: str
    score_ppm: int
    corners: Corners


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One pet in one frame."""

    pet: str
    activity: Activity
    score_ppm: int


class UnknownLabelError(ValueError):
    """The model's label means nothing here. The text is one line with the remedy."""


def meaning_of(label: str, named: Mapping[str, str] | None = None) -> tuple[str, Activity]:
    """A label as (pet, activity); ``named`` maps labels of another model to ours.

    Raises:
        UnknownLabelError: nobody said what the label means.
    """
    ours = (named or {}).get(label, label)
    word, _, pet = ours.partition(":")
    for words, activity in (
        (EATS, Activity.EATING),
        (IS_THERE, Activity.PRESENT),
        (NOBODY, Activity.EMPTY),
        (HIDDEN, Activity.BLIND),
    ):
        if word in words:
            return pet, activity
    raise UnknownLabelError(
        f"label {label!r}: means neither eating, at_bowl nor empty here; say which, for example --label {label}=eating:NAME"
    )


def seen_in(result: Mapping[str, Any], roi: Corners | None = None, named: Mapping[str, str] | None = None) -> list[Seen]:
    """Everybody in one result; nobody is one entry of the household with ``EMPTY``.

    Raises:
        UnknownLabelError: a label is unknown.
    """
    boxes = result.get("boxes")
    if boxes is None:
        pet, activity = meaning_of(str(result["class"]), named)
        return [Seen(pet=pet, activity=activity, score_ppm=int(result["score_ppm"]))]
    found = [_seen(box, roi, named) for box in boxes_of(boxes)]
    there = [each for each in found if each.activity is not Activity.EMPTY]
    return there or [Seen(pet=HOUSEHOLD, activity=Activity.EMPTY, score_ppm=PPM)]


def boxes_of(rows: Sequence[Sequence[Any]]) -> list[Box]:
    """The boxes of a result line: class, score_ppm, left, top, right, bottom."""
    return [Box(str(row[0]), int(row[1]), (int(row[2]), int(row[3]), int(row[4]), int(row[5]))) for row in rows]


def covered_ppm(corners: Corners, region: Corners) -> int:
    """How much of ``region`` lies under the box, 0 to 1,000,000."""
    width = min(corners[2], region[2]) - max(corners[0], region[0])
    height = min(corners[3], region[3]) - max(corners[1], region[1])
    area = (region[2] - region[0]) * (region[3] - region[1])
    return 0 if width <= 0 or height <= 0 or area <= 0 else width * height * PPM // area


def _seen(box: Box, roi: Corners | None, named: Mapping[str, str] | None) -> Seen:
    pet, activity = meaning_of(box.label, named)
    over = roi is not None and covered_ppm(box.corners, roi) >= HEAD_OVER_BOWL_PPM
    if activity is Activity.PRESENT and over and "eating" not in box.label:
        activity = Activity.EATING
    return Seen(pet=pet, activity=activity, score_ppm=box.score_ppm)
