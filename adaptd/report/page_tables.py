"""The tables of the report: intervals on the efficient engine, statements, events, policies, and what decisions are bound to."""

from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any

from markupsafe import Markup

from adaptd.brain.estimate.account_table import rules
from adaptd.log.format.verdicts import Interruption, VerifyReport
from adaptd.report.account_statements import M, Said
from adaptd.report.record_words import sentence
from adaptd.report.story import Reign, Story

_KINDS = {"#": "n", "!": "why", "@": "t", "~": "some"}  # numbers, sentences, words on one line, a few words


@dataclass(frozen=True, slots=True)
class Table:
    """Columns as (kind, name), rows of cells (text, or Markup that is shown as it is), and what to say when there is no row."""

    columns: list[tuple[str, str]]
    rows: list[list[str]]
    empty: str


def table(head: list[str], rows: list[list[str]], empty: str) -> Table:
    """A table; the first character of a name may say what kind of column it heads."""
    return Table([(_KINDS.get(name[0], ""), name.lstrip("#!@~")) for name in head], rows, empty)


def clock(ms: int) -> str:
    """A time that the page's script also says in the reader's zone."""
    try:
        when = datetime.fromtimestamp(ms / 1000, tz=timezone.utc)
        form = Markup('<time datetime="{}Z">{} UTC</time>')
        return form.format(f"{when:%Y-%m-%dT%H:%M:%S}", f"{when:%Y-%m-%d %H:%M:%S}")
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"


def styled(kind: str, words: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(kind, words)


def _span(us: int) -> str:
    seconds = us // 1_000_000
    if not seconds:
        return "under 1 s"
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def proof_notes(story: Story) -> str:
    """What the account promises, in one sentence from the policy."""
    if story.policy is None:
        return ""
    policy = story.policy
    loan = f"{rules(policy).loan_ppm // M:,} frames"
    return (
        f"Policy: of a window's frames at most {policy.max_loss_ppm / 10_000:g} % differ from {policy.reference}'s "
        f"answer, with {100 - policy.alpha_ppm / 10_000:g} % confidence at every moment, in each light band. While this "
        f"share of a young window is less than {loan}, these {loan} (the loan) are allowed."
    )


def intervals(report: VerifyReport) -> Table:
    """One row an interval."""
    head = ["#from record", "#to record", "engine", "light", "#time", "#frames", "scene"]
    empty = "The reference served throughout."
    if report.replayed is None:
        empty = "Decisions were not run again, so no interval is listed."
    rows = [
        [str(one.from_seq), str(one.to_seq), one.variant, one.band, _span(one.to_us - one.from_us), f"{one.frames:,}",
         styled("yes", "clear") if one.admitted else styled("no", "not clear")]
        for one in report.intervals
    ]  # fmt: skip
    return table(head, rows, empty)


def account(said: list[Said]) -> Table:
    """One row a band and window; the bar is the bound against what was allowed."""
    head = ["#window", "@until", "light", "#delivered", "#efficient", "#on both", "#differed", "#at most", "#allowed", "bar"]
    return table(head, [_statement(one) for one in said], "No window of the account has ended in this log.")


def _statement(one: Said) -> list[str]:
    said = one.statement
    bound, allowed = -(-said["bound_ppm_frames"] // M), said["allowed_ppm_frames"] // M
    counts = [f"{said[name]:,}" for name in ("delivered", "efficient", "shadowed", "differed")]
    meter = Markup('<meter min="0" max="{}" value="{}">{} of {}</meter>').format(max(1, allowed), bound, bound, allowed)
    end = ["-", f"{allowed:,}", styled("no", said["broken"])] if said["broken"] else [f"{bound:,}", f"{allowed:,}", meter]
    return [str(one.window), clock(one.to_ms), said["band"], *counts, *end]


def changes(story: Story, report: VerifyReport) -> Table:
    """Starts, stops, clock steps, faults, failures of the disk, prunings; then gaps and interruptions from the verifier."""
    rows = [[str(one.seq), clock(one.utc_ms), one.kind, sentence(one.record)] for one in story.events]
    rows += [[str(gap.seq), "", styled("no", "gap"), gap.why] for gap in report.gaps]
    rows += [[str(one.seq), "", "interruption", _interruption(one)] for one in report.interruptions]
    return table(["#record", "@time", "@kind", "!what"], rows, "Nothing.")


def _interruption(one: Interruption) -> str:
    text = "stopped and started again" if one.clean else "ended without a stop (power loss or kill) and was started again"
    down = "" if one.down_us is None else f", down for {_span(one.down_us)}"
    torn = f"; {one.torn_bytes} torn bytes were cut off, none of them acknowledged" if one.torn_bytes else ""
    return text + down + torn


def _value(value: Any) -> str:
    """A list in one line, and anything else cut to 80 characters."""
    if isinstance(value, list) and len(value) <= 16:
        return ", ".join(map(_value, value))
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def settings(story: Story, report: VerifyReport) -> list[tuple[str, str]]:
    """Hashes of everything a decision depends on, per configuration."""
    items = [
        ("Log", report.origin),
        ("Runs", str(report.boots)),
        ("Key epochs", str(report.epochs)),
        ("Segments", str(report.segments)),
    ]
    if report.window_us is not None:
        window = f"at most {report.window_us / 1e6:g} s of periodic records; none that changed anything"
        items.append(("Not yet acknowledged at a power loss", window))
    seen: set[str] = set()
    for config in story.configs:
        if isinstance(config.get("binding"), dict) and str(config.get("bind")) not in seen:
            seen.add(str(config.get("bind")))
            items += _binding(config, config["binding"])
    return items


def _binding(config: dict[str, Any], binding: dict[str, Any]) -> list[tuple[str, str]]:
    items = [
        (f"Policy, from record {config['seq']}", f"{_name(config.get('policy'))} {binding.get('policy')}"),
        ("Profile", f"{_name(config.get('profile'))} {binding.get('profile')}"),
        ("Bundle", "none: the run is simulated" if binding.get("bundle") == "0" * 64 else str(binding.get("bundle"))),
    ]
    items += [("Engine file", " ".join(map(str, plan))) for plan in binding.get("plans", ()) if isinstance(plan, list)]
    return [*items, ("Decision code", str(binding.get("code"))), ("Boot", str(binding.get("boot_id")))]


def _name(plain: Any) -> str:
    return str(plain.get("name")) if isinstance(plain, dict) else ""


_HASHED = frozenset({"sha256", "name"})


def policies(story: Story) -> Table:
    """Which policy was in force from when on, and what it changed against the one before."""
    rows = []
    for before, one in zip([None, *story.reigns], story.reigns, strict=False):
        difference = "the first on this page" if before is None else _difference(before, one)
        rows.append([str(one.seq), clock(one.utc_ms), one.policy.name, one.profile, one.why, difference])
    return table(
        ["#record", "@from", "policy", "device profile", "cause", "!changed"], rows, "No policy can be read from this log."
    )


def _difference(before: Reign, now: Reign) -> str:
    names = [field.name for field in fields(now.policy) if field.name not in _HASHED]
    pairs = [(name, getattr(before.policy, name), getattr(now.policy, name)) for name in names]
    words = [f"{_human(name, old)} \u2192 {_human(name, new, bare=True)}" for name, old, new in pairs if old != new]
    if before.profile != now.profile:
        words.append(f"device profile {before.profile} \u2192 {now.profile}")
    return "; ".join(words) or "comments or order only"


_SCALES = {
    "_mc": (1000, "degC"), "_mw": (1000, "W"), "_mfps": (1000, "fps"), "_us": (1_000_000, "s"), "_ppm": (10_000, "points"),
    "_uj": (1000, "mJ"),
}  # fmt: skip


def _human(name: str, value: Any, *, bare: bool = False) -> str:
    """A number of the policy in the unit that people write; ``bare`` without its name."""
    words = name.replace("_", " ")
    if name == "bands":
        said = ", ".join(f"{one.name} up at {one.up_at_mlx / 1000:g} lx" if one.up_at_mlx else one.name for one in value)
    elif type(value) is int and (scale := next((found for end, found in _SCALES.items() if name.endswith(end)), None)):
        words = name.rpartition("_")[0].replace("_", " ")
        said = f"{value / scale[0]:g} {scale[1]}"
    elif isinstance(value, tuple):
        said = ", ".join(map(str, value))
    else:
        said = _value(value) if isinstance(value, list) else str(value)
    return said if bare else f"{words} {said}"
