"""The judge's reasons in plain words, for people. Nothing decides by them."""

from adaptd.vocabulary import LIGHT, POWER, TEMPERATURE, Doubt, Missing, MissingReason, Raw, RawReading, Unread

_TEXT = {
    MissingReason.NO_SENSOR: "no sensor",
    MissingReason.NOT_READ: "not read yet",
    MissingReason.GONE: "the device is gone",
    MissingReason.NO_ACCESS: "no permission to read",
    MissingReason.MOMENTARY: "the read failed this time",
    MissingReason.DEVICE: "the device failed",
    MissingReason.HUNG: "hung: the read does not return",
    MissingReason.UNREADABLE: "the answer is no number",
    MissingReason.SATURATED: "beyond what the sensor can tell",
    MissingReason.UNSUPPORTED: "this source does not give it",
    MissingReason.UNCALIBRATED: "not calibrated",
    MissingReason.STALE: "stale: older than sensors.stale_after_s of the policy",
    MissingReason.CLOCK: "clock: the time of the reading does not advance",
    MissingReason.OUT_OF_RANGE: "implausible: outside the range that the profile gives this sensor",
    MissingReason.ZERO: "implausible: exactly 0, which is what a dead sensor is often given",
    MissingReason.TOO_FAST: "jump: faster than the profile's slew allows",
    MissingReason.UNCONFIRMED: "jump: waiting for a second answer that agrees",
    MissingReason.FROZEN: "frozen: a sensor that always moved repeats one value",
    MissingReason.STUCK: "stuck: unchanged although its cause moved",
    MissingReason.TOO_LOW: "implausible: less than this machine takes while it serves frames",
    MissingReason.CONTRADICTED: "contradiction: sensor and picture differ by more than a factor of 16",
    MissingReason.DOUBTED: "the device has warmed up by more than this sensor says",
    MissingReason.MAYBE_STUCK: "unchanged although its cause moved",
    MissingReason.BOUND: "bound: the picture is clipped, it is at least this bright",
    MissingReason.ASSUMED: "calibration assumed",
    MissingReason.COOLER: "more than 5 K below another zone: the hottest counts",
    MissingReason.BRIDGED: "bridged: the last value, since one read failed",
    MissingReason.BETWEEN: "no light band holds all of what the light may be",
}
_PEOPLE = {TEMPERATURE: (1, "degC"), POWER: (2, "W"), LIGHT: (0, "lux")}
# What only a comparison of sources, or with the picture, can find.
BETWEEN = frozenset({MissingReason.COOLER, MissingReason.CONTRADICTED, MissingReason.BRIDGED})


def why(reason: MissingReason, raw: Raw | None = None) -> str:
    """A reason in words, with what the source itself said or the number that is refused."""
    if isinstance(raw, Unread) and raw.reason is reason and raw.text:
        return raw.text
    if not isinstance(raw, RawReading):
        return _TEXT[reason]
    if reason is MissingReason.STALE:
        return f"stale: {raw.age_us // 1000} ms old"
    return f"{_TEXT[reason]} ({in_units(raw.quantity, raw.value)})"


def in_units(quantity: str, value: int) -> str:
    """A value in the units that a person uses."""
    digits, unit = _PEOPLE[quantity]
    return f"{value / 1000:.{digits}f} {unit}"


def why_missing(missing: Missing) -> str:
    """Why there is no reading, in the words of its source where it has some."""
    return missing.text or _TEXT[missing.reason]


def quality(doubt: Doubt | None) -> str:
    """How far a source is believed: good, suspect (used and named), stale, failed (both Missing)."""
    if doubt is None:
        return "good"
    if not doubt.refused:
        return "suspect"
    return "stale" if doubt.reason is MissingReason.STALE else "failed"
