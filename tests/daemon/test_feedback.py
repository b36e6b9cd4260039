"""Labels from the user's application count as evidence, once each, in the light band they belong to."""

import pytest

from adaptd.daemon.worker_events import MAX_WAITING, Feedback
from adaptd.vocabulary import Shadow


def good(frame: int = 7, **changes: object) -> dict[str, object]:
    """A message as an application makes it from a result."""
    return {"frame": frame, "variant": "int8", "mono_us": 2_000, "correct": False, **changes}


@pytest.fixture
def feedback() -> Feedback:
    """Collecting, in bright light since 1,000 us."""
    collecting = Feedback(("int8",))
    collecting.now_in("bright", 1_000)
    return collecting


def test_a_wrong_answer_is_a_loss_and_a_right_one_is_none(feedback: Feedback) -> None:
    """Both kinds of label count, with loss 1 and loss 0, and are handed over once."""
    assert feedback.take(good(1)) == ""
    assert feedback.take(good(2, correct=True)) == ""
    assert feedback.losses() == (Shadow("bright", "int8", 1_000_000), Shadow("bright", "int8", 0))
    assert feedback.losses() == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"correct": "yes"}, "needs frame"),
        ({"frame": "1"}, "needs frame"),
        ({"mono_us": None}, "needs frame"),
        ({"variant": "fp16"}, "no efficient variant"),
        ({"shadowed": True}, "has been counted"),
        ({"mono_us": 1_000}, "another light band"),
    ],
)
def test_a_label_that_proves_nothing_is_refused_with_the_reason(
    feedback: Feedback, changes: dict[str, object], words: str
) -> None:
    """A label of the reference, of a frame already counted or of another light band is refused and changes nothing."""
    assert words in feedback.take(good(**changes))  # type: ignore[arg-type]
    assert feedback.losses() == ()


def test_the_same_frame_counts_once(feedback: Feedback) -> None:
    """A label sent twice is one piece of evidence."""
    feedback.take(good())
    assert "labelled before" in feedback.take(good())
    assert len(feedback.losses()) == 1


def test_a_change_of_light_closes_the_door_for_older_frames(feedback: Feedback) -> None:
    """After the band changed, labels of frames from before it count for nothing."""
    feedback.now_in("dim", 5_000)
    assert "another light band" in feedback.take(good(mono_us=4_999))
    assert feedback.take(good(mono_us=5_001)) == ""
    assert feedback.losses()[0].band == "dim"


def test_a_flood_of_labels_is_bounded(feedback: Feedback) -> None:
    """A tick never takes in more than a bounded number of labels."""
    refused = [feedback.take(good(frame)) for frame in range(MAX_WAITING + 10)]
    assert sum(bool(words) for words in refused) == 10


def test_a_label_counts_for_the_camera_that_saw_the_frame() -> None:
    """With several cameras a label names one, as the result did, and is evidence of that one alone."""
    collecting = Feedback(("int8",), ("front", "rear"))
    collecting.now_in("bright", 1_000)
    assert "camera '' is not served, one of front, rear is" in collecting.take(good(1))
    assert "camera 'left'" in collecting.take(good(1, camera="left"))
    assert collecting.take(good(1, camera="rear")) == ""
    assert collecting.losses() == (Shadow("bright/rear", "int8", 1_000_000),)
