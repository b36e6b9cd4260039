"""Power modes of the software device: what a frame takes and needs in each, and how the board obeys."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from adaptd.config.limits import ModeName
from adaptd.config.policy import Name
from adaptd.config.profile import HardwareProfile
from adaptd.config.validate import Number, Strict, scaled
from adaptd.twin.words import PPM, BoardModes, ModeTruth, Scenario
from adaptd.vocabulary import ModeFault, ModeFigures, PowerMode, VariantFacts


class ModeVariantModel(Strict):
    """What qualification said of one variant, in a power mode or without any; energy is marginal, above idle."""

    energy_mj: Annotated[Number, Field(gt=0, le=1_000_000)]
    latency_ms: Annotated[Number, Field(gt=0, le=60_000)]


class BoardModeModel(Strict):
    """One mode. ``memory_mhz`` 0 is no cap; ``idle_power_w`` left out is the profile's. ``obeys``: whether the board takes it."""

    memory_mhz: Annotated[Number, Field(ge=0, le=20_000)] = 0
    idle_power_w: Annotated[Number, Field(gt=0, le=1000)] | None = None
    variants: Annotated[dict[Name, ModeVariantModel], Field(min_length=1)]
    obeys: bool = True


class PowerModesModel(Strict):
    """The board's modes, and the one that it starts in. ``variants`` of the scenario are those of ``start``."""

    start: ModeName
    modes: Annotated[dict[ModeName, BoardModeModel], Field(min_length=1, max_length=16)]


def board_modes(model: PowerModesModel | None) -> BoardModes | None:
    """The same in integers."""
    if model is None:
        return None
    return BoardModes(model.start, tuple(_mode(name, mode) for name, mode in model.modes.items()))


def _mode(name: str, model: BoardModeModel) -> ModeTruth:
    figures = tuple((who, scaled(one.energy_mj, 1000), scaled(one.latency_ms, 1000)) for who, one in model.variants.items())
    idle_mw = None if model.idle_power_w is None else scaled(model.idle_power_w, 1000)
    return ModeTruth(name, scaled(model.memory_mhz, 1000), idle_mw, figures, model.obeys)


def figures_of(scenario: Scenario, profile: HardwareProfile) -> tuple[ModeFigures, ...]:
    """What a controller is told of modes: qualification's numbers in each."""
    if scenario.power_modes is None:
        return ()
    return tuple(
        ModeFigures(mode.name, mode.memory_khz, who, energy_uj, latency_us, mode.idle_mw or profile.idle_power_mw)
        for mode in scenario.power_modes.modes
        for who, energy_uj, latency_us in mode.figures
    )


class TwinModes:
    """The board's hand: what it is in, and what becomes of a switch. One that is asked for holds from the next tick on."""

    def __init__(self, board: BoardModes, profile: HardwareProfile) -> None:
        self._known = {mode.name: mode for mode in board.modes}
        self._profile = profile
        self.now = self._known[board.start]
        self._fault: ModeFault | None = None
        self.switches = 0

    def seen(self) -> PowerMode:
        """As nvpmodel's files would be read."""
        others = tuple((one.name, one.memory_khz) for one in self._known.values() if one is not self.now)
        return PowerMode(self.now.name, self.now.memory_khz, () if self._fault else others, self._fault)

    def ask(self, wanted: str | None) -> bool:
        """Whether the board has come to be in another mode."""
        if wanted is None or wanted == self.now.name or self._fault is not None:
            return False
        if wanted not in self._known or not self._known[wanted].obeys:
            self._fault = ModeFault.NOT_TAKEN
            return False
        self.now, self.switches = self._known[wanted], self.switches + 1
        return True

    def idle_mw(self, scenario: Scenario) -> float:
        """What this board draws in the mode without a frame."""
        return (self.now.idle_mw or self._profile.idle_power_mw) * scenario.truth.idle_scale_ppm / PPM

    def facts(self, facts: tuple[VariantFacts, ...]) -> tuple[VariantFacts, ...]:
        """Qualification's numbers in the mode in force."""
        own = {who: (energy_uj, latency_us) for who, energy_uj, latency_us in self.now.figures}
        return tuple(
            replace(fact, energy_uj=own[fact.name][0], latency_us=own[fact.name][1]) if fact.name in own else fact
            for fact in facts
        )
