"""Every reading of a tick, judged once: each source for itself, then against the other quantities, then who speaks.

Power is judged first, since it is the cause that a temperature must follow. What the power should be comes from the brain's own
last decision, what the light should be from the picture.
"""

from typing import NamedTuple

from adaptd.brain.judge import fusion
from adaptd.brain.judge.fusion import Expected, Held
from adaptd.brain.judge.rules import Rules
from adaptd.brain.judge.source import Heard, Trace, hear
from adaptd.vocabulary import LIGHT, POWER, TEMPERATURE, Judged, MissingReason, Raw, Snapshot


class Memory(NamedTuple):
    """All that the judge remembers: one trace a source in the order of the snapshot, and what is held of each quantity.

    ``predicted_mw`` is what the last decision expects the machine to take, ``frames_mw`` what its frames take of that.
    """

    at_us: int | None = None
    traces: tuple[Trace, ...] = ()
    temperature: Held | None = None
    power: Held | None = None
    light: Held | None = None
    expected: Expected = Expected()
    predicted_mw: int | None = None
    frames_mw: int = 0


class Senses(NamedTuple):
    """The believed values (None: unknown) and the judgements, by temperature, power, light."""

    temperature_mc: int | None
    power_mw: int | None
    light_mlx: int | None
    judged: tuple[Judged, ...]


def judge(memory: Memory, snapshot: Snapshot, rules: Rules) -> tuple[Memory, Senses]:
    """What is believed at this tick, and the memory after it."""
    now_us, raw, picture = snapshot.now_us, snapshot.raw, snapshot.picture
    if memory.at_us is not None and now_us < memory.at_us:
        return memory, _refused(MissingReason.CLOCK)
    traces = _traces(memory.traces, raw)
    of_frames = None if memory.predicted_mw is None else memory.frames_mw  # other programs' power follows no decision
    power, expected = hear(raw, traces, now_us, rules.of[POWER], of_frames), memory.expected
    if power and snapshot.worker.alive and snapshot.worker.point.fps_mfps:
        power, expected = _serving(memory, power, now_us, rules.floor_mw)
    judged_power, held_power, power_mw = fusion.settle(now_us, power, memory.power)
    simulated = bool(power) and power[0][0].simulated  # a simulated zone does not follow a real rail
    temperature = hear(raw, traces, now_us, rules.of[TEMPERATURE], power_mw, simulated)
    if len(temperature) > 1:
        temperature = fusion.hottest(temperature)
    judged_temperature, held_temperature, temperature_mc = fusion.settle(now_us, temperature, memory.temperature)
    seen = None if picture is None else 1000 * fusion.doublings(picture)
    light, overruled = fusion.against_picture(hear(raw, traces, now_us, rules.of[LIGHT], seen, world=False), picture)
    judged_light, held_light, light_mlx = fusion.settle(now_us, light, memory.light, overruled=overruled)
    after = Memory(
        at_us=now_us,
        traces=tuple(traces),
        temperature=held_temperature,
        power=held_power,
        light=held_light,
        expected=expected,
        predicted_mw=memory.predicted_mw,
        frames_mw=memory.frames_mw,
    )
    return after, Senses(temperature_mc, power_mw, light_mlx, (judged_temperature, judged_power, judged_light))


def _refused(reason: MissingReason) -> Senses:
    return Senses(None, None, None, (Judged("", reason),) * 3)


def _traces(known: tuple[Trace, ...], raw: tuple[Raw, ...]) -> list[Trace]:
    """One trace for each raw reading; a source that is new, or comes again, begins anew."""
    if len(known) == len(raw):
        for trace, one in zip(known, raw, strict=True):
            if trace.source != one.source or trace.quantity != one.quantity:
                break
        else:
            return list(known)
    by_name = {(trace.quantity, trace.source): trace for trace in known}
    return [by_name.get((one.quantity, one.source)) or Trace(one.source, one.quantity) for one in raw]


def _serving(memory: Memory, heard: list[Heard], now_us: int, floor_mw: int) -> tuple[list[Heard], Expected]:
    """The power sources against the floor of a machine that serves, and against what its frames should take."""
    expected, half_mw = fusion.expect(memory.expected, now_us, fusion.first(heard), memory.predicted_mw, memory.frames_mw)
    believed = fusion.above_floor(heard, max(floor_mw, half_mw))
    silenced = believed is not heard and fusion.first(believed) is None
    silenced = silenced and fusion.first(fusion.above_floor(heard, floor_mw)) is not None
    return believed, fusion.let_go(expected, now_us, silenced=silenced)
