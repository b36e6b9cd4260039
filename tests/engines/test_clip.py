"""The shipped clip: a minute from day to night with meals in every light, small, readable, and described."""

import hashlib
import json
from pathlib import Path
from typing import Any

import make_clip
import numpy as np
import pytest
import score
from scenes import CLASSES
from story import lux_at

BANDS_MLX = {"night": (0, 10_000), "dim": (10_000, 200_000), "bright": (200_000, 10**9)}


@pytest.fixture(scope="module")
def facts(bundle: Path) -> dict[str, Any]:
    """The sidecar."""
    return json.loads((bundle / "clip" / "day-to-night.json").read_text())


@pytest.fixture(scope="module")
def pictures(bundle: Path) -> list[np.ndarray]:
    """Every frame of the clip, RGB."""
    return make_clip.read_video(bundle / "clip" / "day-to-night.mp4")


@pytest.fixture(scope="module")
def lumas(pictures: list[np.ndarray]) -> np.ndarray:
    """The mean luma of every frame."""
    return np.array([make_clip.mean_luma(picture) for picture in pictures])


def truths(facts: dict[str, Any]) -> list[str | None]:
    """The class of every frame."""
    return [label for first, last, label in facts["class_of_frames"] for _ in range(first, last + 1)]


def test_clip_is_small_whole_and_the_one_described(bundle: Path, facts: dict[str, Any], pictures: list[np.ndarray]) -> None:
    """At most 2 MB, a minute at 15 frames a second, every frame readable, and the bytes that the sidecar names."""
    data = (bundle / "clip" / facts["video"]).read_bytes()
    assert len(data) <= 2_000_000
    assert hashlib.sha256(data).hexdigest() == facts["sha256"]
    assert len(pictures) == facts["frames"] == len(truths(facts)) == 900
    assert {picture.shape for picture in pictures} == {(128, 128, 3)}


def test_light_falls_from_day_through_dusk_to_night_with_a_meal_in_each(facts: dict[str, Any]) -> None:
    """All three bands last five seconds or more, in this order, and something is eaten in every one."""
    light = np.array(facts["mlx_per_second"])
    labels = truths(facts)
    for low, high in BANDS_MLX.values():
        seconds = np.flatnonzero((light >= low) & (light < high))
        assert len(seconds) >= 5
        assert any(labels[second * 15] == "eating" for second in seconds)
    order = np.digitize(light, [10_000, 200_000])
    assert list(order) == sorted(order, reverse=True)


def test_noise_of_the_night_survives_the_encoder(pictures: list[np.ndarray]) -> None:
    """Pixels differ from their neighbours far more, relative to the picture, at night than by day."""

    def grain(picture: np.ndarray) -> float:
        grey = picture[20:60, 80:].astype(np.float64).mean(axis=2)
        return float(np.std(np.diff(grey, axis=1)) / grey.mean())

    day, night = grain(pictures[30]), grain(pictures[880])
    assert night > 5 * day


def test_luma_table_rises(facts: dict[str, Any]) -> None:
    """More luma always means more light, over three decades or more."""
    table = np.array(facts["luma_to_mlx"])
    assert (np.diff(table, axis=0) > 0).all()
    assert table[-1, 1] > 1000 * table[0, 1]


def test_luma_tells_the_band(facts: dict[str, Any], lumas: np.ndarray) -> None:
    """Light estimated from the picture falls into the true band, a third either way at its edges, in 98 of 100 frames."""
    hits = 0
    for index, luma in enumerate(lumas):
        found, true = make_clip.estimate_mlx(facts["luma_to_mlx"], float(luma)), lux_at(index / 15) * 1000
        low, high = next((low, high) for low, high in BANDS_MLX.values() if low <= true < high)
        hits += low / 1.33 <= found < high * 1.33
    assert hits >= 0.98 * len(lumas)


def test_model_is_right_about_the_clip(bundle: Path, facts: dict[str, Any], pictures: list[np.ndarray]) -> None:
    """On every third frame that has a true class the shipped model names it, 97 times in 100 before nightfall."""
    labels = truths(facts)
    chosen = [index for index in range(0, 43 * 15, 3) if labels[index] is not None]
    found = score.classes_of(score.open_model(bundle / "pet-bowl.fp32.onnx"), np.stack([pictures[index] for index in chosen]))
    right = [CLASSES[k] == labels[index] for k, index in zip(found, chosen, strict=True)]
    assert np.mean(right) >= 0.97
