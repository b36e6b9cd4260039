"""From one status document to the next: what to publish, what must arrive, and the hour's sums. No clock, no network, no disk."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adaptd.gateway.mqtt import payloads
from adaptd.gateway.mqtt.events import ENGINE_CHANGED, FAULT, Event, events, fault_key
from adaptd.gateway.mqtt.topics import Outgoing, Topics, short
from adaptd.gateway.outbox import ALERT, SUMMARY
from adaptd.gateway.summary import HOUR_MS, LONGEST_STEP_S, Hour, energy_between

MAX_FAULT_ALERTS = 20  # a day
QUIET_US = 60_000_000


class MustArrive(NamedTuple):
    """One message for the outbox."""

    kind: str
    key: str
    body: dict[str, Any]
    grade: str = ""


@dataclass(slots=True)
class Found:
    """What one state gives: messages that are lost without a network, and messages that are not."""

    messages: list[Outgoing] = field(default_factory=list)
    must_arrive: list[MustArrive] = field(default_factory=list)


class Watch:
    """Remembers the document before, the hour, and the energy in all (``energy_j`` from before a restart)."""

    def __init__(self, topics: Topics, period_s: float, *, energy_j: float = 0.0, hour: Hour | None = None) -> None:
        self.topics = topics
        self.document: dict[str, Any] | None = None  # None while the daemon does not answer
        self.known: dict[str, Any] = {}  # the last one there was: for what it is, never for a reading
        self.energy_j, self.energy_s = energy_j, 0.0
        self.hour = hour
        self._period_us = round(period_s * 1e6)
        self._before: dict[str, Any] | None = None
        self._at_us: int | None = None
        self._published_us: int | None = None
        self._face: tuple[Any, ...] = ()
        self._fault_day = (-1, 0)
        self._told: dict[tuple[str, ...], int] = {}

    def seen(self, document: dict[str, Any], at_us: int, utc_ms: int) -> Found:
        """Take a document that came at ``at_us`` (monotonic); ``utc_ms`` names the hour."""
        found, hour = self._turn(utc_ms)
        step_s = self._step_s(at_us)
        hour.see(document, self._before, step_s)
        if self._before is not None and 0 < step_s <= LONGEST_STEP_S:
            joules, seconds = energy_between(self._before, document, step_s)
            self.energy_j += joules
            self.energy_s += seconds
        for event in self._news(events(self._before, document), at_us):
            found.messages.append(event.message(self.topics))
            if event.name == FAULT and event.type == "fault":
                found.must_arrive += self._fault(str(event.words["text"]), document, utc_ms)
        if self.document is None:
            found.messages.insert(0, payloads.daemon(self.topics, answers=True))
        self.document = self._before = self.known = document
        if self._due(document, at_us):
            found.messages += self.readings()
        return found

    def absent(self, reason: str, words: str, at_us: int, utc_ms: int) -> Found:
        """The daemon does not answer: said once a period, and the hour has a gap."""
        found, hour = self._turn(utc_ms)
        hour.absent(reason, self._step_s(at_us))
        if self.document is not None or self._published_us is None:
            found.messages.append(payloads.daemon(self.topics, answers=False))
            self._published_us = None
        self.document = self._before = None
        if self._published_us is None or at_us - self._published_us >= self._period_us:
            self._published_us, self._face = at_us, ()
            found.messages += payloads.silent(self.topics, words)
        return found

    def readings(self) -> list[Outgoing]:
        """Everything of the newest document; nothing while there is none."""
        return [] if self.document is None else payloads.readings(self.topics, self.document, self.energy())

    def energy(self) -> dict[str, Any]:
        """Energy in all, null until power was measured for the first time."""
        known = self.energy_s > 0 or self.energy_j > 0
        return {"energy_wh": round(self.energy_j / 3600, 4) if known else None, "measured_s": round(self.energy_s, 1)}

    def close_hour(self, utc_ms: int) -> list[MustArrive]:
        """The summary of the hour that ends now; none where nothing was seen and nothing missed."""
        hour, self.hour = self.hour, None
        if hour is None or not (hour.observed_s or hour.gap_s):
            return []
        words = hour.words(self.topics.box, utc_ms)
        return [MustArrive(SUMMARY, str(words["key"]), words)]

    def _turn(self, utc_ms: int) -> tuple[Found, Hour]:
        """Begin a new hour where the wall clock is in another one, whichever way it went."""
        found = Found()
        if self.hour is not None and self.hour.from_ms // HOUR_MS != utc_ms // HOUR_MS:
            end_ms = (self.hour.from_ms // HOUR_MS + 1) * HOUR_MS
            found.must_arrive += self.close_hour(min(utc_ms, end_ms) if utc_ms > self.hour.from_ms else end_ms)
        if self.hour is None:
            self.hour = Hour(utc_ms)
        return found, self.hour

    def _news(self, found: list[Event], at_us: int) -> list[Event]:
        """Without those that said the same less than a minute ago: a condition on its edge is one event, not sixty."""
        self._told = {key: then_us for key, then_us in self._told.items() if at_us - then_us < QUIET_US}
        news = []
        for event in found:
            key = (event.name, event.type, str(event.words.get("condition")), str(event.words.get("text")))
            if event.type == ENGINE_CHANGED or key not in self._told:
                news.append(event)
                self._told[key] = at_us
        return news

    def _step_s(self, at_us: int) -> float:
        step_s = 0.0 if self._at_us is None else (at_us - self._at_us) / 1e6
        self._at_us = at_us
        return step_s

    def _due(self, document: dict[str, Any], at_us: int) -> bool:
        """A period has passed, or what a person looks at has changed."""
        point = document.get("operating_point") or {}
        face = (document.get("state"), point.get("variant"), document.get("band"), payloads.has_problem(document))
        due = self._published_us is None or at_us - self._published_us >= self._period_us or face != self._face
        if due:
            self._published_us, self._face = at_us, face
        return due

    def _fault(self, text: str, document: dict[str, Any], utc_ms: int) -> list[MustArrive]:
        day = utc_ms // 86_400_000
        count = self._fault_day[1] if self._fault_day[0] == day else 0
        if count >= MAX_FAULT_ALERTS:
            return []
        self._fault_day = (day, count + 1)
        point = document.get("operating_point") or {}
        rests_on = {"state": document.get("state"), "engine": point.get("variant"), "rate_fps": point.get("fps")}
        body = {"kind": "fault", "text": short(text), "rests_on": rests_on, "picture": False, "box": self.topics.box}
        return [MustArrive(ALERT, fault_key(self.topics.box, text, utc_ms), body, "fault")]
