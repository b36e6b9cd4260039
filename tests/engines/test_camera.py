"""The camera of the rendered pictures behaves as a camera: photon noise, exposure, blur and clipping follow the light."""

from itertools import pairwise

import camera
import numpy as np
import pytest
from scenes import BANDS, CLASSES, Layers, compose, generator
from shapes import SIZE, Layer, ellipse

GREY = np.ones(3, np.float32)


def flat(reflectance: float = 0.25) -> Layers:
    """A grey wall in even light."""
    back = np.full((SIZE, SIZE, 3), reflectance, np.float32)
    return Layers(back, Layer(), Layer(), np.ones((SIZE, SIZE, 1), np.float32))


@pytest.mark.parametrize("mean_e", [2.0, 20.0, 200.0, 2000.0])
def test_variance_is_photons_plus_read_noise(mean_e: float) -> None:
    """The variance of a flat patch is its mean count of electrons plus the sensor's own noise, on both sides of the switch."""
    exposure = camera.Exposure(0.01, 1.0)
    rate = np.full((SIZE, SIZE, 3), mean_e / exposure.time_s + 5000.0, np.float32)
    electrons = camera.sense(generator(1, 0, 0), rate, exposure) * camera.FULL_WELL_E
    expected = mean_e + 50 + camera.READ_NOISE_E**2 + camera.ROW_NOISE_E**2 + (camera.ADC_NOISE * camera.FULL_WELL_E) ** 2
    assert electrons.mean() == pytest.approx(mean_e + 50, rel=0.02)
    assert electrons.var() == pytest.approx(expected, rel=0.05)


def test_noise_grows_as_light_falls() -> None:
    """Signal over noise of the same grey wall falls with every step from daylight to starlight."""
    ratios = []
    for lux in (50_000, 500, 20, 2, 0.3):
        rate = camera.rate_of(flat(), lux, GREY)
        linear = camera.sense(generator(2, 0, 0), rate, camera.auto_exposure(float(rate.mean())))
        ratios.append(float(linear.mean() / linear.std()))
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 20 * ratios[-1]


def test_darkness_is_not_a_scaled_day() -> None:
    """A night picture brought up to the mean of the day keeps many times its noise: it is no darkened copy."""
    pictures = [camera.photograph(generator(3, 0, 0), flat(), lux, GREY).astype(np.float64) for lux in (20_000, 1.0)]
    day, night = (picture.std() / picture.mean() for picture in pictures)
    assert night > 5 * day


def test_exposure_lengthens_first_then_gain_rises_and_both_stop_at_their_caps() -> None:
    """Towards the dark the integration time reaches its cap before the gain moves, and neither ever passes its cap."""
    chosen = [camera.auto_exposure(camera.ELECTRONS_PER_LUX_S * 0.25 * lux) for lux in np.geomspace(1e5, 0.1, 60)]
    times, gains = [e.time_s for e in chosen], [e.gain for e in chosen]
    assert times == sorted(times)
    assert gains == sorted(gains)
    assert all(e.gain == 1.0 or e.time_s == camera.EXPOSURE_MAX_S for e in chosen)
    assert times[-1] == camera.EXPOSURE_MAX_S
    assert gains[-1] == camera.GAIN_MAX


def test_mean_of_the_picture_falls_with_the_light() -> None:
    """The picture of one wall gets darker with every step of less light, so a camera can stand in for a light sensor."""
    lumas = []
    for lux in np.geomspace(100_000, 0.3, 24):
        rate = camera.rate_of(flat(), float(lux), GREY)
        lumas.append(camera.encode(camera.sense(generator(4, 0, 0), rate, camera.auto_exposure(float(rate.mean())))).mean())
    assert all(a > b for a, b in pairwise(lumas))


def test_motion_blur_grows_in_the_dark() -> None:
    """A pet that moves leaves a longer smear at dusk than at noon, up to the longest exposure and no further."""
    moving = Layer()
    moving.paint(ellipse(64, 64, 6, 6), GREY)
    widths = []
    for lux in (20_000, 1_000, 200, 30, 0.5):
        exposure = camera.auto_exposure(camera.ELECTRONS_PER_LUX_S * 0.25 * lux)
        cover = camera.smear(moving, (200.0, 0.0), exposure.time_s).cover[:, :, 0].sum(axis=0)
        widths.append(int((cover > 0.05 * cover.max()).sum()))
    assert widths == sorted(widths)
    assert widths[-1] >= widths[0] + 6
    assert widths[-1] == widths[-2]


def test_smear_moves_no_light_out_of_the_picture() -> None:
    """Smearing spreads a pet but keeps its whole amount of light."""
    moving = Layer()
    moving.paint(ellipse(64, 64, 6, 6), GREY)
    assert camera.smear(moving, (150.0, 60.0), 0.04).cover.sum() == pytest.approx(float(moving.cover.sum()), rel=1e-5)


def test_glare_clips() -> None:
    """A patch of sun many times brighter than the room is cut off at white, and the rest of the picture gets darker for it."""
    glaring = flat(0.6)
    glaring.light[:, :16] = 12.0
    plain = camera.photograph(generator(5, 0, 0), flat(0.6), 50_000, GREY)
    dazzled = camera.photograph(generator(5, 0, 0), glaring, 50_000, GREY)
    assert (plain == 255).mean() < 0.001
    assert (dazzled[:, :16] == 255).mean() > 0.95
    assert dazzled[:, 20:].mean() < plain[:, 20:].mean() - 20


def test_same_seed_same_bytes() -> None:
    """Any picture can be rendered again, alone, to the same bytes; its neighbour is another picture."""

    def picture(index: int) -> bytes:
        rng = generator(6, 0, index)
        scene, layers = compose(rng, CLASSES[2], 5.0)
        return camera.photograph(rng, layers, 5.0, scene.illuminant).tobytes()

    assert picture(7) == picture(7)
    assert picture(7) != picture(8)


def test_bands_cover_all_light_without_gaps() -> None:
    """The bands of the rendered sets join from 0.1 to 100,000 lux."""
    edges = list(BANDS.values())
    assert edges[0][0] == 0.1
    assert edges[-1][1] == 100_000
    assert all(a[1] == b[0] for a, b in pairwise(edges))
