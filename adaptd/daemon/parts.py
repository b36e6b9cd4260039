"""What the loop is made of: the parts it drives, its clocks, its pace, and who is told what happens."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from adaptd.brain.tick import State
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.daemon.engine_identity import EngineIdentity
from adaptd.daemon.jobs import SlowJobs
from adaptd.daemon.power_modes import PowerModes
from adaptd.daemon.sensors_or_twin import SensorsOrTwin
from adaptd.daemon.status import Scene
from adaptd.log.write.recorder import Recorder, Settings
from adaptd.log.write.retention import Retention
from adaptd.serve.api import Api
from adaptd.serve.board import StatusBoard
from adaptd.serve.notify import Notifier
from adaptd.supervise.supervisor import Supervisor
from adaptd.vocabulary import Stretch, VariantFacts

STOP_S = 1.5  # that a worker has to end in


class Watcher(Protocol):
    """Who wants to be told what happens, on the control thread: the terminal of `adaptd run`."""

    def decided(self, scene: Scene, changed: bool) -> None:
        """One decision was made and recorded."""

    def happened(self, words: str) -> None:
        """Something else a person would want to know."""

    def asked(self, document: dict[str, Any]) -> None:
        """Somebody asked for the state (SIGUSR1): it is shown whatever else is kept quiet."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The two clocks: monotonic for logic, wall for stamps."""

    mono_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000
    utc_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class LoopPace:
    """How often to listen to the worker and to decide; ``duration_us`` None runs until told to stop."""

    tick_us: int = 1_000_000
    listen_us: int = 100_000
    duration_us: int | None = None


@dataclass(slots=True)
class Parts:
    """Everything the loop drives, made by ``assemble.py``. ``inherited`` is the last full state of the run before,
    ``unseen`` what the log holds of frames served after it, ``clean`` whether that run said that it stopped.

    ``chores`` are what each slow job asks for, by its name. ``facts`` are what the run starts with; ``origin`` says what they
    become once the worker's engines have answered.
    """

    policy: Policy
    profile: HardwareProfile
    facts: tuple[VariantFacts, ...]
    settings: Settings
    policy_path: Path
    worker: Supervisor
    senses: SensorsOrTwin
    recorder: Recorder
    board: StatusBoard
    api: Api | None
    slow: SlowJobs
    chores: dict[str, Callable[[], object]]
    retention: Retention
    notifier: Notifier
    watcher: Watcher
    inherited: State | None = None
    unseen: tuple[Stretch, ...] = ()
    clean: bool = True
    clock: Clock = field(default_factory=Clock)
    origin: EngineIdentity = field(default_factory=EngineIdentity)
    bundle_name: str = ""
    modes: PowerModes = field(default_factory=PowerModes)
    staged: bool = False  # what a frame costs is the software device's price
    plans: tuple[Path, Path] | None = None  # the bundle to build TensorRT plans from, and where
