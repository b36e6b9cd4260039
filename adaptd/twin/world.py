"""What goes on around the device: ambient, light, other load, budget and contention as functions of time; and seeded chance."""

from random import Random

from adaptd.config.policy import LightBand, Policy
from adaptd.twin.words import PPM, Curve, Scenario, Scenes

# The count of ones in 64 fair bits, less 32, has variance 16; a uniform smear of one unit adds 1/12.
_SIGMA = (16 + 1 / 12) ** 0.5


class Noise:
    """Seeded chance, one stream a quantity, so that what one controller does never changes the noise that another one meets.

    Bits and additions only: the same seed gives the same numbers on every machine.
    """

    __slots__ = ("_bits", "_unit")

    def __init__(self, seed: int, stream: str) -> None:
        source = Random(f"{seed}/{stream}")  # noqa: S311 - repeatable on purpose
        self._bits, self._unit = source.getrandbits, source.random

    def normal(self) -> float:
        """Near-normal, mean 0, standard deviation 1, never beyond 8.1."""
        return (self._bits(64).bit_count() - 32.5 + self._unit()) / _SIGMA

    def chance(self, probability: float) -> bool:
        return self._unit() < probability

    def hits(self, probability: float, count: int) -> list[int]:
        """Which of ``count`` draws are true with ``probability``: as so many calls of ``chance``, and faster."""
        unit = self._unit
        return [at for at in range(count) if unit() < probability]


class Follower:
    """Reads a curve at times that mostly go forward; constant before its first and after its last point."""

    __slots__ = ("_at", "_curve", "_last")

    def __init__(self, curve: Curve) -> None:
        self._curve, self._at, self._last = curve, 0, len(curve) - 1

    def at(self, t_us: int) -> float | None:
        """The value at ``t_us``; None where nothing is given. Between a value and None the value is held."""
        curve, at = self._curve, self._at
        if t_us < curve[at][0]:
            at = 0
        while at < self._last and curve[at + 1][0] <= t_us:
            at += 1
        self._at = at
        t0, v0 = curve[at]
        if at == self._last or v0 is None or t_us <= t0:
            return v0
        t1, v1 = curve[at + 1]
        return v0 if v1 is None else v0 + (v1 - v0) * ((t_us - t0) / (t1 - t0))

    def number(self, t_us: int) -> float:
        """The value where one must be."""
        value = self.at(t_us)
        if value is None:
            raise ValueError(f"the curve gives nothing at {t_us} us")
        return value


class World:
    """The signals of a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.ambient_mc = Follower(scenario.ambient_mc).number
        self.light_mlx = Follower(scenario.light_mlx).number
        self.other_mw = Follower(scenario.other_load_mw).number
        self.slow_ppm = Follower(scenario.slow_down_ppm).number
        self.r_ppm = Follower(scenario.r_ppm).number
        self._budget = Follower(scenario.budget_mw).at

    def budget_mw(self, t_us: int) -> int | None:
        """The outside budget, None while the policy's own holds."""
        value = self._budget(t_us)
        return None if value is None else round(value)


def bands_at(bands: tuple[LightBand, ...], light_mlx: float) -> tuple[str, ...]:
    """Every band whose range holds ``light_mlx``: two of them where neighbours overlap."""
    return tuple(
        band.name
        for band in bands
        if (band.down_at_mlx is None or light_mlx >= band.down_at_mlx) and (band.up_at_mlx is None or light_mlx <= band.up_at_mlx)
    )


class TrueBand:
    """The band of the true light, with the bands' own hysteresis."""

    def __init__(self, bands: tuple[LightBand, ...]) -> None:
        self._bands = bands
        self._at: int | None = None
        self._light: float | None = None
        self.name = ""
        self.inside: tuple[str, ...] = ()

    def follow(self, light_mlx: float) -> str:
        """Move to the band of this light and name it; ``inside`` names every band that holds it."""
        if light_mlx == self._light:
            return self.name
        bands, last = self._bands, len(self._bands) - 1
        at = self._at
        if at is None:
            at = next(n for n, band in enumerate(bands) if band.up_at_mlx is None or light_mlx <= band.up_at_mlx)
        while at < last and light_mlx > (bands[at].up_at_mlx or 0):
            at += 1
        while at > 0 and light_mlx < (bands[at].down_at_mlx or 0):
            at -= 1
        self._at, self._light, self.inside = at, light_mlx, bands_at(bands, light_mlx)
        self.name = bands[at].name
        return self.name


class TrueLight:
    """The true light in the policy's bands (to which a shadow frame is booked) and in those that the truth speaks of."""

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self.label = TrueBand(policy.bands)
        self.truth = TrueBand(scenario.truth_bands) if scenario.truth_bands else self.label

    def follow(self, light_mlx: float) -> None:
        self.label.follow(light_mlx)
        self.truth.follow(light_mlx)


class Disagreement:
    """How often a variant's answers really differ from the reference's, scene after scene.

    Scenes are drawn once for all controllers from the scenario's seed: what a controller does never changes what it meets.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._streams = {
            (band, variant): SceneStream(scenario.seed, f"{band}/{variant}", scenes)
            for band, variant, scenes in scenario.truth.disagreement
        }

    def chance(self, truth_band: str, variant: str, t_us: int) -> float:
        """The chance that a frame differs at ``t_us``; asked in the order of time."""
        stream = self._streams.get((truth_band, variant))
        return 0.0 if stream is None else stream.at(t_us) / PPM

    def affordable(self, inside: tuple[str, ...], variant: str, t_us: int, limit_ppm: int) -> bool:
        """Whether somebody who knows every scene could serve the variant at ``t_us`` within the limit.

        True where in one of the bands that hold the light the scene of now, or all scenes together, lose no more than that.
        """
        streams = [self._streams.get((band, variant)) for band in inside]
        return any(one is None or min(one.at(t_us), one.mean_ppm) <= limit_ppm for one in streams)


class SceneStream:
    """One stream of scenes: which one is on, and when it ends."""

    __slots__ = ("_chance_ppm", "_ends_us", "_random", "_scenes", "mean_ppm")

    def __init__(self, seed: int, stream: str, scenes: Scenes) -> None:
        self._scenes, self.mean_ppm = scenes, scenes.mean_ppm
        self._random = Random(f"{seed}/scenes/{stream}")  # noqa: S311 - repeatable on purpose
        self._ends_us = 0
        self._chance_ppm = self._draw()

    def at(self, t_us: int) -> int:
        """The chance in ppm that a frame differs at ``t_us``."""
        if self._scenes.length_us:
            while t_us >= self._ends_us:
                self._chance_ppm = self._draw()
                self._ends_us += max(1, round(self._random.expovariate(1.0) * self._scenes.length_us))
        return self._chance_ppm

    def _draw(self) -> int:
        at_ppm = self._random.randrange(PPM)
        for share_ppm, chance_ppm in self._scenes.scenes:
            at_ppm -= share_ppm
            if at_ppm < 0:
                return chance_ppm
        return self._scenes.scenes[-1][1]
