"""`adaptd status`, `adaptd why`: ask a running daemon, or its log."""

import argparse
from typing import Any

from adaptd.cli.errors import refusing
from adaptd.cli.options import Sub, answer, as_json, socket, verb


def register(sub: Sub) -> None:
    verb(sub, "status", "what the daemon is doing now", show_status, as_json, socket)
    why = verb(sub, "why", "the last decision in words: what was refused, and by which condition", _why)
    why.path("--audit", "read the log in this folder instead of asking a daemon")
    why.flag("--all", "with --audit: every change of operating point, oldest first")
    why.add(socket)


def _ask(arguments: argparse.Namespace) -> dict[str, Any]:
    from adaptd.client import ApiError, default_socket, get_json

    with refusing(ApiError):
        return get_json(arguments.socket or default_socket(), "/v1/status")


def show_status(arguments: argparse.Namespace) -> int:
    """Print the status once."""
    document = _ask(arguments)
    return answer(arguments, document, lambda: status_lines(document), indent=2, sort_keys=True)


def _why(arguments: argparse.Namespace) -> int:
    if arguments.audit is not None:
        from adaptd.cli.why_log import lines_from_log

        lines = lines_from_log(arguments.audit, everything=arguments.all)
    else:
        document = _ask(arguments)
        lines = [document.get("why", "no decision yet"), *_left_out(document)]
    print("\n".join(lines))
    return 0


def _left_out(document: dict[str, Any]) -> list[str]:
    """Variants whose qualification does not count here."""
    priors = document.get("engines", {}).get("priors", {})
    return [
        f"{name} gives other output here than at qualification, which is ignored: {name} stays off until shadow frames prove it."
        for name, stands in sorted(priors.items())
        if stands == "left_out"
    ]


def status_lines(document: dict[str, Any]) -> list[str]:
    """The status document for people."""
    if "operating_point" not in document:
        return [f"state        {document.get('state', 'unknown')}"]
    point, engines, frames, audit = (document[key] for key in ("operating_point", "engines", "frames", "audit"))
    lines = [
        f"state        {document['state']}, up {document['uptime_s']} s",
        f"policy       {document['policy']['name']}  {document['policy']['sha256'][:12]}",
        f"serving      {point['variant']} at {point['fps']:g} fps  ({engines['backend']}, warm: {', '.join(engines['warm'])})",
    ]
    if "source" in document:
        lines.append(f"source       {document['source']['words']}")
    for key, unit, form in (("temperature_mc", "degC", ".1f"), ("power_mw", "W", ".2f"), ("light_mlx", "lux", ".4g")):
        lines.append(f"{key.split('_')[0]:<12} {_reading(document['sensors'][key], unit, form)}")
    if document.get("endurance"):
        lines.append(f"battery      {document['endurance']['words']}")
    if document.get("power_mode"):
        lines.append(f"power mode   {document['power_mode']['words']}")
    lines.append(f"light band   {document['band']}")
    for band, row in document.get("account", {}).items():
        clear = document["evidence"].get(band, {}).get("admitted", True)
        stands = ("open" if clear else "scene") if row["open"] else "shut"
        lines.append(f"account      {band:<10} {stands:<6} {row['words']}")
    lines += [
        f"conditions   {_conditions(document['conditions'])}",
        f"frames       {frames['delivered']} delivered, {frames['missed']} missed, {frames['dropped']} dropped",
        f"log          record {audit['seq']}, {_signed(audit['checkpoint_seq'])}{', DEGRADED' if audit['degraded'] else ''}",
    ]
    if document.get("why"):
        lines.append(f"why          {document['why']}")
    lines += [f"priors       {line}" for line in _left_out(document)]
    if document.get("stalled"):
        lines.insert(0, f"STALLED      no decision for {document['age_ms'] // 1000} s: what follows was true then")
    return lines


def _conditions(conditions: dict[str, bool]) -> str:
    """How many are met, or which are not: one that is not met is what a reader looks for."""
    broken = [name for name, holds in conditions.items() if not holds]
    return f"not met: {', '.join(broken)}" if broken else f"all {len(conditions)} are met"


def _signed(checkpoint_seq: int) -> str:
    return f"signed to {checkpoint_seq}" if checkpoint_seq >= 0 else "not signed yet"


def _reading(reading: dict[str, Any], unit: str, form: str) -> str:
    if "missing" in reading:
        return f"missing: {reading['missing']}"
    mark = "  simulated" if reading["simulated"] else ""
    return f"{reading['value'] / 1000:{form}} {unit}  ({reading['source']}, {reading['age_ms']} ms ago){mark}"
