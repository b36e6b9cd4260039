"""Light: sensors with a kernel driver, and the picture itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from adaptd.brain.judge.fusion import BRIGHT_LINEAR_PPM
from adaptd.sense import iio_light
from adaptd.sense.camera_light import (
    Calibration,
    CameraFeed,
    LightEstimate,
    PictureStats,
    estimate,
    linear_ppm,
    parse_calibration,
    seen,
)
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import Missing, MissingReason, RawReading
from tests.sense.conftest import tree
from tests.sense.fakes import FaultySysfs
from tests.sense.judged import said

DEVICE = "sys/bus/iio/devices/iio:device0"
TABLE = Calibration(((50_000, 1_000), (250_000, 100_000), (600_000, 10_000_000)))


def test_the_processed_node_is_taken_before_raw_times_scale() -> None:
    """veml6030 carries both, and only the processed one is lux: 412.032, not 7154 times a gain."""
    light = iio_light.discover(Sysfs(tree("orin-nx-16gb")))[0]
    assert light.node == "in_illuminance_input"
    assert light.read(0) == 412_032


def test_raw_times_scale_is_lux_where_the_driver_means_it() -> None:
    """bh1750: 348 counts of 0.833333 lux are 290 lux."""
    assert iio_light.discover(Sysfs(tree("raspberry-pi-5")))[0].read(0) == 290_000


def test_an_offset_is_added_before_the_scale() -> None:
    """The kernel's rule is (raw + offset) times scale: (348 + 52) times 0.5 is 200 lux."""
    sysfs = FaultySysfs(tree("raspberry-pi-5"))
    sysfs.say(f"{DEVICE}/in_illuminance_scale", "0.5\n")
    sysfs.say(f"{DEVICE}/in_illuminance_offset", "52\n")
    assert iio_light.discover(sysfs)[0].read(0) == 200_000
    sysfs.say(f"{DEVICE}/in_illuminance_offset", "\n")
    assert said(iio_light.discover(sysfs)[0].read(0)) == "empty"


def test_a_scale_that_is_a_gain_gives_no_light() -> None:
    """An older veml6030 driver without a processed node is Missing, not wrong by its gain."""
    light = iio_light.IioLight(Sysfs(tree("orin-nx-16gb")), DEVICE, "veml6030", "in_illuminance_raw")
    reading = light.read(0)
    assert isinstance(reading, Missing)
    assert "gain" in said(reading)


def plug(root: Path, number: int, chip: str, lux: str) -> Path:
    """A light sensor under a device number."""
    folder = root / f"sys/bus/iio/devices/iio:device{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{chip}\n")
    (folder / "in_illuminance_input").write_text(f"{lux}\n")
    return folder


def test_a_sensor_that_is_plugged_in_again_comes_back_by_itself(tmp_path: Path) -> None:
    """Unplugged it is Missing; under another number, beside another sensor in its old place, it is found by its name."""
    folder = plug(tmp_path, 0, "tsl2563", "400")
    light = iio_light.discover(Sysfs(tmp_path))[0]
    folder.rename(tmp_path / "unplugged")
    assert said(light.read(0)) == "gone: ENOENT: file is gone"
    plug(tmp_path, 0, "opt3001", "90000")
    assert said(light.read(0)) == "gone: its place is now opt3001's, not tsl2563's"
    plug(tmp_path, 3, "tsl2563", "350")
    assert light.read(0) == 350_000


@pytest.mark.parametrize("text", ["65535\n", "-1\n", "\n", "bright\n"])
def test_a_blind_or_broken_chip_is_missing(text: str) -> None:
    """All-ones, negative, empty and garbage answers of a bh1750 are no light."""
    sysfs = FaultySysfs(tree("raspberry-pi-5"))
    sysfs.say(f"{DEVICE}/in_illuminance_raw", text)
    assert isinstance(iio_light.discover(sysfs)[0].read(0), Missing)


@pytest.mark.parametrize(
    ("chip", "text"), [("tsl2563", "65535\n"), ("tsl2563", "99999\n"), ("tsl2591", "65535\n"), ("other", "-3\n")]
)
def test_the_saturation_value_of_each_driver_is_missing(chip: str, text: str) -> None:
    """A chip that is blinded by the sun does not say how bright it is."""
    sysfs = FaultySysfs(tree("orin-nx-16gb"))
    sysfs.say(f"{DEVICE}/in_illuminance_input", text)
    assert isinstance(iio_light.IioLight(sysfs, DEVICE, chip, "in_illuminance_input").read(0), Missing)


def test_an_indexed_node_is_found(tmp_path: Path) -> None:
    """in_illuminance0_input is lux as well."""
    device = tmp_path / DEVICE
    device.mkdir(parents=True)
    (device / "name").write_text("tsl2563\n")
    (device / "in_illuminance0_input").write_text("75\n")
    assert iio_light.discover(Sysfs(tmp_path))[0].read(0) == 75_000


def picture(mean_ppm: int, **fields: int) -> PictureStats:
    """A frame with this mean."""
    return PictureStats(frame=1, at_us=0, mean_ppm=mean_ppm, **fields)


def test_the_table_maps_brightness_to_lux_on_a_logarithmic_scale() -> None:
    """On a table point the light is the table's; half-way between 1 and 100 lux it is 10."""
    assert estimate(picture(250_000), TABLE) == LightEstimate(100_000)
    found = estimate(picture(150_000), TABLE)
    assert isinstance(found, LightEstimate)
    assert found.mlx == 10_000


def test_a_picture_below_the_table_is_no_reading() -> None:
    """Too dark for the camera is 'at most', which is not a light."""
    assert said(estimate(picture(49_999), TABLE)) == "too dark for the camera: at most 1 lux"


@pytest.mark.parametrize("fields", [{"mean_ppm": 700_000}, {"mean_ppm": 400_000, "clipped_ppm": 600_000}])
def test_a_clipped_picture_is_a_lower_bound(fields: dict[str, int]) -> None:
    """A white picture says 'at least', and the reading says that it is a bound."""
    found = estimate(PictureStats(frame=1, at_us=0, **fields), TABLE)
    assert isinstance(found, LightEstimate)
    assert found.mlx == 10_000_000
    assert found.note is MissingReason.BOUND


def test_exposure_and_gain_turn_the_same_picture_into_different_light() -> None:
    """The same grey picture taken in a tenth of the time and a quarter of the gain comes from 40 times the light."""
    dark = estimate(picture(461_000, exposure_us=40_000, gain_ppm=4_000_000), None)
    light = estimate(picture(461_000, exposure_us=4_000, gain_ppm=1_000_000), None)
    assert isinstance(dark, LightEstimate)
    assert isinstance(light, LightEstimate)
    assert light.mlx == pytest.approx(40 * dark.mlx, rel=1e-3)
    assert light.mlx == pytest.approx(2_475_000, rel=0.01)


def test_a_dark_picture_with_exposure_is_no_reading() -> None:
    """Below the noise floor even the exposure does not help."""
    reading = estimate(picture(3_000, exposure_us=40_000, gain_ppm=16_000_000), None)
    assert isinstance(reading, Missing)
    assert "too dark" in said(reading)


def test_an_uncalibrated_camera_says_how_to_calibrate_it() -> None:
    """Without exposure and without a table there is no absolute light, and the remedy is named."""
    reading = estimate(picture(400_000), None)
    assert isinstance(reading, Missing)
    assert reading.reason is MissingReason.UNCALIBRATED
    assert "adaptd camera calibrate --source" in said(reading)


def test_an_exposure_that_never_moves_under_automatic_exposure_is_no_light() -> None:
    """A driver that hides the exposure tells an old value: missing with the remedy, or the table where there is one."""
    told = picture(461_000, exposure_us=4_000, gain_ppm=1_000_000)
    hidden = replace(told, exposure_still=True)
    assert isinstance(estimate(told, None), LightEstimate)
    reading = estimate(hidden, None)
    assert isinstance(reading, Missing)
    assert reading.reason is MissingReason.UNCALIBRATED
    assert "has not moved under automatic exposure" in said(reading)
    assert "adaptd camera calibrate --source" in said(reading)
    assert estimate(hidden, TABLE) == estimate(picture(461_000), TABLE)


@pytest.mark.parametrize("fields", [{"mean_ppm": -1}, {"mean_ppm": 1_000_001}, {"mean_ppm": 5, "clipped_ppm": -2}])
def test_impossible_statistics_are_missing(fields: dict[str, int]) -> None:
    """Shares outside 0 to 100 % come from a broken worker."""
    assert isinstance(estimate(PictureStats(frame=1, at_us=0, **fields), TABLE), Missing)
    assert isinstance(estimate(picture(400_000, exposure_us=-5, gain_ppm=1), TABLE), Missing)


def test_a_calibration_is_written_as_text() -> None:
    """5%=2,20%=80 is two points; the table must ascend."""
    assert parse_calibration("5%=2, 20%=80").table == ((50_000, 2_000), (200_000, 80_000))
    for text in ("", "5%=2", "20%=80,5%=2", "5%=80,20%=2", "5=2,20=80", "5%=0,20%=1", "5%=1,120%=2"):
        with pytest.raises(ValueError, match=r"%=|calibration"):
            parse_calibration(text)


def test_mid_grey_is_a_fifth_of_full_scale() -> None:
    """The sRGB curve: code value 118 of 255 is 18 % reflectance."""
    assert linear_ppm(462_745) == pytest.approx(181_000, abs=1_500)
    assert linear_ppm(0) == 0
    assert linear_ppm(1_000_000) == 1_000_000
    assert seen(picture(400_000)).linear_ppm > BRIGHT_LINEAR_PPM > seen(picture(60_000)).linear_ppm


def test_the_camera_feed_gives_the_newest_picture_under_its_time() -> None:
    """One frame is one sample; before the first frame there is none."""
    shown: list[PictureStats] = []
    feed = CameraFeed(lambda: shown[-1] if shown else None, TABLE)
    assert said(feed.sample(5)) == "no picture yet"
    shown.append(PictureStats(frame=7, at_us=3, mean_ppm=250_000))
    sample = feed.sample(5)
    assert isinstance(sample, RawReading)
    assert (sample.seq, sample.age_us, sample.value, sample.source) == (3, 2, 100_000, "camera")


def test_pictures_taken_while_nothing_is_served_are_new_answers() -> None:
    """They share the number of the last frame that was served; a light that has jumped is confirmed by the second of them."""
    feed = CameraFeed(lambda: replace(picture(461_000, exposure_us=4_000, gain_ppm=1_000_000), at_us=now_us), None)
    numbers = set()
    for now_us in (1_000_000, 2_000_000):
        answer = feed.sample(now_us)
        assert isinstance(answer, RawReading)
        numbers.add(answer.seq)
    assert len(numbers) == 2
