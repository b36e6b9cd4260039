"""Parts on the result stream: when one is rejected, when it passes, and when nobody can tell."""

import pytest

from adaptd.apps.agv.follow import NoDetectorError
from adaptd.apps.agv.inspection import Reason, Verdict
from adaptd.apps.agv.part_ids import Counted, PartIdError, Told, checked
from adaptd.apps.agv.settings import SECOND_US, Settings
from adaptd.apps.agv.watch import Watch, battery_line
from tests.apps.agv_line import SCRATCH, STATUS, Line


def test_a_defect_that_stays_rejects_and_a_flicker_does_not() -> None:
    """A scratch in a third of the frames rejects the part and is told while it is in view; one in two of 25 frames is none."""
    line = Line()
    bad = line.part("A-1", {index: [SCRATCH] for index in range(8)})
    assert (bad.verdict, bad.defects[0].kind, bad.defects[0].frames) == (Verdict.REJECT, "scratch", 8)
    assert line.found == ["A-1"]
    assert line.part("A-2", {3: [SCRATCH], 9: [SCRATCH]}).verdict is Verdict.PASS


def test_a_faint_box_is_no_defect() -> None:
    """A box under the score that rejects counts for nothing, however often it is seen."""
    faint = [SCRATCH[0], 399_999, *SCRATCH[2:]]
    assert Line().part("A-1", {index: [faint] for index in range(25)}).verdict is Verdict.PASS


def test_two_boxes_in_one_frame_are_one_frame() -> None:
    """What confirms a defect is frames, not boxes: a frame full of scratches is still one frame."""
    assert Line().part("A-1", {0: [SCRATCH] * 20}).verdict is Verdict.PASS


def test_a_part_cannot_be_told_where_something_is_missing() -> None:
    """Too few frames, a camera that saw nothing, light without a good detector, an engine with a shut account: no pass."""
    assert Line().part("A-1", frames=3).reasons == (Reason.FEW_FRAMES,)
    two = Line(Settings(cameras=("left", "right")))
    assert two.part("A-1", cameras=["left"]).reasons == (Reason.CAMERA_GONE,)
    assert two.part("A-2", cameras=["left", "right"]).verdict is Verdict.PASS
    dark = Line(status={**STATUS, "band": "dark"})
    assert dark.part("A-1").reasons == (Reason.LOW_MAP,)
    shut = Line(status={"band": "hall", "account": {"hall": {"open": False}}})
    assert shut.part("A-1", variant="int8").reasons == (Reason.UNPROVEN,)
    assert shut.part("A-2", variant="fp16").verdict is Verdict.PASS
    assert Line(status={}).part("A-1").reasons == (Reason.LOW_MAP,), "without a status the light is not known"


def test_a_defect_rejects_even_where_a_pass_could_not_be_told() -> None:
    """In light for which the detector is not good enough a defect that it does see still counts."""
    dark = Line(status={**STATUS, "band": "dark"})
    assert dark.part("A-1", {index: [SCRATCH] for index in range(20)}).verdict is Verdict.REJECT


def test_a_verdict_says_what_it_rests_on() -> None:
    """Engines, light, qualified mAP and the account's bound stand beside the verdict."""
    basis = Line().part("A-1", variant="int8").basis
    assert basis["engines"] == {"int8": 25}
    assert (basis["light"], basis["lowest_map_ppm"], basis["loss_bound_ppm"]) == ({"hall": 25}, 980_000, 9_000)


def test_the_account_of_its_own_camera_counts() -> None:
    """With several cameras the account is the camera's own: one camera's shut account does not speak for the other."""
    accounts = {"hall/left": {"open": True, "bound_ppm": 5}, "hall/right": {"open": False}}
    line = Line(Settings(cameras=("left", "right")), status={"band": "hall", "account": accounts})
    assert line.part("A-1", variant="int8", cameras=["left", "right"]).basis["unproven_frames"] == 25


def test_a_classifier_is_refused_with_the_remedy() -> None:
    """Results without boxes are no inspection: one line says which bundle to serve."""
    with pytest.raises(NoDetectorError, match="adaptd run --bundle engines/inspection"):
        Line().follower.take({"mono_us": 1, "variant": "fp16", "class": "eating"})


@pytest.mark.parametrize("text", ["A\x1b[31m", "A\x00", "../x\ty", "Teil ä", "x" * 81, "-A", "\u202eA"])
def test_an_identifier_with_control_characters_is_refused(text: str) -> None:
    """Escape sequences, tabs, other scripts and overlong names never reach a terminal, a file or a message."""
    with pytest.raises(PartIdError, match="is no identifier") as caught:
        checked(text)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()
    told = Told()
    told.line("A-1")
    assert told.line(text)
    assert told.at(0) == "", "no part is judged under the name of the one before"


def test_parts_that_nobody_names_are_counted() -> None:
    """Every two seconds another part, numbered on from where the last run ended."""
    counted = Counted(2 * SECOND_US, number=7)
    assert [counted.at(at * SECOND_US) for at in (0, 1, 2, 3, 5)] == [f"part-{number:06d}" for number in (7, 7, 8, 8, 9)]


def test_a_camera_that_vanishes_is_told_within_seconds() -> None:
    """One camera of two falls silent: after two seconds its name and what to look at are said."""
    watch = Watch(Settings(cameras=("left", "right")))
    for at in range(50):
        watch.result("left", at * SECOND_US // 10)
        if at < 20:
            watch.result("right", at * SECOND_US // 10)
    lines = watch.lines({}, 5 * SECOND_US, None)
    assert list(lines) == ["camera right"]
    assert "look at its cable" in lines["camera right"]


def test_a_rate_under_the_goal_is_told_with_the_daemons_reason() -> None:
    """Ten frames a second where 25 are wanted are said after ten seconds, with why the daemon serves no more."""
    watch = Watch(Settings())
    for at in range(101):
        watch.result("", at * SECOND_US // 10)
    said = watch.lines({"why": "the board is at its limit of 85 degC"}, 10 * SECOND_US, None)
    assert "the goal is 25: the board is at its limit" in said["rate"]


def test_a_mission_that_no_battery_bears_is_told() -> None:
    """No goal in the policy, no battery, a goal that cannot be reached: one line each; a battery that lasts is silent."""
    assert "write `endurance: {hours: 9}`" in str(battery_line({"state": "normal"}, 9))
    assert "has no battery" in str(
        battery_line({"endurance": {"missing": "this machine has no battery that adaptd can read"}}, 9)
    )
    short = {"endurance": {"reachable": False, "words": "17:00 cannot be reached with 10 % left"}}
    assert "cannot be reached" in str(battery_line(short, 9))
    assert battery_line({"endurance": {"reachable": True, "words": "lasts until 18:00"}}, 9) is None
    assert battery_line({"state": "normal"}, None) is None
