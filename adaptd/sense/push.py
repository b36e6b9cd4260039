"""Readings pushed by another process: a ROS 2 node, an MQTT topic, a script. Each is checked before it is kept.

Only a source that the profile names as ``push:NAME`` is taken: what decides on heat must be written down by the person who
answers for the device. The sender's own ``stamp_us`` orders its messages; the age counts from the arrival here.
"""

from typing import Any

from adaptd.sense.source import QUANTITIES, UNITS, Answer, Feed
from adaptd.vocabulary import Missing, MissingReason, Raw
from adaptd.vocabulary.battery import BATTERY

LONGEST_AGE_US = 60_000_000
FORGOTTEN_US = 10_000_000  # a sender that was started anew may begin its stamps anew after this silence
_LARGEST = 10**12
PUSHED = (*QUANTITIES, BATTERY)
PUSH_UNITS = {**UNITS, BATTERY: "ppm of a full one"}
KEYS = frozenset({"quantity", "source", "value", "stamp_us", "age_us", "charging"})


class PushFeed(Feed):
    """The newest reading that one sender pushed."""

    def __init__(self, name: str, quantity: str) -> None:
        self.name = f"push:{name}"
        self.quantity = quantity
        self.charging = False  # of a battery: whether a charger feeds it
        self._count = 0
        self._taken: tuple[int, int] | None = None
        self._latest = Answer(0, None, Missing(MissingReason.NOT_READ, "nothing pushed yet"))

    def out_of_order(self, stamp_us: int, now_us: int) -> str:
        """Why a stamp is no news; empty where it is, or where the sender was silent for so long that it may have begun anew."""
        before = self._taken
        if before is None or stamp_us > before[0] or now_us - before[1] >= FORGOTTEN_US:
            return ""
        return f"clock: the sender's stamp {'repeated' if stamp_us == before[0] else 'went backwards'}"

    def take(self, value: int, stamp_us: int, age_us: int, now_us: int) -> str:
        """Keep one reading; the text says why it was refused, empty when it was taken."""
        self._count += 1
        if fault := self.out_of_order(stamp_us, now_us):
            self._latest = Answer(self._count, now_us, Missing(MissingReason.CLOCK, fault))
            return fault
        self._taken = (stamp_us, now_us)
        self._latest = Answer(self._count, now_us - age_us, value)
        return ""

    def sample(self, now_us: int) -> Raw:
        return self.raw(self._latest, now_us)


class PushInbox:
    """All push sources of a profile, by quantity and name."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[str, str], PushFeed] = {}

    def open(self, quantity: str, name: str) -> PushFeed:
        """The feed the station reads; made once per quantity and name; ``NAME@60s`` is NAME."""
        name = name.partition("@")[0]
        return self._feeds.setdefault((quantity, name), PushFeed(name, quantity))

    def push(self, message: Any, now_us: int) -> str:
        """Take one message ``{quantity, source, value, stamp_us, age_us?}``, whole numbers in the quantity's unit.

        Returns why it was refused, in one line with the remedy; empty when it was taken.
        """
        if fault := self._malformed(message):
            return fault
        feed = self._feeds[message["quantity"], str(message["source"])]
        feed.charging = message.get("charging", False)
        return feed.take(message["value"], message["stamp_us"], message.get("age_us", 0), now_us)

    def refusal(self, message: Any, now_us: int) -> str:
        """Why this message would be refused, empty where it would be taken; changes nothing, so any thread may ask."""
        if fault := self._malformed(message):
            return fault
        return self._feeds[message["quantity"], str(message["source"])].out_of_order(message["stamp_us"], now_us)

    def _malformed(self, message: object) -> str:
        """Why this is no message of a known sender; one whose stamp is out of order is one, and makes its source Missing."""
        if not isinstance(message, dict) or set(message) - KEYS:
            return "a pushed reading is {quantity, source, value, stamp_us, age_us}, age_us may be left out"
        quantity, name = message.get("quantity"), message.get("source")
        if quantity not in PUSHED:
            return f"quantity must be one of {', '.join(PUSHED)}"
        if "charging" in message and (quantity != BATTERY or type(message["charging"]) is not bool):
            return "charging is true or false, and said of a battery alone"
        feed = self._feeds.get((quantity, str(name)))
        if feed is None:
            return f"no push source {str(name)[:40]!r} for {quantity}: write push:{str(name)[:40]} under sensors of the profile"
        return _whole_numbers(message, quantity)


def _whole_numbers(message: dict[str, object], quantity: str) -> str:
    for key in ("value", "stamp_us", "age_us"):
        value = message.get(key, 0 if key == "age_us" else None)
        if isinstance(value, bool) or not isinstance(value, int):
            unit = f" ({PUSH_UNITS[quantity]})" if key == "value" else ""
            return f"{key}{unit} must be a whole number"
        if abs(value) > _LARGEST and key != "stamp_us":
            return f"{key} is out of every range"
        if key == "value" and quantity == BATTERY and not 0 <= value <= 1_000_000:
            return "value must be 0 (empty) to 1,000,000 (full)"
    age_us = message.get("age_us", 0)
    if isinstance(age_us, int) and not 0 <= age_us <= LONGEST_AGE_US:
        return "age_us must be 0 to 60,000,000"
    return ""
