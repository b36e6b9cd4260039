"""Power is split into what is drawn anyway and what frames cost."""

import random

import pytest

from adaptd.estimate import power


def run(split: power.Split, plan: list[tuple[list[float], float | None]]) -> tuple[power.Split, power.Draw]:
    """Feed (loads, measured watts) second by second."""
    draw = None
    for loads, watts in plan:
        split, draw = power.observe(split, loads, None if watts is None else int(watts * 1000), 1.0)
    assert draw is not None
    return split, draw


def alternate(
    base_w: float, scales: tuple[float, float], seconds: int, noise_w: float = 0.0
) -> list[tuple[list[float], float | None]]:
    """Both engines in turn at two rates: everything can be told apart."""
    rng = random.Random(3)
    loads = [[4.0, 0.0], [2.0, 0.0], [0.0, 2.5], [0.0, 1.0]]
    return [
        (load, base_w + sum(s * x for s, x in zip(scales, load, strict=True)) + rng.gauss(0, noise_w))
        for load in (loads[n // 5 % 4] for n in range(seconds))
    ]


def test_base_and_both_energies_are_told_apart() -> None:
    """The closed form: with exact readings at independent loads, base and scales are the solution of the linear equations."""
    _, draw = run(power.start(4600, 2), alternate(6.3, (1.1, 0.8), 400))
    assert draw.base_w == pytest.approx(6.3, abs=0.03)
    assert draw.scales == pytest.approx([1.1, 0.8], abs=0.02)


def test_one_slow_down_for_all_variants_would_be_wrong() -> None:
    """Two variants that are off in opposite directions are each learned, from 0.2 W of noise, to 3 %."""
    _, draw = run(power.start(4600, 2), alternate(5.0, (0.85, 1.2), 1500, 0.2))
    assert draw.scales == pytest.approx([0.85, 1.2], rel=0.03)


def test_the_stated_doubt_is_the_true_error() -> None:
    """Over 60 boards the error of the predicted power, in its own sigma, has a mean square near 1: the confidence is honest."""
    squares = []
    for seed in range(60):
        rng = random.Random(seed)
        split, truth = power.start(5000, 2), (5 + rng.gauss(0, 0.9), 1 + rng.gauss(0, 0.18))
        loads = [rng.choice([1.0, 2.0, 3.0]) for _ in range(120)]
        split, _ = run(split, [([x, 0.0], truth[0] + truth[1] * x + rng.gauss(0, 0.2)) for x in loads])
        mean, variance = power.predict(split, [2.5, 0.0])
        squares.append((mean - truth[0] - truth[1] * 2.5) ** 2 / variance)
    assert 0.4 < sum(squares) / len(squares) < 2.0


def test_a_step_of_other_load_is_followed_at_once() -> None:
    """Another program starts and draws 2 W more: the next belief has it, and the frames' energy is not blamed."""
    split, before = run(power.start(5000, 2), alternate(5.0, (1.0, 1.0), 300, 0.1))
    _, after = run(split, [([4.0, 0.0], 5.0 + 2.0 + 4.0)])
    assert after.drawn_w == pytest.approx(11.0, abs=0.2)
    assert after.scales == pytest.approx(before.scales, abs=0.03)


@pytest.mark.parametrize("watts", [0.2, 60.0])
def test_a_lie_is_not_believed_on_its_first_look(watts: float) -> None:
    """A fall, or a rise by more than 60 %, must be seen three times; until then decisions see the highest believable power."""
    split, before = run(power.start(5000, 2), alternate(5.0, (1.0, 1.0), 300, 0.1))
    split, once = run(split, [([4.0, 0.0], watts)] * 2)
    assert once.drawn_w == pytest.approx(9.0, abs=0.3)
    assert once.base_w > before.base_w
    _, thrice = run(split, [([4.0, 0.0], watts)])
    assert thrice.drawn_w == pytest.approx(watts, abs=0.5)


def test_without_a_sensor_the_book_counts_and_the_doubt_stays_bounded() -> None:
    """A board without a power sensor is believed to draw what profile and bundle say, with a doubt that never exceeds 1.3 W."""
    split, draw = run(power.start(5000, 2), [([2.0, 0.0], None)] * 50_000)
    assert draw.drawn_w == pytest.approx(7.0, abs=0.1)
    assert power.predict(split, [2.0, 0.0])[1] ** 0.5 < 1.3


def test_the_noise_of_the_sensor_is_learned() -> None:
    """A quiet sensor and a loud one are told apart, so that margins shrink where they can."""
    for sigma in (0.05, 0.4):
        _, draw = run(power.start(5000, 2), alternate(5.0, (1.0, 1.0), 2000, sigma))
        assert draw.noise_w == pytest.approx(sigma, rel=0.25)
