"""Raw readings for tests: a snapshot from three numbers, and a snapshot in which one sensor says something else."""

from dataclasses import replace

from adaptd.vocabulary import LIGHT, POWER, TEMPERATURE, MissingReason, Raw, RawReading, Snapshot, Telemetry, Unread

Said = int | MissingReason


def raw(quantity: str, said: Said, now_us: int, *, source: str = "test", age_us: int = 0, simulated: bool = False) -> Raw:
    """One source's answer; every moment has an answer of its own."""
    if isinstance(said, MissingReason):
        return Unread(said, "taken away", source, quantity, simulated)
    return RawReading(said, age_us, now_us, source, quantity, simulated)


def sensed(now_us: int, temperature: Said, power: Said, light: Said, worker: Telemetry, budget_mw: int | None = None) -> Snapshot:
    """A snapshot with one source a quantity."""
    said = ((TEMPERATURE, temperature), (POWER, power), (LIGHT, light))
    return Snapshot(now_us, tuple(raw(quantity, one, now_us) for quantity, one in said), worker, budget_mw)


def told(snapshot: Snapshot, quantity: str, said: Said = MissingReason.GONE, *, age_us: int = 0) -> Snapshot:
    """The snapshot in which every source of a quantity says this."""
    changed = tuple(
        raw(quantity, said, snapshot.now_us, source=one.source, age_us=age_us, simulated=one.simulated)
        if one.quantity == quantity
        else one
        for one in snapshot.raw
    )
    return replace(snapshot, raw=changed)


def value(snapshot: Snapshot, quantity: str) -> int | None:
    """The first source's number."""
    found = next(one for one in snapshot.raw if one.quantity == quantity)
    return found.value if isinstance(found, RawReading) else None
