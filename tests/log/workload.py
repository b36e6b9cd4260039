"""A small world that feeds the real brain and writes what follows to a real log: heat, light and load change, frames disagree.

Everything is drawn from a seeded generator of integers, so that the same call makes the same log, byte for byte, but for keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from adaptd.brain import tick
from adaptd.config.policy import parse_policy
from adaptd.config.profile import parse_profile
from adaptd.log.format.binding import Binding, PlanFile
from adaptd.log.format.epochs import KeyFolder
from adaptd.log.format.store import Store
from adaptd.log.write.ledger import Ledger, LedgerLimits
from adaptd.log.write.opening import open_ledger
from adaptd.log.write.recorder import Recorder, Settings
from adaptd.vocabulary import (
    MissingReason,
    OperatingPoint,
    Prior,
    Raw,
    RawReading,
    Served,
    Setpoint,
    Shadow,
    Snapshot,
    Telemetry,
    Unread,
    VariantFacts,
)
from tests.log.attacks import Files, read_files

ROOT = Path(__file__).resolve().parents[2]
POLICY_TEXT = (ROOT / "policies" / "feeder.yaml").read_text()
PROFILE_TEXT = (ROOT / "hw_profiles" / "orin-nx-16gb.yaml").read_text()
POLICY = parse_policy(POLICY_TEXT, "feeder.yaml")
PROFILE = parse_profile(PROFILE_TEXT, "orin-nx-16gb.yaml")
FACTS = (
    VariantFacts("fp16", 36_200, 4_430),
    VariantFacts("int8", 22_800, 3_490, priors=(Prior("bright", 3000, 2), Prior("dim", 3000, 5))),
)
BRAIN = tick.Brain(POLICY, PROFILE, FACTS)
START_MS = 1_790_000_000_000
SECOND = 1_000_000


class Clock:
    """A monotonic and a wall clock that move only when told to."""

    def __init__(self, now_us: int = 5 * SECOND) -> None:
        self.now_us = now_us
        self.wall_ms = START_MS

    def mono_us(self) -> int:
        return self.now_us

    def utc_ms(self) -> int:
        return self.wall_ms + self.now_us // 1000

    def advance(self, us: int) -> None:
        self.now_us += us


@dataclass
class World:
    """A board in a room, as far as a log needs one: it answers an operating point with the next snapshot."""

    random: Random
    tick_us: int = SECOND
    heat_mc: int = 20_000
    ticks: int = 0
    light_mlx: int = 400_000
    sequence: int = 0
    trouble: bool = True

    def sense(self, now_us: int, point: OperatingPoint, shadow_ppm: int, log_ok: bool = True) -> Snapshot:
        """What is sensed one tick after ``point`` was asked for."""
        self.ticks += 1
        draw = self.random.randrange
        frames = point.fps_mfps * self.tick_us // SECOND // 1000
        energy_uj = {fact.name: fact.energy_uj for fact in FACTS}[point.variant]
        shadows = self._shadows(point, frames, shadow_ppm)
        power_mw = 4600 + frames * energy_uj // max(1, self.tick_us // 1000) + len(shadows) * 36 + draw(400)
        self.heat_mc += (power_mw * 7 // 4 + self.ticks % 7200 - self.heat_mc) * self.tick_us // SECOND // 40
        self._change_light()
        latency_us = {"fp16": 4430, "int8": 3490}[point.variant] * (1000 + draw(60)) // 1000
        served = (Served(point.variant, frames, frames * latency_us, latency_us + draw(900)),) if frames else ()
        worker = Telemetry(True, point, frames, 0, 0, len(shadows), served, shadows)
        return Snapshot(
            now_us=now_us,
            raw=(
                self._raw("temperature", (51_600 + self.heat_mc + draw(10) * 62) // 31 * 31, "tj-thermal", 900),
                self._raw("power", power_mw, "VDD_IN", 700),
                self._raw("light", self.light_mlx * (970 + draw(60)) // 1000, "camera", 66_000),
            ),
            worker=worker,
            log_ok=log_ok,
        )

    def _shadows(self, point: OperatingPoint, frames: int, shadow_ppm: int) -> tuple[Shadow, ...]:
        band = "bright" if self.light_mlx > 200_000 else "dim" if self.light_mlx > 11_000 else "night"
        chance = {"bright": 5, "dim": 15, "night": 300}[band]
        taken = [frame for frame in range(frames) if self.random.randrange(1_000_000) < shadow_ppm]
        return tuple(Shadow(band, "int8", 1_000_000 * (self.random.randrange(10_000) < chance)) for _ in taken)

    def _change_light(self) -> None:
        if self.ticks % 900 == 0:
            self.light_mlx = self.random.choice((400_000, 400_000, 90_000, 3_000, 700_000))

    def _raw(self, quantity: str, value: int, source: str, age_us: int) -> Raw:
        if self.trouble and self.random.randrange(2000) == 0:
            return Unread(MissingReason.MOMENTARY, "EIO: bus or device failed", source, quantity)
        return RawReading(value, age_us // 2 + self.random.randrange(age_us), self.ticks, source, quantity)


def settings(now_us: int, boot: str = "b0") -> Settings:
    """The configuration every test log runs under."""
    binding = Binding(boot, "bb" * 32, "cc" * 32, (PlanFile("pet-bowl.int8.onnx", "dd" * 32),), POLICY.sha256, PROFILE.sha256)
    return Settings("feeder.yaml", POLICY_TEXT, "orin-nx-16gb.yaml", PROFILE_TEXT, FACTS, 7, now_us, binding)


def decisions(
    count: int, seed: int = 1, *, now_us: int = 5 * SECOND, tick_us: int = SECOND
) -> Iterator[tuple[Snapshot, tick.Verdict, tick.State]]:
    """Snapshots, verdicts and states of the real brain in the small world, without a log."""
    world = World(Random(seed), tick_us)
    state = BRAIN.start(7, now_us)
    point, shadow_ppm = state.point, 0
    for _ in range(count):
        now_us += tick_us
        snapshot = world.sense(now_us, point, shadow_ppm)
        state, verdict = BRAIN.step(state, snapshot)
        point, shadow_ppm = verdict.point, verdict.shadow_ppm
        yield snapshot, verdict, state


class Run:
    """One run of a daemon without its worker: a ledger, a recorder, the brain and the small world, one tick at a time."""

    def __init__(
        self, folder: Path, *, seed: int = 1, clock: Clock | None = None, boot: str = "b0", limits: LedgerLimits | None = None,
        store: Store | None = None, keys: KeyFolder | None = None, tick_us: int = SECOND, heartbeat: int = 256,
    ) -> None:  # fmt: skip
        self.clock = clock or Clock()
        self.world = World(Random(seed), tick_us)
        self.ledger: Ledger
        self.ledger, self.found = open_ledger(
            folder, boot=boot, mono_us=self.clock.mono_us, utc_ms=self.clock.utc_ms, limits=limits, store=store, keys=keys
        )
        self.recorder = Recorder(self.ledger, heartbeat_decisions=heartbeat)
        self.state = BRAIN.start(7, self.clock.now_us)
        self.recorder.config(replace(settings(self.clock.now_us), binding=replace(settings(0).binding, boot_id=boot)), self.state)
        self.point, self.shadow_ppm, self.setpoint = self.state.point, 0, 0

    def tick(self) -> int | None:
        """Sense, decide, record, act, record the outcome; the decision's number."""
        self.clock.advance(self.world.tick_us)
        snapshot = self.world.sense(self.clock.now_us, self.point, self.shadow_ppm, self.recorder.ok)
        self.state, verdict = BRAIN.step(self.state, snapshot)
        seq = self.recorder.decision(snapshot, verdict, self.state)
        self.shadow_ppm = verdict.shadow_ppm
        if verdict.point != self.point and seq is not None:
            self.setpoint += 1
            act = self.recorder.act(
                Setpoint(
                    seq=self.setpoint,
                    variant=verdict.point.variant,
                    fps_mfps=verdict.point.fps_mfps,
                    lease_us=verdict.lease_us,
                    shadow_ppm=verdict.shadow_ppm,
                    seed="",
                    band=verdict.band,
                )
            )
            self.clock.advance(2100)
            self.recorder.result(act, "applied", verdict.point, 2100)
        self.point = verdict.point
        return seq

    def ticks(self, count: int) -> "Run":
        for _ in range(count):
            self.tick()
        return self

    def close(self) -> None:
        self.recorder.close("test over")


def make_log(folder: Path, count: int, **options: object) -> Run:
    """A cleanly closed log of ``count`` decisions."""
    run = Run(folder, **options).ticks(count)  # type: ignore[arg-type]
    run.close()
    return run


def raw_log(folder: Path, records: int = 12, *, seed: int = 1, per_segment: int = 5, seed_keys: KeyFolder | None = None) -> Files:
    """A small, cleanly closed log without decisions: notes, a rotation, a key hand-over, a second run. Returns its files."""
    clock, random = Clock(), Random(seed)
    for run in range(2):
        ledger, _ = open_ledger(folder, boot=f"b{run}", mono_us=clock.mono_us, utc_ms=clock.utc_ms, limits=SMALL, keys=seed_keys)
        for at in range(records // 2):
            clock.advance(SECOND)
            ledger.append("note", {"n": random.randrange(1000), "text": "ümlaut" if at == 1 else "plain"})
            if at % per_segment == per_segment - 1:
                ledger.rotate()
        ledger.close()
        clock.now_us = 3 * SECOND
    return read_files(folder)


SMALL = LedgerLimits(chunk_bytes=4096, reserve_bytes=8192)
