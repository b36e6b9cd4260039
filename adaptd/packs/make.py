"""Making a pack: files that fit one another, and the evidence in figures that name how they were measured."""

from pathlib import Path
from typing import Any

from adaptd.config.errors import ConfigError
from adaptd.config.manifest import FILE, load_manifest
from adaptd.config.policy import parse_policy
from adaptd.config.profile import parse_profile
from adaptd.config.regular_file import read_regular
from adaptd.log.format.verdicts import Outcome
from adaptd.log.verify.reader import iter_records, segment_files
from adaptd.log.verify.verify import verify
from adaptd.packs.form import seal
from adaptd.packs.install import Place, check_bundle
from adaptd.report.account_statements import Statements
from adaptd.report.report_data import tell

MOST_STATEMENTS = 400


def make(policy: Path, bundle: Path, profile: Path, place: Place, key: bytes, log: Path | None = None) -> bytes:
    """The bytes of a pack of these files, signed with the private ``key``.

    Raises:
        ConfigError: a file is refused, the bundle lacks what the policy asks, or the log does not verify.
    """
    texts = {"policy.yaml": policy.read_bytes(), "profile.yaml": profile.read_bytes()}
    rules = parse_policy(texts["policy.yaml"].decode("utf-8", "surrogateescape"), str(policy))
    board = parse_profile(texts["profile.yaml"].decode("utf-8", "surrogateescape"), str(profile))
    manifest = load_manifest(bundle)
    check_bundle(bundle)
    if rules.reference not in manifest.variants:
        raise ConfigError(f"{bundle}: has no {rules.reference!r}, the reference of {policy}, name the policy's own bundle")
    files = {**texts, f"bundle/{FILE}": read_regular(bundle, FILE, limit=1 << 20, hard_links=True)}
    for name in manifest.files:
        files[f"bundle/{name}"] = read_regular(bundle, name, limit=1 << 30, hard_links=True)
    evidence = {"qualification": qualified(manifest), "service": None if log is None else served(log)}
    said = {
        "kind": "adaptd efficiency pack",
        "name": rules.name,
        "measured_on": {**place.to_plain(), "profile": board.name},
        "evidence": evidence,
    }
    return seal(said, files, key)


def qualified(manifest: Any) -> list[dict[str, Any]]:
    """What qualification measured of each variant on each backend, with the device and the way."""
    measured = ("device", "energy_marginal_uj", "energy_method", "idle_power_mw")
    return [
        {
            "variant": name,
            "backend": backend,
            **{figure: getattr(found, figure) for figure in measured},
            "bands": {band: {"n": seen.n, "disagreed": seen.disagreed} for band, seen in sorted(found.bands.items())},
        }
        for name, backends in sorted(manifest.variants.items())
        for backend, entry in sorted(backends.items())
        if (found := entry.qualification) is not None
    ]


def served(log: Path) -> dict[str, Any]:
    """What a verified log says of real windows: the account's statements, frames a joule with rate and idle beside it.

    Raises:
        ConfigError: there is no log, or it does not verify.
    """
    if not segment_files(log):
        raise ConfigError(f"{log}: holds no log, name the folder of `adaptd run --audit`")
    report = verify(log)
    if report.verdict not in (Outcome.VALID, Outcome.TORN_TAIL):
        raise ConfigError(f"{log}: is {report.verdict.value} ({report.reason}), no evidence is taken from it")
    story, statements = tell(log), Statements()
    for record in iter_records(log):
        statements.feed(record)
    seconds = max(1e-6, story.end_us / 1e6)
    idle = {facts_row.name: facts_row.energy_uj for facts_row in story.facts}
    return {
        "log": report.origin,
        "records": report.records,
        "simulated": sorted(story.simulated),
        "hours_x1000": round(seconds / 3.6),
        "frames": story.delivered,
        "fps_x1000": round(1000 * story.delivered / seconds),
        "inferences_per_kj": round(1e9 * story.metered_frames / story.energy_uj) if story.energy_uj else None,
        "board_mean_mw": round(story.energy_uj / 1000 / seconds),
        "energy_uj_a_frame": idle,
        "statements": [one.plain() for one in statements.all()][-MOST_STATEMENTS:],
    }
