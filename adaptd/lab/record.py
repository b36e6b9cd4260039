"""A simulated run written as an audit log: what a box would have on its disk, every reading marked simulated."""

from dataclasses import dataclass
from pathlib import Path

from adaptd.lab.controllers.adaptd import Adaptd
from adaptd.lab.episode import Episode
from adaptd.lab.harness import Choice, simulate
from adaptd.lab.score import Result
from adaptd.log.format.binding import Binding, code_hash
from adaptd.log.format.store import Store
from adaptd.log.write.ledger import LedgerLimits
from adaptd.log.write.opening import open_ledger
from adaptd.log.write.recorder import Recorder, Settings
from adaptd.twin.device import TwinDevice
from adaptd.twin.worker import Tick
from adaptd.vocabulary import OperatingPoint, Setpoint, Snapshot, Verdict

NO_BUNDLE = "0" * 64
TAKES_US = 2_000  # from intent to outcome: the software device obeys at once, a log wants a time


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of policy and profile as they stand in the files, with the names of these."""

    policy_name: str
    policy: str
    profile_name: str
    profile: str


class _Scratch(Store):
    """A folder whose bytes need not outlive a power cut: a simulated log can be made again."""

    def inside(self, name: str) -> "Store":
        return _Scratch(self.folder / name)

    def sync(self, fd: int) -> None:
        """Leave it to the system."""

    def sync_folder(self) -> None:
        """Leave it to the system."""


class _Trail:
    """An observer that writes every tick. Its clock is that of the device, beginning at ``start_ms`` of the wall clock."""

    def __init__(self, folder: Path, episode: Episode, texts: Texts, brain: Adaptd, start_ms: int) -> None:
        self._brain, self._now_us = brain, 0
        boot = f"simulated-{episode.scenario.name}-{episode.scenario.seed}"
        limits = LedgerLimits(window_us=max(60_000_000, 4 * episode.scenario.tick_us), silence_us=600_000_000)
        ledger, _ = open_ledger(
            folder,
            boot=boot,
            mono_us=lambda: self._now_us,
            utc_ms=lambda: start_ms + self._now_us // 1000,
            limits=limits,
            store=_Scratch(folder),
        )
        self._recorder = Recorder(ledger)
        binding = Binding(boot, NO_BUNDLE, code_hash(), (), episode.policy.sha256, episode.profile.sha256)
        names = (texts.policy_name, texts.policy, texts.profile_name, texts.profile)
        self._recorder.config(Settings(*names, episode.facts, episode.scenario.seed, 0, binding), brain.state)
        self._point: OperatingPoint | None = None
        self._setpoint = 0

    def __call__(self, device: TwinDevice, snapshot: Snapshot, choice: Choice, tick: Tick) -> None:
        assert isinstance(choice, Verdict)
        self._now_us = snapshot.now_us
        self._recorder.decision(snapshot, choice, self._brain.state)
        if choice.point != self._point:
            self._setpoint += 1
            self._point = choice.point
            act = self._recorder.act(
                Setpoint(
                    seq=self._setpoint,
                    variant=choice.point.variant,
                    fps_mfps=choice.point.fps_mfps,
                    lease_us=choice.lease_us,
                    shadow_ppm=choice.shadow_ppm,
                    seed="",
                    band=choice.band,
                )
            )
            self._now_us += TAKES_US
            self._recorder.result(act, "applied", tick.telemetry.point, TAKES_US)

    def close(self) -> None:
        self._recorder.close("the simulated run is over")


def record(episode: Episode, texts: Texts, folder: Path, start_ms: int) -> Result:
    """Run adaptd's own controller through ``episode`` and write its log into ``folder``, which holds none yet.

    Raises:
        LedgerError: the folder cannot be written, or holds a log already that may not be continued.
    """
    scenario, policy, profile, facts = episode.scenario, episode.policy, episode.profile, episode.facts
    brain = Adaptd(policy, profile, facts, scenario.seed)
    trail = _Trail(folder, episode, texts, brain, start_ms)
    try:
        return simulate(scenario, policy, profile, facts, brain, trail)
    finally:
        trail.close()
