"""The interval in which the light lies, and that a light band is named only where it holds all of that."""

from itertools import pairwise
from random import Random

import pytest

from adaptd.brain.estimate import light as lights
from adaptd.brain.estimate.bands import UNKNOWN, edges, follow
from adaptd.brain.estimate.light import NOTHING, Light, between, observe
from adaptd.brain.judge.fusion import Held
from adaptd.config.policy import LightBand, load_policy
from adaptd.config.shipped import policies_dir
from adaptd.twin.world import bands_at
from adaptd.vocabulary import Doubt, Judged, MissingReason

SAID = Judged("lux")
HALL = load_policy(policies_dir() / "agv-inspection.yaml").bands  # hall up to 900 lux, daylight from 600
NARROW = (LightBand("dim", None, 250_000), LightBand("bright", 200_000, None))  # the least overlap that a check lets pass


def after(light: Light, *readings_lux: float, every_s: float = 1.0) -> Light:
    """What is known after these readings, a second apart."""
    for reading in readings_lux:
        light = observe(light, 1, Held(round(reading * 1000), light.at_us + round(every_s * 1e6), "lux"))
    return light


def spread(light: Light) -> float:
    """Half of the interval over the level."""
    low, high = between(light, SAID) or (0, 0)
    return (high - low) / 2 / (light.level_mlx or 1)


def named(bands: tuple[LightBand, ...], lux: list[float], scatter: float, seed: int, how: str = "margin") -> list[str]:
    """The band at every look at this light. "single": each reading is taken for the light itself; "level": nothing leans."""
    draw, light, band, found = Random(seed), NOTHING, UNKNOWN, []
    for true_lux in lux:
        reading = true_lux * draw.gauss(1.0, scatter)
        light = after(light, reading)
        span = between(light if how == "margin" else light._replace(lean_ppm=0), SAID)
        band = follow(edges(bands), band, (round(reading * 1000),) * 2 if how == "single" else span)
        found.append(band)
    return found


def wrong(lux: list[float], how: str = "margin") -> int:
    """Looks of 100 runs in which the band named does not hold the true light."""
    runs = [named(HALL, lux, 0.05, seed, how) for seed in range(100)]
    return sum(band not in (*bands_at(HALL, true * 1000), UNKNOWN) for run in runs for band, true in zip(run, lux, strict=True))


def test_light_that_comes_to_rest_beside_an_edge_is_in_no_band_that_does_not_hold_it() -> None:
    """4 % above the edge of a band noise of 5 % leaves it in the band below, where single readings are believed."""
    lux = [400.0] * 10 + [933.0] * 20
    assert wrong(lux) <= 1
    assert wrong(lux, "single") >= 20


def test_light_that_passes_an_edge_is_not_left_behind() -> None:
    """A rise by ten lux a second: the mean alone is behind by several per cent, the interval is not."""
    lux = [400.0 + 10 * n for n in range(70)]
    assert wrong(lux) <= 1
    assert wrong(lux, "level") >= 20


def test_light_at_rest_in_the_narrowest_overlap_does_not_flap() -> None:
    """Two hours in the middle of an overlap of a quarter under 5 % of scatter, and in that of the shipped policies."""
    narrow, single = (changes(named(NARROW, [224.0] * 7200, 0.05, 1, how)) for how in ("margin", "single"))
    assert narrow <= 40 < 80 <= single
    assert changes(named(HALL, [735.0] * 7200, 0.06, 1)) == 0


def changes(run: list[str]) -> int:
    """How often the band changed after it was first named."""
    return sum(a != b for a, b in pairwise(run))


def test_a_band_that_overlaps_less_than_the_scatter_is_named_by_nobody() -> None:
    """Where no band holds all of what the light may be, the light is not known: the reference serves until more is seen."""
    light, crossing = after(NOTHING, 240), (LightBand("dim", None, 250_000), LightBand("bright", 230_000, None))
    assert follow(edges(crossing), "dim", between(light, SAID)) == UNKNOWN
    assert follow(edges(NARROW), "bright", between(after(light, *[240] * 20), SAID)) == "bright"


def test_a_clipped_picture_is_only_in_the_brightest_band() -> None:
    """A reading that says "at least" has no upper end, unless another source speaks."""
    light, bound = after(NOTHING, *[400] * 30), Doubt("camera", MissingReason.BOUND, False)
    assert follow(edges(HALL), "hall", between(light, Judged("camera", None, (bound,)))) == UNKNOWN
    assert follow(edges(HALL), "hall", between(light, Judged("lux", None, (bound,)))) == "hall"
    assert follow(edges(HALL), "hall", between(after(NOTHING, *[4000] * 30), Judged("camera", None, (bound,)))) == "daylight"


def test_the_first_reading_may_be_three_deviations_of_a_twentieth_off() -> None:
    """Of one reading alone 15 % are not known either way."""
    assert between(after(NOTHING, 1000), SAID) == (869_566, 1_150_000)


def test_many_readings_know_light_that_rests_to_a_twentieth() -> None:
    """Scatter of 5 % and a drift of 0.5 % in a second settle at three deviations of 1.5 %."""
    light = Light(1_000_000, 1_000_000, 0, 0, 50_000, 50_000)
    for _ in range(40):
        light = after(light, 1000)._replace(scatter_ppm=50_000)
    assert light.unsure_ppm == pytest.approx(15_400, abs=300)


def test_scatter_is_learned_within_minutes_and_bounded() -> None:
    """A sensor of 2 % is known for one in five minutes; none is taken for worse than 10 % or for better than half a per cent."""
    draw = Random(5)
    fine, coarse, still = NOTHING, NOTHING, NOTHING
    for _ in range(300):
        fine, coarse = after(fine, 1000 * draw.gauss(1, 0.02)), after(coarse, 1000 * draw.uniform(0.75, 1.25))
        still = after(still, 1000)
    assert fine.scatter_ppm == pytest.approx(20_000, rel=0.25)
    assert 97_000 <= coarse.scatter_ppm <= 100_000
    assert still.scatter_ppm == 5_000


def test_one_odd_reading_hardly_moves_the_scatter() -> None:
    """Of a step three deviations count, in a mean over 64 readings: 5 % become 5.3 %."""
    light = after(Light(1_000_000, 1_000_000, 0, 0, 60_000, 50_000), 1300)
    assert light.scatter_ppm == pytest.approx(53_000, abs=200)
    assert light.level_mlx != 1_300_000


@pytest.mark.parametrize(("lux", "jumps"), [(1190, False), (1215, True)])
def test_four_deviations_are_a_lamp_and_less_is_noise(lux: int, jumps: bool) -> None:
    """A step begins the level anew with one reading's doubt."""
    light = after(Light(1_000_000, 1_000_000, 0, 0, 10_000, 50_000), lux)
    assert (light.level_mlx == lux * 1000) is jumps
    assert (light.unsure_ppm == light.scatter_ppm) is jumps


def test_light_on_its_way_is_followed_by_the_interval_at_once() -> None:
    """A third of what the last reading lies above the level is added on that side, and none on the other."""
    light = after(Light(1_000_000, 1_000_000, 0, 0, 10_000, 50_000), 1100)
    low, high = between(light, SAID) or (0, 0)
    flat_low, flat_high = between(light._replace(lean_ppm=0), SAID) or (0, 0)
    assert high - flat_high == pytest.approx(33_333, rel=0.01)
    assert low == flat_low


def test_in_the_dark_scatter_is_that_of_a_lux() -> None:
    """At a hundredth of a lux shares of the level mean nothing: 15 % of a lux are not known."""
    low, high = between(after(NOTHING, 0.01), SAID) or (0, 0)
    assert high == 160
    assert low <= 0


def test_a_reading_that_was_heard_already_teaches_nothing() -> None:
    """Between two answers of a slow sensor nothing is learned twice, and what is not believed any more is forgotten."""
    light = after(NOTHING, 500, 510)
    assert observe(light, 510_000, Held(510_000, light.at_us, "lux")) is light
    assert observe(light, None, Held(510_000, light.at_us, "lux")) == lights.Light(scatter_ppm=light.scatter_ppm)
    assert between(observe(light, None, None), SAID) is None


def test_a_state_that_no_sensor_leaves_behind_is_survived() -> None:
    """A log may hold any state: no scatter at all, or doubts below nothing, end no replay."""
    forged = Light(1_000_000, 1_000_000, 10_000_000, -5_000_000, -1_000_000, 0)
    assert between(forged, SAID) is not None
    assert observe(forged, 1, Held(1_000_000, 5_000_000, "lux")).level_mlx == 1_000_000
