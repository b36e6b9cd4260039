"""When the camera needs a look and not the pet: it was moved, the bowl is gone, a pet sleeps in front of it, or nothing comes."""

from datetime import tzinfo

from adaptd.apps.feeder import words
from adaptd.apps.feeder.camera_watch import CameraWatch
from adaptd.apps.feeder.days import seen_within
from adaptd.apps.feeder.finding import Finding, Rule, Verdict
from adaptd.apps.feeder.settings import HOUR_US, PPM, SECOND_US, WINDOW_S, WINDOW_US
from adaptd.apps.feeder.store import Store

SLEEPS_WINDOWS = 6
SLEEPS_PPM = 900_000
NOTHING_COMES_US = 12 * HOUR_US


def judge_scene(store: Store, zone: tzinfo, now_us: int) -> list[Finding]:
    """A pet that stays at the bowl without eating, and a bowl that nobody comes to any more."""
    return _sleeper(store, zone, now_us) + _nobody(store, zone, now_us)


def judge_camera(watch: CameraWatch, zone: tzinfo) -> list[Finding]:
    """A bowl that the model no longer sees, and a scene that is another one than those in which a pet was seen to eat."""
    found = []
    if (since := watch.hidden_since_us) is not None:
        text = (
            f"No bowl in sight since {words.clock_time(since, zone)}: was it taken away, covered, or the camera turned? "
            "Until it is back nothing counts as seen."
        )
        found.append(_finding(f"scene-hidden-{since // SECOND_US}", "", Verdict.NOTICE, text))
    if (since := watch.moved_since_us) is not None:
        text = (
            f"The picture has changed since {words.clock_time(since, zone)}: the camera was moved, or something stands before "
            "the bowl. Look at it. If it is to stay so, check the region with `adaptd camera roi`, then tell it with "
            "`adaptd feeder note camera-moved`."
        )
        found.append(_finding(f"scene-moved-{since // SECOND_US}", "", Verdict.NOTICE, text))
    return found


def _sleeper(store: Store, zone: tzinfo, now_us: int) -> list[Finding]:
    now_s = now_us // SECOND_US // WINDOW_S * WINDOW_S
    rows = store.base.execute(
        "SELECT start_s, pet, eating_us, present_us FROM eating WHERE start_s >= ? AND start_s < ? ORDER BY start_s DESC",
        (now_s - 12 * HOUR_US // SECOND_US, now_s),
    ).fetchall()
    found = []
    for pet in sorted({row[1] for row in rows}):
        run = 0
        still = {row[0] for row in rows if row[1] == pet and row[2] == 0 and row[3] >= WINDOW_US * SLEEPS_PPM // PPM}
        while now_s - (run + 1) * WINDOW_S in still:
            run += 1
        if run >= SLEEPS_WINDOWS:
            begun = now_s - run * WINDOW_S
            text = (
                f"{words.who(pet)} has been at the bowl without eating since {words.clock_time(begun * SECOND_US, zone)}: "
                "it may sleep there. While it hides the bowl nobody else is seen eating."
            )
            found.append(_finding(f"scene-sleeps-{pet}-{begun}", pet, Verdict.WATCH, text))
    return found


def _nobody(store: Store, zone: tzinfo, now_us: int) -> list[Finding]:
    row = store.base.execute(
        "SELECT max(start_s) FROM eating WHERE present_us > 0 AND start_s <= ?", (now_us // SECOND_US,)
    ).fetchone()
    first = store.base.execute("SELECT min(start_s) FROM windows").fetchone()[0]
    if first is None:
        return []
    since = int(row[0] if row[0] is not None else first)
    _, seen = seen_within(store, (since + 1, now_us // SECOND_US + 1))
    if seen < NOTHING_COMES_US:
        return []
    text = (
        f"Nobody came to the bowl in {words.hours(seen)} of time seen, since {words.clock_time(since * SECOND_US, zone)}. "
        "Check that the camera still sees the bowl, and where the pet is."
    )
    return [_finding(f"scene-nobody-{since}", "", Verdict.NOTICE, text)]


def _finding(key: str, pet: str, verdict: Verdict, text: str) -> Finding:
    return Finding(key, Rule.SCENE, pet, verdict, text)
