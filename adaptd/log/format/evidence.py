"""Changes of proof between two verdicts, as the ``evidence`` records that the writer makes and the verifier makes again."""

from adaptd.base.canonical_json import Plain
from adaptd.vocabulary import BandEvidence, Verdict


def changes(before: Verdict | None, after: Verdict) -> list[dict[str, Plain]]:
    """One plain dict for every variant and band whose admission differs between two verdicts, in the order of the later one."""
    if before is not None and (before.evidence is after.evidence or before.evidence == after.evidence):
        return []
    known = _admitted(before.evidence if before is not None else ())
    now = _admitted(after.evidence)
    found = [_fields(one) for one in after.evidence if one.admitted != known.get((one.band, one.variant), False)]
    lost = [key for key, admitted in known.items() if admitted and key not in now]
    return found + [{"admitted": False, "band": band, "variant": variant} for band, variant in lost]


def _admitted(evidence: tuple[BandEvidence, ...]) -> dict[tuple[str, str], bool]:
    return {(one.band, one.variant): one.admitted for one in evidence}


def _fields(one: BandEvidence) -> dict[str, Plain]:
    return {
        "admitted": one.admitted,
        "band": one.band,
        "bound_ppm": one.bound_ppm,
        "samples": one.samples,
        "variant": one.variant,
    }
