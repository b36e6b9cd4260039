"""Rows of the status document that say what one decision saw, and what it ran into."""

from collections.abc import Iterable
from typing import Any

from adaptd.brain.decide.words import limit_of, numbers, refusal
from adaptd.brain.judge.words import BETWEEN, quality, why, why_missing
from adaptd.config.cells import band_of
from adaptd.vocabulary import (
    QUANTITIES,
    BandEvidence,
    Doubt,
    Judged,
    Limit,
    Measured,
    Raw,
    RawReading,
    Reading,
    Refusal,
    Snapshot,
    Verdict,
)


def reason_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """In numbers with their unit: what keeps the point from being more, and what each refused point lacks."""
    return [
        {**_point(one), "bound": one.bound.value, **_numbers(one), "words": numbers(one, verdict.lowered)}
        for one in verdict.limits
    ]


def refused_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """Every refused point: by which condition, and in ``words`` what it lacks, with the numbers of its limit if any."""
    return [{**_point(one), "words": refusal(one, verdict), **_numbers(limit_of(one, verdict))} for one in verdict.refused]


def _point(one: Limit | Refusal) -> dict[str, Any]:
    return {"variant": one.point.variant, "fps": one.point.fps_mfps / 1000, "condition": one.condition}


def _numbers(limit: Limit | None) -> dict[str, Any]:
    return {} if limit is None else {name: getattr(limit, name) for name in ("unit", "limit", "needed", "available")}


def reading_words(reading: Reading) -> dict[str, Any]:
    """A reading for people and scripts: either a value or the reason why there is none."""
    if isinstance(reading, Measured):
        return {
            "value": reading.value,
            "age_ms": reading.age_us // 1000,
            "source": reading.source,
            "simulated": reading.simulated,
        }
    return {"missing": why_missing(reading), "code": reading.reason.value}


def source_words(snapshot: Snapshot, verdict: Verdict) -> dict[str, Any]:
    """Every source's own judgement: good, suspect (used and named), stale or failed (both Missing)."""
    return {name: _of_quantity(snapshot, judged, name) for name, judged in zip(QUANTITIES, verdict.judged, strict=True)}


def _of_quantity(snapshot: Snapshot, judged: Judged, name: str) -> dict[str, Any]:
    doubts = {doubt.source: doubt for doubt in judged.doubts}
    own = [raw for raw in snapshot.raw if raw.quantity == name]
    between = [doubt.reason for doubt in judged.doubts if doubt.reason in BETWEEN]
    return {
        "note": why(between[0]) if between else "",
        "sources": [_of_source(raw, doubts.get(raw.source)) for raw in own],
    }


def _of_source(raw: Raw, doubt: Doubt | None) -> dict[str, Any]:
    known = isinstance(raw, RawReading) and (doubt is None or not doubt.refused)
    return {
        "source": raw.source,
        "quality": quality(doubt),
        "reason": "" if doubt is None else why(doubt.reason, raw),
        "code": None if doubt is None else doubt.reason.value,
        "value": raw.value if isinstance(raw, RawReading) and known else None,
        "age_ms": raw.age_us // 1000 if isinstance(raw, RawReading) and known else None,
    }


def evidence_rows(evidence: tuple[BandEvidence, ...]) -> dict[str, Any]:
    """Per band the variant nearest to serving: what the scene guard says, and where the account stands.

    Of several cameras all must speak for a variant; the fewest samples and the largest bound are shown.
    """
    words: dict[str, Any] = {}
    for found in _of_all_cameras(evidence):
        row = {"variant": found.variant, "admitted": found.admitted, "samples": found.samples, "bound_ppm": found.bound_ppm}
        if found.band not in words or (found.admitted and not words[found.band]["admitted"]):
            words[found.band] = row
    return words


def _of_all_cameras(evidence: tuple[BandEvidence, ...]) -> Iterable[BandEvidence]:
    worst: dict[tuple[str, str], BandEvidence] = {}
    for one in evidence:
        key = (band_of(one.band), one.variant)
        old = worst.get(key, one)
        admitted, samples = one.admitted and old.admitted, min(one.samples, old.samples)
        worst[key] = BandEvidence(*key, admitted, samples, max(one.bound_ppm, old.bound_ppm))
    return worst.values()
