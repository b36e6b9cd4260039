"""One part of a log run again by itself, in a process of its own, from a state that the log claims.

A configuration and a heartbeat carry the whole state. A part begins at one, takes its claim on trust, and says where it stood a
few decisions later and at its end. Whoever joins the parts runs those few decisions from where the part before ended: only if
that comes to stand in the same place was the claim true, and then the rest of the part is what a replay in one go would find.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from json import JSONDecoder
from typing import Any, Final

from adaptd.log.format.verdicts import VerifyReport
from adaptd.log.verify.decided import Decided
from adaptd.log.verify.replay import Replayer, ReplayError, Standing
from adaptd.log.verify.served_intervals import LATE_DECISIONS, Rest, Service

_decoder: Any = JSONDecoder()
_scan: Final = _decoder.scan_once


@dataclass(frozen=True, slots=True)
class Task:
    """Lines of records that follow one another. The first is the ``config`` or ``heartbeat`` whose state is claimed.

    ``config``: the line of the configuration in force there. A log's first part has none and claims nothing.
    """

    lines: tuple[bytes, ...]
    config: bytes | None


@dataclass(frozen=True, slots=True)
class Part:
    """What a part came to. ``head``: how many records led to ``began``; ``config``: the record it is under at its end."""

    head: int
    began: Standing | None
    ended: Standing
    config: dict[str, Any]
    decided: int
    given_states: int
    rest: Rest


class Unfit(Exception):  # noqa: N818 - it says that the parts must be run one after the other, not that something is wrong
    """The part cannot be run by itself, or something in it does not follow; a replay in one go says which."""


def feed(replayer: Replayer, service: Service, record: dict[str, Any]) -> Decided | None:
    """Run one record again and count what it says of service, as a replay in one go does; raises ReplayError."""
    decided = replayer.feed(record)
    if decided is not None and replayer.reference is not None:
        service.feed(decided, replayer.reference)
    elif record["kind"] == "start":
        service.restart()
    return decided


def run_part(task: Task) -> Part | None:
    """Run one part again; None where that cannot be done by itself or comes to a fault."""
    try:
        return _run(task)
    except (Unfit, ReplayError, ValueError, KeyError, TypeError):
        return None


def _run(task: Task) -> Part:
    records = _records(task.lines)
    replayer, service = Replayer(), Service(VerifyReport())
    began, head, config, waiting = None, 0, None, list[dict[str, Any]]()
    if task.config is not None:
        (config,) = _records((task.config,))
        leading, waiting = _head(records)
        head = len(leading)
        replayer.assume(config, leading[0])
        for record in leading[1:]:
            _lead(replayer, service, record)
        began = replayer.standing()
    under_way = service.forget(VerifyReport())
    decided, given = replayer.decided, replayer.given_states
    for record in chain(waiting, records):
        feed(replayer, service, record)
        config = record if record["kind"] == "config" else config
    if config is None:
        raise Unfit
    decided, given = replayer.decided - decided, replayer.given_states - given
    return Part(head, began, replayer.standing(), config, decided, given, service.rest(under_way=under_way))


def _records(lines: tuple[bytes, ...]) -> Iterator[dict[str, Any]]:
    """One record after the other; whoever cut the parts has held each line against its canonical form before."""
    for line in lines:
        yield _scan(line.decode(), 0)[0]


def _head(records: Iterator[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Up to the record after which nothing depends on what came before the part but its standing, and that record."""
    leading: list[dict[str, Any]] = []
    seen = 0
    for record in records:
        if leading and record["kind"] in ("start", "config"):
            break
        if seen == LATE_DECISIONS and record["kind"] != "evidence":
            return leading, [record]
        seen += record["kind"] == "decision"
        leading.append(record)
    raise Unfit


def _lead(replayer: Replayer, service: Service, record: dict[str, Any]) -> None:
    """Feed a record of the head. What stands around its first decision may depend on the part before; whoever joins checks it."""
    first = replayer.decided + (record["kind"] == "decision") < 2
    if first and record["kind"] not in ("decision", "degraded"):
        return
    feed(replayer, service, record)
    if first:
        replayer.skip_evidence()
