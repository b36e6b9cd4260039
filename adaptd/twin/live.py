"""The software device behind a real worker: `adaptd run` reads it wherever the machine has no sensor.

It is driven by the frames that the worker really served; what a frame costs comes from the scenario, times how much longer the
engine took than in its first half minute: contention costs energy here as in every scenario, however fast this machine is.
"""

from dataclasses import replace
from pathlib import Path

from adaptd.config.policy import Policy, load_policy
from adaptd.config.profile import HardwareProfile
from adaptd.twin.device import TwinDevice
from adaptd.twin.scenario import load_scenario
from adaptd.twin.words import PPM, Scenario
from adaptd.twin.work import Work, beside_uj, true_work
from adaptd.vocabulary import Raw, Served, Telemetry, VariantFacts
from adaptd.vocabulary.battery import BatteryReading

STEP_US = 100_000
MOST_SLOW, LEAST_SLOW = 10.0, 0.5  # one stalled frame is no measurement, nor is one that cost nothing
FASTER, IN_A_ROW = 0.6, 3  # so much quicker so often: other engines serve now, and what is usual is learned anew
SETTLED = 30  # intervals whose mean is what an engine usually takes: the quickest one ever would rise with every record


class LiveTwin:
    """A ``TwinDevice`` on the clock of the run; the scenario starts at the first call and holds its last values after its end."""

    def __init__(self, scenario: Scenario, profile: HardwareProfile, work: dict[str, Work], policy: Policy) -> None:
        self._device = TwinDevice(scenario, profile)
        self._work, self._policy = work, policy
        self._began_us: int | None = None
        self._usual_us: dict[str, tuple[int, float, int]] = {}

    def observe(self, now_us: int, worker: Telemetry) -> tuple[tuple[Raw, ...], int | None]:
        """Advance to ``now_us`` under the frames that ``worker`` reports since the last call; the sensors and the budget."""
        device = self._device
        if self._began_us is None:
            self._began_us = now_us
        elapsed_us = now_us - self._began_us - device.t_us
        if elapsed_us > 0:
            self._spend(elapsed_us, self._active_uj(worker))
        return device.read(device.t_us), device.world.budget_mw(device.t_us)

    def battery(self, now_us: int) -> BatteryReading | None:
        """What the device's battery says, its time on the clock of the run; None where the scenario has none."""
        cell = self._device.battery
        if cell is None:
            return None
        said = cell.read(self._device.t_us)
        return replace(said, at_us=said.at_us + (now_us if self._began_us is None else self._began_us))

    def _spend(self, elapsed_us: int, active_uj: float) -> None:
        """In small steps, so that signals move smoothly however rare the calls are."""
        while elapsed_us > 0:
            step_us = min(STEP_US, elapsed_us)
            part = active_uj * step_us / elapsed_us
            self._device.advance(step_us, part)
            active_uj -= part
            elapsed_us -= step_us

    def _active_uj(self, worker: Telemetry) -> float:
        """Energy above idle of the frames reported: the served ones, and of every shadow frame the engine beside.

        Shadow frames fall on frames by a coin, so each engine that served has its share of them: between two reports the point
        may change, and the coin may send some frames back to the reference.
        """
        energy_uj, shadow_uj, frames = 0.0, 0.0, 0
        for served in worker.served:
            if served.variant in self._work and served.frames:
                slow = self._slow(served)
                energy_uj += served.frames * self._work[served.variant].energy_uj * slow
                shadow_uj += served.frames * beside_uj(self._work, self._policy, served.variant) * slow
                frames += served.frames
        if frames:
            energy_uj += worker.shadow_frames * shadow_uj / frames
        return energy_uj * self._device.world.slow_ppm(self._device.t_us) / PPM

    def _slow(self, served: Served) -> float:
        """How much longer than in its first intervals the engine took, on average over this one."""
        mean_us = max(1.0, served.latency_sum_us / served.frames)
        count, usual_us, quick = self._usual_us.get(served.variant, (0, 0.0, 0))
        quick = quick + 1 if mean_us < FASTER * usual_us else 0
        if quick >= IN_A_ROW:
            count, usual_us, quick = 0, 0.0, 0
        if count < SETTLED:
            count, usual_us = count + 1, usual_us + (mean_us - usual_us) / (count + 1)
        self._usual_us[served.variant] = count, usual_us, quick
        return max(LEAST_SLOW, min(MOST_SLOW, mean_us / usual_us))


def live_device(path: Path, profile: HardwareProfile, facts: tuple[VariantFacts, ...], policy: Policy | Path) -> LiveTwin:
    """The software device of the scenario at ``path`` on the poles of ``profile``.

    A frame costs what ``facts``, the qualification of the bundle that is really served, say; the scenario's own ``variants`` are
    for variants that the bundle does not know.

    Raises:
        ConfigError: one line a fault of the scenario or the policy.
    """
    scenario = load_scenario(path)
    rules = load_policy(policy) if isinstance(policy, Path) else policy
    known = {fact.name: fact for fact in (*scenario.variants, *facts)}
    return LiveTwin(scenario, profile, true_work(scenario, tuple(known.values())), rules)
