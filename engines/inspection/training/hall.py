"""The hall around the part: light from 0 to 100,000 lux, the vehicle's own lamp, sun patches, vibration; and the photograph.

The vehicle carries a lamp that puts `LAMP_LUX` on the part: at 0 lux outside there is that. The exposure ends at 12 ms, because
a vehicle shakes: what the picture lacks in light it gets from gain, and noise with it. Bands are those of `policies/agv.yaml`.
"""

from typing import NamedTuple

import numpy as np
from defects import CLASSES, Defect, dent, missing_screws, scratch
from numpy.typing import NDArray
from parts import SIZE, Floats, Part, draw_part, sample_part
from pet_optics import optics, scenes

BANDS = {"dark": (0.0, 25.0), "hall": (25.0, 750.0), "daylight": (750.0, 100_000.0)}
LAMP_LUX = 30.0
EXPOSURE_MAX_S = 0.012
SOUND_SHARE = 0.4  # parts without a defect
MISSING_SHARE = 0.16
DRIVE_PX_S = 90.0
SHAKE_PX, SHAKE_HZ = 1.6, (8.0, 60.0)
_GRID = np.stack(np.meshgrid(np.linspace(-1, 1, SIZE), np.linspace(-1, 1, SIZE)), axis=-1).astype(np.float32)


class Sample(NamedTuple):
    """One labelled picture, 128x128x3 8-bit RGB, with the light outside in lux."""

    picture: NDArray[np.uint8]
    defects: tuple[Defect, ...]
    lux: float


def sample_lux(rng: np.random.Generator, band: str) -> float:
    """A light in ``band``, evenly spread over its decades (0 counts as 0.1 lux)."""
    low, high = BANDS[band]
    return float(np.exp(rng.uniform(np.log(max(low, 0.1)), np.log(high))))


def sample_scene(rng: np.random.Generator, sound: bool | None = None) -> tuple[Part, Floats, tuple[Defect, ...]]:
    """A part, its reflectance, and what is wrong with it. ``sound`` decides whether there is anything; left out, chance does."""
    good = bool(rng.random() < SOUND_SHARE) if sound is None else sound
    part = sample_part(rng, 0.0 if good else MISSING_SHARE)
    layer, found = draw_part(part), missing_screws(part)
    lit_from = float(rng.uniform(0, 2 * np.pi))
    wanted = 0 if good else int(rng.integers(0 if found else 1, 4))
    for _ in range(wanted):
        one = scratch(rng, layer, part, found) if rng.random() < 0.5 else dent(rng, layer, part, found, lit_from)
        if one is not None:
            found.append(one)
    return part, layer.rgb, tuple(found)


def light_map(rng: np.random.Generator, lux: float) -> Floats:
    """Illuminance in lux in every pixel: what is outside, uneven and with sun patches, and the vehicle's lamp on top."""
    slope = rng.normal(0, 0.25, 2)
    outside = np.exp(_GRID @ slope.astype(np.float32))
    if lux > 1500 and rng.random() < 0.45:
        away = np.abs(_GRID[:, :, 0] - rng.uniform(-0.8, 0.8) - rng.uniform(-0.8, 0.8) * _GRID[:, :, 1]) * SIZE / 2
        outside = outside * (1 + np.float32(rng.uniform(1.0, 5.0)) * np.clip((rng.uniform(7, 20) - away) / 3 + 0.5, 0, 1))
    glow = _GRID - rng.normal(0, 0.15, 2).astype(np.float32)
    lamp = LAMP_LUX * np.exp(-0.35 * (glow**2).sum(axis=-1))
    light: Floats = (lux * outside / outside.mean() + lamp)[:, :, None].astype(np.float32)
    return light


def exposure_of(mean_rate: float, error_ev: float) -> optics.Exposure:
    """The camera's exposure with its end at 12 ms: gain makes up for the rest, up to its cap."""
    free = optics.auto_exposure(mean_rate, error_ev)
    total = free.time_s * free.gain
    time_s = min(max(total, optics.EXPOSURE_MIN_S), EXPOSURE_MAX_S)
    return optics.Exposure(time_s, min(max(total / time_s, 1.0), optics.GAIN_MAX))


def shaken(rng: np.random.Generator, rate: Floats, time_s: float) -> Floats:
    """``rate`` averaged along the camera's way during the exposure: driving, and vibration of 8 to 60 Hz."""
    drive = rng.normal(0, DRIVE_PX_S / 2, 2)
    reach, hz, phase = rng.exponential(SHAKE_PX / 2, 2), rng.uniform(*SHAKE_HZ), rng.uniform(0, 2 * np.pi, 2)
    steps = np.linspace(-0.5, 0.5, 7) * time_s
    way = drive[None, :] * steps[:, None] + reach * (np.sin(2 * np.pi * hz * steps[:, None] + phase) - np.sin(phase))
    if float(np.abs(way).max()) < 0.25:
        return rate
    blurred: Floats = np.mean([_moved(rate, x, y) for x, y in way], axis=0, dtype=np.float32)
    return blurred


def _moved(rate: Floats, x: float, y: float) -> Floats:
    """Shifted by part of a pixel, edges repeated (bilinear)."""
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    fx, fy = np.float32(x - x0), np.float32(y - y0)
    cols = np.clip(np.arange(-x0, SIZE - x0 + 1) - 1, 0, SIZE - 1)
    rows = np.clip(np.arange(-y0, SIZE - y0 + 1) - 1, 0, SIZE - 1)
    wide = rate[:, cols]
    across = wide[:, 1:] * (1 - fx) + wide[:, :-1] * fx
    tall = across[rows]
    moved: Floats = tall[1:] * (1 - fy) + tall[:-1] * fy
    return moved


def photograph(rng: np.random.Generator, reflectance: Floats, lux: float) -> NDArray[np.uint8]:
    """One picture of ``reflectance`` under ``lux`` and the lamp, 128x128x3 8-bit RGB."""
    illuminant = scenes.sample_illuminant(rng, lux + LAMP_LUX)
    light = light_map(rng, lux)
    rate = np.clip(reflectance, 0, 1) * light * (illuminant * np.float32(optics.ELECTRONS_PER_LUX_S))
    exposure = exposure_of(float((rate @ optics.LUMA).mean()), float(rng.normal(0.0, optics.EXPOSURE_ERROR_EV)))
    return optics.encode(optics.sense(rng, shaken(rng, rate, exposure.time_s), exposure, optics.hot_pixels(rng)))


def sample(rng: np.random.Generator, band: str, sound: bool | None = None) -> Sample:
    """A labelled picture in ``band``."""
    lux = sample_lux(rng, band)
    _, reflectance, found = sample_scene(rng, sound)
    return Sample(photograph(rng, reflectance, lux), found, lux)


__all__ = ["BANDS", "CLASSES", "Sample", "sample"]
