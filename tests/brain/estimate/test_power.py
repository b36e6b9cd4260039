"""Power is split into what is drawn anyway and what frames cost."""

import math
import random

import pytest

from adaptd.brain.estimate import fixed, linear, power
from adaptd.brain.estimate.fixed import ONE
from tests.brain.estimate.covariances import unfold


def predict(split: power.Split, loads: list[float]) -> tuple[float, float]:
    """Predicted power in watts at ``loads``, and its variance, from what the estimate carries on."""
    mean, _, variance = linear.look(fixed.fetch(split.mean), fixed.fetch(split.cov), [1.0, *loads])
    return mean, variance


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
        mean, variance = predict(split, [2.5, 0.0])
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
    assert predict(split, [2.0, 0.0])[1] ** 0.5 < 1.3


def test_the_noise_of_the_sensor_is_learned() -> None:
    """A quiet sensor and a loud one are told apart, so that margins shrink where they can."""
    for sigma in (0.05, 0.4):
        _, draw = run(power.start(5000, 2), alternate(5.0, (1.0, 1.0), 2000, sigma))
        assert draw.noise_w == pytest.approx(sigma, rel=0.25)


# ---- what each constant is for ------------------------------------------------------------------------------------------


def sure(noise_w: float = 0.2, base_w: float = 5.0) -> power.Split:
    """A belief without any doubt: base and both scales as the book says."""
    split = power.start(int(base_w * 1000), 2)
    return split._replace(cov=tuple(0 for _ in split.cov), noise=int(noise_w * noise_w * ONE))


def cov_of(split: power.Split) -> list[list[float]]:
    """The covariance in flight."""
    return unfold(split.cov, len(split.mean))


def test_qualification_may_be_a_fifth_off_but_hardly_for_one_variant_alone() -> None:
    """Energies err by 18 % together (another board, another clock) and by 5 % apart: what is seen on one is true of the other."""
    cov = cov_of(power.start(5000, 2))
    assert math.sqrt(cov[1][2]) == pytest.approx(0.18, rel=0.15)
    assert math.sqrt(cov[1][1] - 2 * cov[1][2] + cov[2][2]) == pytest.approx(0.05 * math.sqrt(2), rel=0.15)


@pytest.mark.parametrize(("idle_w", "sd_w"), [(0.0, 0.4), (30.0, 3.4)])
def test_idle_is_known_to_a_tenth_and_a_little(idle_w: float, sd_w: float) -> None:
    """Before any reading: 0.4 W of other programs, and a tenth of the profile's idle power."""
    assert math.sqrt(cov_of(power.start(int(idle_w * 1000), 2))[0][0]) == pytest.approx(sd_w, rel=0.15)


def test_a_sensor_is_first_taken_to_be_off_by_a_fifth_of_a_watt() -> None:
    """Five steps of an INA3221 across 5 mOhm at 5 V (40 mW each)."""
    assert run(power.start(5000, 2), [([0.0, 0.0], None)])[1].noise_w == pytest.approx(0.2, rel=0.15)


def learned_noise(sd_w: float, seconds: int, first_w: float) -> float:
    """The noise believed after so many readings that scatter by ``sd_w``."""
    rng = random.Random(5)
    draw = run(sure(first_w), [([1.0, 0.0], 6.0 + rng.gauss(0, sd_w)) for _ in range(seconds)])[1]
    return draw.noise_w


def test_the_noise_of_the_sensor_is_learned_over_a_minute() -> None:
    """63 % of a change of its variance shows after 64 readings."""
    assert learned_noise(0.0, 64, 0.5) ** 2 == pytest.approx(0.25 * math.exp(-1), rel=0.2)
    assert learned_noise(0.4, 1000, 0.2) == pytest.approx(0.4, rel=0.2)


def test_the_believed_noise_has_a_floor_and_a_ceiling() -> None:
    """Half a step of the sensor at least, a watt at most: a sensor that is worse says nothing about frames of a few watts."""
    assert learned_noise(0.0, 800, 0.2) == pytest.approx(0.02, rel=0.2)
    assert learned_noise(4.0, 3000, 1.0) == pytest.approx(1.0, rel=0.15)


def test_beliefs_drift_while_nothing_is_measured() -> None:
    """An hour of silence adds 0.12 W of doubt to the base and 1.2 points to each energy."""
    after, _ = run(sure(), [([0.0, 0.0], None)] * 3600)
    assert math.sqrt(cov_of(after)[0][0]) == pytest.approx(0.002 * 60, rel=0.15)
    assert math.sqrt(cov_of(after)[1][1]) == pytest.approx(0.0002 * 60, rel=0.15)


@pytest.mark.parametrize(("sigmas", "doubt"), [(-3.5, 0), (-4.5, 1), (3.5, 0), (4.5, 1)])
def test_a_reading_four_sigma_off_is_a_jump(sigmas: float, doubt: int) -> None:
    """Noise does that once in 16,000 readings; another program that starts does it every time."""
    after, _ = run(sure(0.2), [([0.0, 0.0], 5.0 + sigmas * 0.2)])
    assert after.doubt == doubt


@pytest.mark.parametrize(("rise", "believed"), [(0.55, True), (0.65, False)])
def test_a_rise_by_half_is_believed_at_once_and_a_larger_one_is_not(rise: float, believed: bool) -> None:
    """Programs start and stop; power that doubles within a tick is more often a lie than a load."""
    _, draw = run(sure(), [([0.0, 0.0], 5.0 * (1 + rise))])
    assert (draw.drawn_w > 6.5) is believed


def test_surprises_lean_for_ten_readings() -> None:
    """One odd reading hardly loosens anything; ten to one side do."""
    leans = []
    split = sure()
    for _ in range(10):
        split, _ = run(sure()._replace(lean=split.lean), [([0.0, 0.0], 5.2)])
        leans.append(split.lean / ONE)
    assert leans[0] == pytest.approx(0.1, rel=0.2)
    assert leans[-1] == pytest.approx(1 - 0.9**10, rel=0.1)


def test_an_engine_is_never_believed_to_cost_nothing() -> None:
    """Whatever a sensor says, a frame costs at least a tenth of the book: else any rate would look free."""
    _, draw = run(power.start(5000, 2), [([x, 0.0], 5.0 - 0.2 * x) for x in (0.5, 1.0) * 600])
    assert draw.scales[0] == pytest.approx(0.1, rel=0.2)


def test_without_a_reading_neither_base_nor_frames_look_cheap() -> None:
    """Base and energies are each the highest that any believable reading would have taught, so that nothing is bolder for it."""
    split, _ = run(power.start(5000, 2), [([2.0, 0.0], 7.0)] * 20)
    blind = run(split, [([0.0, 0.0], None)])[1]
    for watts in (3.5, 4.5, 5.0, 5.5, 6.5):
        after, known = run(split, [([0.0, 0.0], watts)])
        if after.doubt == 0:
            assert blind.base_w >= known.base_w - 1e-9
            assert all(one >= two - 1e-9 for one, two in zip(blind.scales, known.scales, strict=True))
