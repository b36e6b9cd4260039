"""A small colour camera as physics: light in lux goes in, an 8-bit picture comes out.

Photons arrive at random (Poisson), the sensor adds dark current, read noise, row noise and a few hot pixels, the auto
exposure lengthens the integration time first and raises the gain after it, both up to a cap, and whatever moves meanwhile
is smeared along its way. Below the caps the picture simply gets darker; above full well it clips. One pixel of the
128x128 picture is one pixel of the sensor.

Signal in electrons: rate = ELECTRONS_PER_LUX_S * illuminance * reflectance. The constant stands for a 2.8 um pixel behind
an F/2.0 lens: illuminance on the sensor is E R T / (4 F^2) = 0.056 E R, one lux of white light is about 4e15 photons per
second and square metre, so 7.8e-12 m^2 * 4e15 * 0.056 * 0.5 (quantum efficiency and colour filter) = 900 electrons.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scenes import Layers
from shapes import SIZE, Floats, Layer

ELECTRONS_PER_LUX_S = 900.0
FULL_WELL_E = 10_000.0
READ_NOISE_E = 3.5
ROW_NOISE_E = 0.6
DARK_CURRENT_E_PER_S = 8.0
HOT_PIXEL_SHARE = 0.0004
HOT_PIXEL_E_PER_S = 2_500.0
ADC_NOISE = 0.0006  # of full scale, after the gain
EXPOSURE_MIN_S, EXPOSURE_MAX_S = 20e-6, 0.040
GAIN_MAX = 16.0
EXPOSURE_ERROR_EV = 0.1
# The mean of the linear picture that the auto exposure aims at, by metered light: lower in poor light, as camera tunings have it.
TARGET_LUX = np.log10([3.0, 10.0, 30.0, 100.0, 200.0, 400.0, 2_000.0, 100_000.0])
TARGET_MEAN = np.array([0.045, 0.075, 0.105, 0.130, 0.170, 0.205, 0.240, 0.290])
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
METER_REFLECTANCE = 0.25
_ENCODE_STEPS = 4096
_x = np.linspace(0, 1, _ENCODE_STEPS + 1)
_SRGB = np.where(_x <= 0.0031308, 12.92 * _x, 1.055 * np.maximum(_x, 1e-9) ** (1 / 2.4) - 0.055).astype(np.float32)


@dataclass(frozen=True)
class Exposure:
    """What the auto exposure chose."""

    time_s: float
    gain: float


def auto_exposure(mean_rate_e_per_s: float, error_ev: float = 0.0) -> Exposure:
    """Integration time first, gain after it, both capped: the picture reaches its target only where there is light enough."""
    metered_lux = mean_rate_e_per_s / (ELECTRONS_PER_LUX_S * METER_REFLECTANCE)
    target = float(np.interp(np.log10(max(metered_lux, 1e-6)), TARGET_LUX, TARGET_MEAN)) * FULL_WELL_E * 2.0**error_ev
    total = target / max(mean_rate_e_per_s, 1e-9)
    time_s = min(max(total, EXPOSURE_MIN_S), EXPOSURE_MAX_S)
    return Exposure(time_s, min(max(total / time_s, 1.0), GAIN_MAX))


def blur_px(velocity: tuple[float, float], time_s: float) -> float:
    """How far the pet moves while the shutter is open."""
    return float(np.hypot(*velocity)) * time_s


def smear(layer: Layer, velocity: tuple[float, float], time_s: float) -> Layer:
    """``layer`` averaged over its way during the exposure, in steps of at most a pixel."""
    length = blur_px(velocity, time_s)
    steps = min(int(np.ceil(length)), 12)
    if steps < 1:
        return layer
    out = Layer()
    for step in range(steps + 1):
        part = step / steps - 0.5
        dx, dy = round(velocity[0] * time_s * part), round(velocity[1] * time_s * part)
        to_y, to_x = slice(max(dy, 0), SIZE + min(dy, 0)), slice(max(dx, 0), SIZE + min(dx, 0))
        from_y, from_x = slice(max(-dy, 0), SIZE + min(-dy, 0)), slice(max(-dx, 0), SIZE + min(-dx, 0))
        out.rgb[to_y, to_x] += layer.rgb[from_y, from_x]
        out.cover[to_y, to_x] += layer.cover[from_y, from_x]
    out.rgb /= np.float32(steps + 1)
    out.cover /= np.float32(steps + 1)
    return out


def _photons(rng: np.random.Generator, mean_e: Floats) -> Floats:
    """Shot noise: Poisson where it shows, its normal limit where a pixel holds hundreds of electrons and nobody could tell."""
    if float(mean_e.mean()) < 150.0:
        return rng.poisson(mean_e).astype(np.float32)
    spread = np.sqrt(mean_e) * rng.standard_normal(mean_e.shape, np.float32)
    return (mean_e + spread).astype(np.float32, copy=False)


def sense(rng: np.random.Generator, rate: Floats, exposure: Exposure, hot: Floats | None = None) -> Floats:
    """Electrons, noise, gain and clipping: ``rate`` (electrons per second) to a linear picture of 0 to 1."""
    mean_e = (rate + np.float32(DARK_CURRENT_E_PER_S)) * np.float32(exposure.time_s)
    if hot is not None:
        mean_e = mean_e + hot * np.float32(HOT_PIXEL_E_PER_S * exposure.time_s)
    electrons = np.minimum(_photons(rng, mean_e), np.float32(FULL_WELL_E))
    electrons += np.float32(READ_NOISE_E) * rng.standard_normal(rate.shape, np.float32)
    electrons += np.float32(ROW_NOISE_E) * rng.standard_normal((rate.shape[0], 1, 1), np.float32)
    electrons -= np.float32(DARK_CURRENT_E_PER_S * exposure.time_s)
    linear = electrons * np.float32(exposure.gain / FULL_WELL_E)
    linear += np.float32(ADC_NOISE) * rng.standard_normal(rate.shape, np.float32)
    picture: Floats = np.clip(linear, 0.0, 1.0)
    return picture


def encode(linear: Floats) -> NDArray[np.uint8]:
    """Linear 0 to 1 to 8-bit sRGB (IEC 61966-2-1)."""
    return (_SRGB[np.rint(linear * _ENCODE_STEPS).astype(np.int32)] * 255 + 0.5).astype(np.uint8)


def rate_of(layers: Layers, lux: float, illuminant: Floats, time_s: float = 0.0) -> Floats:
    """Electrons per second in every pixel, HxWx3, the pet smeared over ``time_s``."""
    seen = layers.front.over(smear(layers.pet, layers.velocity, time_s).over(layers.back))
    rate: Floats = np.clip(seen, 0.0, 1.0) * layers.light * (illuminant * np.float32(lux * ELECTRONS_PER_LUX_S))
    return rate


def hot_pixels(rng: np.random.Generator) -> Floats:
    """The hot pixels of one camera, as a map of 0 and 1 for each colour."""
    return (rng.random((SIZE, SIZE, 3), np.float32) < HOT_PIXEL_SHARE).astype(np.float32)


def photograph(
    rng: np.random.Generator, layers: Layers, lux: float, illuminant: Floats, hot: Floats | None = None
) -> NDArray[np.uint8]:
    """One picture, 128x128x3 8-bit RGB, of a drawn scene under ``lux``; a camera of its own unless ``hot`` says which."""
    meter = float((rate_of(layers, lux, illuminant) @ LUMA).mean())
    exposure = auto_exposure(meter, float(rng.normal(0.0, EXPOSURE_ERROR_EV)))
    rate = rate_of(layers, lux, illuminant, exposure.time_s)
    return encode(sense(rng, rate, exposure, hot_pixels(rng) if hot is None else hot))
