"""One record of the log as a sentence: who or what, did what, with which figures. Decisions have words of their own.

A log may hold anything, so a record that does not fit its kind is shown field by field.
"""

import json
from collections.abc import Callable
from typing import Any

from adaptd.brain.decide.words import rate
from adaptd.log.verify.headline import moment

Record = dict[str, Any]
CHAIN = frozenset({"v", "seq", "boot", "mono_us", "utc_ms", "kind", "prev"})
M = 1_000_000
OUTCOMES = {
    "applied": "the worker did so",
    "overtaken": "a later setpoint overtook it",
    "silent": "the worker did not answer",
    "interrupted": "a crash left it open",
    "stopped": "the run ended first",
}
CONFIG = {
    "start": "A run starts",
    "resume": "A run goes on where the one before ended",
    "reload": "The configuration was read anew",
    "rotation": "A new file of the log begins",
    "resumed": "The log goes on after a failure of the disk",
}
ENDS = {
    "ended": "its time was over",
    "policy": "the policy was changed",
    "stopped": "the run stopped",
    "cut_short": "the run was cut short",
}


def sentence(record: Record) -> str:
    """The record in words; its fields as they are where no words fit."""
    say = _WORDS.get(str(record.get("kind")))
    if say is None:
        return fields(record)
    try:
        return say(record)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        return fields(record)


def fields(record: Record) -> str:
    """Every field but those of the chain, by name, each cut to 60 characters."""
    parts = []
    for name in sorted(record.keys() - CHAIN):
        value = record[name]
        text = " ".join((value if isinstance(value, str) else json.dumps(value, sort_keys=True)).split())
        parts.append(f"{name}={text if len(text) <= 60 else text[:57] + '...'}")
    return "  ".join(parts)


def _seconds(us: int) -> str:
    return f"{us / 1000:.1f} ms" if us < M else f"{us / M:.4g} s"


def _share(ppm: int) -> str:
    return f"{ppm / 10_000:g} %"


def _point(point: list[Any]) -> str:
    variant, mfps = point
    return f"{variant} at {rate(mfps)} fps" if mfps else "no frame"


def _start(record: Record) -> str:
    on = f" on {record['backend']}, frames from {record['source']}" if "backend" in record else ""
    who = f"adaptd {record['adaptd']}" if "adaptd" in record else "The log"
    words = f"{who} starts as run {record['boot']}{on}."
    before = record.get("before")
    if before is not None:
        torn = f", {before['torn_bytes']} torn bytes were cut off" if before["torn_bytes"] else ""
        ended = "with a clean stop" if before["clean"] else "without a stop (kill or power loss)"
        words += f" The run before ended {ended}{torn}."
    if "quarantined" in record:
        aside = record["quarantined"]
        words += f" A log that could not be continued was put aside as {aside['folder']}: {aside['reason']}."
    if str(record.get("boot_id")).startswith("simulated-"):
        words += f" The run is simulated: {record['boot_id'].removeprefix('simulated-')}."
    return words


def _config(record: Record) -> str:
    policy, profile = record["policy"], record["profile"]
    named = f"policy {policy['name']} {policy['sha256'][:12]}, device profile {profile['name']} {profile['sha256'][:12]}"
    return f"{CONFIG.get(record['reason'], record['reason'])}: {named}."


def _evidence(record: Record) -> str:
    does = "agrees with the reference in this scene and may serve" if record["admitted"] else "may not serve in this scene"
    return f"{record['variant']} {does}, in {record['band']} light ({record['samples']:,} frames ran on both engines)."


def _window_open(record: Record) -> str:
    loan = record["loan_ppm_frames"] // M
    limit = f"at most {_share(record['limit_ppm'])} of its frames may differ, or {loan:,} while that is more"
    return f"Window {record['window']} of the loss account is open: {limit}; its coin is committed to."


def _window_close(record: Record) -> str:
    said = "; ".join(_statement(one) for one in record["statements"]) or "nothing was delivered"
    return f"Window {record['window']} of the loss account is closed, because {ENDS[record['reason']]}: {said}."


def _statement(one: Record) -> str:
    if one["broken"]:
        return f"in {one['band']} light nothing is promised ({one['broken']})"
    bound, allowed = -(-one["bound_ppm_frames"] // M), one["allowed_ppm_frames"] // M
    return f"in {one['band']} light at most {bound:,} of {one['delivered']:,} frames differ, {allowed:,} allowed"


def _act(record: Record) -> str:
    lease = f", leased for {_seconds(record['lease_us'])}" if record["lease_us"] else ""
    shadow = f", {_share(record['shadow_ppm'])} of the frames on both engines" if record["shadow_ppm"] else ""
    return f"The worker is told to serve {_point(record['point'])}{lease}{shadow} (decision {record['decision']})."


def _result(record: Record) -> str:
    late = f" within {_seconds(record['latency_us'])}" if record["outcome"] == "applied" and "latency_us" in record else ""
    back = f": {_point(record['point'])}" if record.get("point") else ""
    return f"Act {record['act']}: {OUTCOMES[record['outcome']]}{late}{back}."


def _heartbeat(record: Record) -> str:
    written = f", {record['written'] / M:.2f} MB written in all" if "written" in record else ""
    return f"Sign of life: {record['decisions']:,} decisions since the one before{written}; the whole state is in this record."


def _checkpoint(record: Record) -> str:
    size = str(record["note"]).split("\n")[1]
    return f"Checkpoint: records 0 to {int(size) - 1:,} are signed."


def _degraded(record: Record) -> str:
    if record["state"] == "over":
        lost = record.get("unrecorded", 0)
        return f"The log can be written again; {lost:,} decisions were not recorded."
    return f"The log cannot be written ({record['reason']}): only the reference serves."


def _clock_step(record: Record) -> str:
    step_ms = record["after_ms"] - record["before_ms"]
    return f"The wall clock stepped by {step_ms / 1000:+.1f} s, to {moment(record['after_ms'])}; no decision depends on it."


def _prune(record: Record) -> str:
    count, days = record["to"] - record["from"], record["keep_days"]
    return f"Records {record['from']:,} to {record['to'] - 1:,} ({count:,}) are removed by rule: they are older than {days} days."


def _asked(record: Record) -> str:
    verb = {"reload": "to read the policy anew", "offer": "to take an offered policy"}.get(record["verb"], record["verb"])
    outcome = f"refused: {record['refused']}" if record["refused"] else "taken"
    return f"{record['by']} asked {verb}; {outcome}."


def _order(record: Record) -> str:
    if record["order"] == "hold_over":
        return f"The hold that {record['by']} asked for is over."
    why = f": {record['reason']}" if record.get("reason") else ""
    return f"{record['by']} asked for {_ordered(record)}{why}."


def _ordered(record: Record) -> str:
    order = record["order"]
    if order == "hold":
        ended = "an end of the hold, so that every proven engine may serve"
        return f"the reference alone for {record['minutes']} min" if record["minutes"] else ended
    if order == "budget":
        watts = record["budget_mw"] / 1000
        return f"a power budget of {watts:g} W" if watts else "the policy's own power budget again"
    if order == "gateway_key":
        return f"the gateway's key {record['public'][:12]}... to be on record"
    if order == "endurance":
        reserve = f"with {_share(record['reserve_ppm'])} left"
        if "until" in record:
            return f"the battery to last until {record['until']}, {reserve}"
        own = "the policy's own battery goal again"
        return own if record["hours"] == "0" else f"the battery to last {record['hours']} h, {reserve}"
    return {"checkpoint": "a checkpoint", "restart": "an end and a new beginning"}[order]


def _given(record: Record) -> str:
    """Readings and labels that another program handed in, told at the first and then every ten minutes."""
    reading = record["given"] == "reading"
    what = f"readings of {record['quantity']} as {record['source']}" if reading else f"labels for {record['variant']}"
    return f"{record['by']} gave {what} ({record['count']:,} since it was last on record)."


def _worker(record: Record) -> str:
    event = record["event"]
    if event == "ready":
        warm = f"{', '.join(record['warm'])} warm on {record['backend']}"
        return f"The worker is ready after {_seconds(record['start_us'])}: {warm}."
    if event == "swapped":
        why = "" if record["reason"] == "setpoint" else f", by itself ({record['reason']})"
        return f"The worker swapped from {record['from']} to {record['to']} after frame {record['frame']}{why}."
    if event == "moved":
        ready = f"its engines were made ready beside in {_seconds(record['ready_us'])}"
        return f"The worker moved from {record['from']} to {record['to']} after frame {record['frame']}; {ready}."
    if event == "lost":
        again = "it is not started again" if record["latched"] else f"it is started again in {_seconds(record['retry_us'])}"
        return f"The worker is lost ({record['text']}); {again}."
    if event == "started":
        return f"The worker was started, attempt {record['attempt']}."
    return f"{str(event).replace('_', ' ')}: {record['text']}."


def _fault(record: Record) -> str:
    of = f" of {record['variant']}" if record.get("variant") else ""
    return f"Fault{of}: {str(record['fault']).replace('_', ' ')}. {record['text']}"


def _stop(record: Record) -> str:
    booked = "its last frames could not be booked and are charged to the next run"
    why = {"stopped": "as asked", "defect": "after a defect", "refused": "the worker refused to start", "unbooked": booked}
    return f"The run ends: {why.get(record['reason'], record['reason'])}."


_WORDS: dict[str, Callable[[Record], str]] = {
    "start": _start,
    "config": _config,
    "evidence": _evidence,
    "window_open": _window_open,
    "window_close": _window_close,
    "act": _act,
    "result": _result,
    "heartbeat": _heartbeat,
    "checkpoint": _checkpoint,
    "epoch": "Signing key {epoch} takes over; the key before it is erased.".format_map,
    "degraded": _degraded,
    "clock_step": _clock_step,
    "prune": _prune,
    "asked": _asked,
    "order": _order,
    "given": _given,
    "worker": _worker,
    "fault": _fault,
    "stop": _stop,
}
