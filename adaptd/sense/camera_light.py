"""Light from the picture itself: integers that the worker takes from a frame, turned into millilux.

Two ways. Where the camera tells exposure and gain, the incident-light exposure equation E = C N^2 / (t S) with C = 250, F/2 and
ISO 100 at gain 1 gives 10 lux seconds for an 18 % mean, that is E = 55 lx s x mean / (exposure x gain). Where it does not, a
calibration table maps the mean of the picture to lux; without a table nothing absolute can be said, and the answer is Missing.
An exposure that has never moved under automatic exposure is not believed: drivers tell an old value.
A picture cut off at the white end is a lower bound (suspect); one below the noise floor says only "at most", which is no reading.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from adaptd.sense.source import LIGHT, Answer, Feed
from adaptd.vocabulary import CAMERA, Missing, MissingReason, Picture, Raw

_LUX_SECONDS = 55.0
_CLIPPED_PPM = 500_000
_FLOOR_PPM = 12_000  # a mean below 3 of 255 is black level and noise
_TABLE_ENTRY = re.compile(r"([0-9]+(?:\.[0-9]+)?)%=([0-9]+(?:\.[0-9]+)?)")
_GAIN = re.compile(r"gain=([1-9][0-9]{0,5})")
_FULL = 1_000_000
CALIBRATE = "adaptd camera calibrate --source SOURCE"
UNCALIBRATED = f"camera is not calibrated: {CALIBRATE}"
STILL = f"camera is not calibrated: its exposure has not moved under automatic exposure since it was opened; {CALIBRATE}"


@dataclass(frozen=True, slots=True)
class PictureStats:
    """One frame in integers, field by field as the worker reports it: shares of full scale (gamma-coded), counts from the frame.

    ``exposure_us`` and ``gain_raw`` are the camera's own, where it tells them. Drivers count gain in steps of their own; a
    profile that says which step is gain 1 (``camera:gain=16``) makes ``gain_ppm`` of them, 1,000,000 for gain 1.
    ``exposure_still``: both have never moved under automatic exposure, so they are not believed.
    """

    frame: int
    at_us: int
    mean_ppm: int
    spread_ppm: int = 0
    dark_ppm: int = 0
    clipped_ppm: int = 0
    exposure_us: int | None = None
    gain_ppm: int | None = None
    gain_raw: int | None = None
    exposure_still: bool = False


@dataclass(frozen=True, slots=True)
class Calibration:
    """(mean of the gamma-coded picture in ppm, millilux), both strictly ascending."""

    table: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        means, lights = [row[0] for row in self.table], [row[1] for row in self.table]
        if len(self.table) < 2 or not _ascending(means) or not _ascending(lights) or lights[0] <= 0 or means[-1] > _FULL:
            raise ValueError(
                "a camera calibration needs two or more points, ascending in brightness and in lux, e.g. 5%=2,20%=80"
            )


def parse_calibration(text: str) -> Calibration:
    """``5%=2,20%=80``: at a mean of 5 % of full scale it is 2 lux, at 20 % 80 lux.

    Raises:
        ValueError: the text is no table, or it is not ascending.
    """
    rows = []
    for entry in text.split(","):
        match = _TABLE_ENTRY.fullmatch(entry.strip())
        if match is None:
            raise ValueError(f"{entry.strip()!r} is no calibration point, write MEAN%=LUX, e.g. 5%=2,20%=80, or gain=STEPS")
        rows.append((round(float(match.group(1)) * 10_000), round(float(match.group(2)) * 1000)))
    return Calibration(tuple(rows))


def parse_gain(text: str) -> int | None:
    """``gain=16``: the step of the driver's linear gain that is gain 1; None where the text is something else."""
    match = _GAIN.fullmatch(text.strip())
    return None if match is None else int(match.group(1))


def with_gain(picture: PictureStats | None, unit: int | None) -> PictureStats | None:
    """The picture with its gain in ppm, where the camera tells a gain and the profile its unit."""
    if picture is None or not unit or not picture.gain_raw or picture.gain_raw <= 0:
        return picture
    return replace(picture, gain_ppm=picture.gain_raw * _FULL // unit)


@dataclass(frozen=True, slots=True)
class LightEstimate:
    """What a picture says in millilux. ``note`` is set where it is only a bound, or where nobody has calibrated the camera."""

    mlx: int
    note: MissingReason | None = None


def estimate(picture: PictureStats, calibration: Calibration | None) -> LightEstimate | Missing:
    """Millilux from one picture, by exposure and gain where known, else by the table."""
    fault = _impossible(picture)
    if fault:
        return Missing(MissingReason.UNREADABLE, fault)
    if picture.exposure_us and picture.gain_ppm and not picture.exposure_still:
        return _by_exposure(picture)
    if calibration is None:
        return Missing(MissingReason.UNCALIBRATED, STILL if picture.exposure_still else UNCALIBRATED)
    return _by_table(picture, calibration)


def linear_ppm(mean_ppm: int) -> int:
    """The linear signal behind a gamma-coded mean (sRGB, IEC 61966-2-1), in ppm of full scale."""
    coded = mean_ppm / _FULL
    linear = coded / 12.92 if coded <= 0.04045 else ((coded + 0.055) / 1.055) ** 2.4
    return round(linear * _FULL)


def seen(picture: PictureStats) -> Picture:
    """What the judge of readings holds a light sensor against. The curve is taken here: powers round as each processor likes."""
    return Picture(linear_ppm(picture.mean_ppm), picture.exposure_us or None, picture.gain_ppm or None)


def _impossible(picture: PictureStats) -> str:
    shares = (picture.mean_ppm, picture.dark_ppm, picture.clipped_ppm)
    if any(share < 0 or share > _FULL for share in shares):
        return "implausible: picture statistics outside 0 to 1,000,000 ppm"
    if (picture.exposure_us is not None and picture.exposure_us <= 0) or (picture.gain_ppm is not None and picture.gain_ppm <= 0):
        return "implausible: exposure or gain is not above 0"
    return ""


def _by_exposure(picture: PictureStats) -> LightEstimate | Missing:
    exposure_s, gain = (picture.exposure_us or 0) / 1e6, (picture.gain_ppm or 0) / 1e6
    lux = _LUX_SECONDS * linear_ppm(picture.mean_ppm) / _FULL / (exposure_s * gain)
    if picture.mean_ppm < _FLOOR_PPM:
        return Missing(MissingReason.SATURATED, f"too dark for the camera: at most {lux:.2g} lux")
    mlx = round(lux * 1000)
    clipped = picture.clipped_ppm > _CLIPPED_PPM
    return LightEstimate(mlx, MissingReason.BOUND if clipped else MissingReason.ASSUMED)


def _by_table(picture: PictureStats, calibration: Calibration) -> LightEstimate | Missing:
    table = calibration.table
    if picture.mean_ppm < table[0][0]:
        return Missing(MissingReason.SATURATED, f"too dark for the camera: at most {table[0][1] / 1000:g} lux")
    if picture.mean_ppm >= table[-1][0] or picture.clipped_ppm > _CLIPPED_PPM:
        return LightEstimate(table[-1][1], MissingReason.BOUND)
    upper = next(index for index, row in enumerate(table) if row[0] > picture.mean_ppm)
    (mean0, light0), (mean1, light1) = table[upper - 1], table[upper]
    share = (picture.mean_ppm - mean0) / (mean1 - mean0)
    return LightEstimate(round(light0 * math.exp(share * math.log(light1 / light0))))


def _ascending(values: list[int]) -> bool:
    return all(low < high for low, high in pairwise(values))


class CameraFeed(Feed):
    """The camera as a light source: the newest picture the worker told of. Never blocks.

    A picture is told from the one before by its time: those that are taken while nothing is served have no number of their own.
    """

    quantity = LIGHT
    name = CAMERA
    step = 1

    def __init__(
        self, picture: Callable[[], PictureStats | None], calibration: Calibration | None, *, gain_known: bool = False
    ) -> None:
        self._picture = picture
        self._calibration = calibration
        self.calibrated = calibration is not None or gain_known

    def sample(self, now_us: int) -> Raw:
        picture = self._picture()
        if picture is None:
            return self.raw(Answer(0, now_us, Missing(MissingReason.NOT_READ, "no picture yet")), now_us)
        found = estimate(picture, self._calibration)
        if isinstance(found, Missing):
            return self.raw(Answer(picture.at_us, picture.at_us, found), now_us)
        return self.raw(Answer(picture.at_us, picture.at_us, found.mlx, found.note), now_us)
