"""What frames cost now: the bundle's book, the pace of this machine and what power has taught, and which budget counts."""

from dataclasses import dataclass

from adaptd.brain.decide.planner import Option
from adaptd.brain.estimate import pace, power, tail
from adaptd.brain.estimate import window as spans
from adaptd.config.policy import Policy
from adaptd.vocabulary import OperatingPoint, Served, Snapshot, Telemetry, VariantFacts

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Book:
    """What the bundle says of every variant, in one order: names, latencies (us), joules a frame, watts while it computes, and
    which one a shadow frame runs on besides. ``streams`` cameras are served at one rate each: a round is one frame of each.
    """

    names: tuple[str, ...]
    book_us: tuple[int, ...]
    joules: tuple[float, ...]
    most_w: tuple[float, ...]
    beside: tuple[int, ...]
    streams: int = 1


def book(policy: Policy, facts: tuple[VariantFacts, ...]) -> Book:
    """The book of the variants in ``facts``, which hold the policy's reference."""
    names = tuple(fact.name for fact in facts)
    reference = names.index(policy.reference)
    tested = next((names.index(name) for name in policy.efficient if name in names), reference)
    return Book(
        names=names,
        book_us=tuple(max(1, fact.latency_us) for fact in facts),
        joules=tuple(max(1, fact.energy_uj) / 1e6 for fact in facts),
        most_w=tuple(float(max(1, fact.energy_uj)) / float(max(1, fact.latency_us)) for fact in facts),
        beside=tuple(reference if at != reference else tested for at in range(len(names))),
        streams=policy.streams,
    )


def budget_mw(snapshot: Snapshot, policy: Policy) -> int | None:
    """The budget of this tick: the one from outside while it is given."""
    return snapshot.budget_mw if snapshot.budget_mw is not None else policy.budget_mw


def average_w(spent: spans.Window, budget: int | None, policy: Policy) -> float | None:
    """What the window leaves of ``budget`` (mw), None where that is a cap at every moment or there is none."""
    if budget is None or not policy.budget_window_us:
        return None
    return spans.allowed_w(spent, policy.budget_window_us, budget / 1000.0)


def stalls(
    table: Book, paces: tuple[pace.Pace, ...], known: tail.Tail | None, served: tuple[Served, ...]
) -> tuple[tail.Tail | None, tuple[Served, ...]]:
    """What is known of stalls after an interval, and what was served without one: a stall says nothing of the usual latency."""
    usual: dict[str, int] = {}
    stalled = known is not None
    for one in served:
        if one.variant in table.names:
            at = table.names.index(one.variant)
            usual[one.variant] = table.book_us[at] * paces[at].factor_ppm // PPM if paces[at].frames else 0
            stalled = stalled or tail.stalled_milli(one, usual[one.variant]) > 0
    if not stalled:
        return None, served
    after = tail.observe(known, served, usual, sum([one.frames for one in paces]))
    return after, tuple([one for one in served if tail.calm(one, usual.get(one.variant, 0))])


def loads(table: Book, paces: tuple[pace.Pace, ...], worker: Telemetry, share_ppm: int, dt_s: float) -> list[float]:
    """Watts that each variant drew by the book in the last interval, shadow frames on the other engine included.

    Shadow frames count at the share that was asked for, not as drawn: a few whole frames in a short interval are mostly luck, and
    a regression on luck learns too small an energy. Frames that were counted in an interval too short for them were computed
    before it: an engine never draws more than it does when it computes all the time.
    """
    watts = [0.0] * len(paces)
    names = table.names
    for served in worker.served:
        if served.variant in names:
            at = names.index(served.variant)
            count = _fluid(served, worker, table.streams, dt_s)
            watts[at] += count
            if share_ppm:
                watts[table.beside[at]] += count * share_ppm / 1e6
    for at, frames in enumerate(watts):
        watts[at] = min(frames * table.joules[at] * paces[at].factor_ppm / (1e6 * dt_s), table.most_w[at])
    return watts


def _fluid(served: Served, worker: Telemetry, streams: int, dt_s: float) -> float:
    """Frames of an interval before they were counted whole: at 4.7 a second now 4 and now 5 are counted, and no watt moves.

    A regression on such counts would take their rounding for load and learn too small an energy.
    """
    due = worker.point.fps_mfps * streams * dt_s / 1000.0
    steady = served.variant == worker.point.variant and abs(served.frames - due) <= streams
    return due if steady else float(served.frames)


def book_mw(table: Book, paces: tuple[pace.Pace, ...], point: OperatingPoint, share_ppm: int = 0) -> int:
    """What the frames of a point draw by the bundle's book: the watchers trust that more than what was learned since.

    ``share_ppm`` of them run on the other engine too: under a thick coin a swap moves much less power than its frames alone.
    """
    at = table.names.index(point.variant)
    beside = table.beside[at]
    round_j = table.joules[at] * paces[at].factor_ppm
    if share_ppm:
        round_j += table.joules[beside] * paces[beside].factor_ppm * share_ppm / PPM
    return int(round_j * point.fps_mfps * table.streams / 1e6)


def frames_mw(table: Book, paces: tuple[pace.Pace, ...], scales: list[float], point: OperatingPoint) -> int:
    """The least that the frames of a point draw: by the book, or by what was learned where that is less."""
    return int(book_mw(table, paces, point) * min(1.0, scales[table.names.index(point.variant)]))


def options(
    table: Book, draw: power.Draw, paces: tuple[pace.Pace, ...], *, meterless: bool, known: tail.Tail | None = None
) -> list[Option]:
    """Every variant as believed now: what a round costs, and how long its last frame waits."""
    found = []
    for at, (name, joules, book, one) in enumerate(zip(table.names, table.joules, table.book_us, paces, strict=True)):
        slow = one.factor_ppm * table.streams / 1e6
        a, b, c = draw.doubts[at]
        nominal, spread = joules * slow, draw.scales[at] * joules * slow * one.spread_ppm / 1e6
        doubt = (a, b * nominal, c * nominal * nominal + spread * spread)
        if meterless:
            doubt = (0.0, 0.0, 0.0)
        found.append(Option(name, draw.scales[at] * nominal, book * slow, one.scatter_ppm / 1e6, doubt, tail=known))
    return found
