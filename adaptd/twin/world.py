"""What goes on around the device: ambient, light, other load, budget and contention as functions of time."""

from adaptd.config.policy import LightBand, Policy
from adaptd.twin.words import PPM, Curve, Scenario


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
        """Move to this light."""
        self.label.follow(light_mlx)
        self.truth.follow(light_mlx)


class Disagreement:
    """How often a variant's answer really differs from the reference's."""

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        self._ppm = {(band, variant): ppm for band, variant, ppm in scenario.truth.disagreement_ppm}
        self._limit_ppm = policy.max_loss_ppm
        self._reference = policy.reference
        self._within: dict[str, tuple[str, ...]] = {band.name: (band.name,) for band in policy.bands}
        if scenario.truth_bands:
            for band in policy.bands:
                self._within[band.name] = tuple(other.name for other in scenario.truth_bands if _overlap(band, other))

    def chance(self, truth_band: str, variant: str) -> float:
        """The chance that one frame differs."""
        return self._ppm.get((truth_band, variant), 0) / PPM

    def _over(self, truth_band: str, variant: str) -> bool:
        return variant != self._reference and self._ppm.get((truth_band, variant), 0) > self._limit_ppm

    def unproven(self, inside: tuple[str, ...], variant: str) -> bool:
        """Whether a frame of the variant breaks the promise: over the limit in every band that the light can be counted to."""
        return all(self._over(band, variant) for band in inside)

    def falsely_admitted(self, band: str, variant: str) -> bool:
        """Whether the variant loses more than the policy allows everywhere in a band of the policy."""
        names = self._within.get(band, ())
        return bool(names) and all(self._over(name, variant) for name in names)


def _overlap(one: LightBand, other: LightBand) -> bool:
    """Whether two bands share more light than the hysteresis of their edges."""
    low = max(band.down_at_mlx or 0 for band in (one, other))
    high = min(band.up_at_mlx if band.up_at_mlx is not None else 10**12 for band in (one, other))
    return high > 2 * low
