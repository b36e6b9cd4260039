"""The battery of the software device: what it truly holds, and what its gauge says of that."""

from adaptd.twin.noise import Noise
from adaptd.twin.words import PPM, BatteryTruth
from adaptd.twin.world import Follower
from adaptd.vocabulary.battery import BatteryReading, Supply

READ_EVERY_US = 10_000_000  # how often a gauge is worth a read


class Cell:
    """Energy in one pot. The board, and what drives the robot past the board's meter, take from it; a charger fills it."""

    def __init__(self, truth: BatteryTruth, seed: int) -> None:
        self._truth = truth
        self.full_uj = truth.capacity_uj * truth.capacity_scale_ppm / PPM
        self.left_uj = self.full_uj * truth.start_ppm / PPM
        self._drive_mw, self._charger_mw = Follower(truth.drive_mw).number, Follower(truth.charger_mw).number
        self._rustle = Noise(seed, "battery").normal
        self._said: BatteryReading | None = None

    @property
    def charge_ppm(self) -> float:
        """The true state of charge."""
        return self.left_uj / self.full_uj * PPM

    @property
    def empty(self) -> bool:
        """Whether nothing is left: the board is off."""
        return self.left_uj <= 0.0

    def advance(self, t_us: int, dt_us: int, board_mw: float) -> None:
        """``dt_us`` from ``t_us`` on, in which the board drew ``board_mw``."""
        drawn_mw = board_mw + self._drive_mw(t_us) - self._charger_mw(t_us)
        self.left_uj = min(self.full_uj, max(0.0, self.left_uj - drawn_mw * dt_us / 1000))

    def read(self, t_us: int) -> BatteryReading:
        """What the gauge says, renewed every READ_EVERY_US: the charge in its steps, and what its label holds."""
        said, truth = self._said, self._truth
        supply = Supply.CHARGING if self._charger_mw(t_us) > 0 else Supply.DISCHARGING
        if said is None or t_us - said.at_us >= READ_EVERY_US or said.supply is not supply:
            charge = self.charge_ppm + truth.noise_ppm * self._rustle()
            stepped = round(charge / truth.step_ppm) * truth.step_ppm
            ppm = min(PPM, max(0, stepped))
            said = BatteryReading(ppm, supply, t_us, truth.capacity_uj, truth.step_ppm, "twin", True)
            self._said = said
        return said
