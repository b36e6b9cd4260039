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
HEAD_OVER_BOWL_PPM = 300_000  # of the bowl's region under a pet's box


Corners = tuple[int, int, int, int]  # left, top, right, bottom in ppm of the picture's sides


class Activity(Enum):
    """What one pet does. ``BLIND`` is time in which nothing was seen, or no bowl."""

    EMPTY = "empty"
    PRESENT = "present"
    EATING = "eating"
    BLIND = "blind"


MEANS = {
    **dict.fromkeys(("eating", "eat", "eats"), Activity.EATING),
    **dict.fromkeys(("pet_at_bowl", "at_bowl", "present", "pet", "cat", "dog"), Activity.PRESENT),
    **dict.fromkeys(("empty", "nobody", "none", "background", ""), Activity.EMPTY),
    **dict.fromkeys(("no_bowl", "bowl_hidden", "covered"), Activity.BLIND),
}


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
    if word in MEANS:
        return pet, MEANS[word]
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
    whole = area(region)
    return shared(corners, region) * PPM // whole if whole else 0


def shared(one: Corners, other: Corners) -> int:
    """The area that two boxes have in common."""
    return area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))


def area(box: Corners) -> int:
    """Width times height; 0 of a box that is turned inside out."""
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def _seen(box: Box, roi: Corners | None, named: Mapping[str, str] | None) -> Seen:
    pet, activity = meaning_of(box.label, named)
    over = roi is not None and covered_ppm(box.corners, roi) >= HEAD_OVER_BOWL_PPM
    if activity is Activity.PRESENT and over and "eating" not in box.label:
        activity = Activity.EATING
    return Seen(pet=pet, activity=activity, score_ppm=box.score_ppm)
