"""`adaptd status`, `adaptd why`: ask a running daemon, or its log."""

import argparse
import json
from pathlib import Path
from typing import Any

from adaptd.cli.errors import refusing


def register(sub: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    status = sub.add_parser("status", help="what the daemon is doing now")
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.set_defaults(handler=show_status)
    why = sub.add_parser("why", help="the last decision in words: what was refused, and by which condition")
    why.add_argument("--audit", type=Path, help="read the log in this folder instead of asking a daemon")
    why.add_argument("--all", action="store_true", help="with --audit: every change of operating point, oldest first")
    why.set_defaults(handler=_why)
    for parser in (status, why):
        parser.add_argument("--socket", type=Path, default=None, help="the daemon's socket")


def _ask(arguments: argparse.Namespace) -> dict[str, Any]:
    from adaptd.client import ApiError, default_socket, get_json

    with refusing(ApiError):
        return get_json(arguments.socket or default_socket(), "/v1/status")


def show_status(arguments: argparse.Namespace) -> int:
    """Print the status once."""
    document = _ask(arguments)
    if arguments.json:
        print(json.dumps(document, indent=2, sort_keys=True))
    else:
        print("\n".join(status_lines(document)))
    return 0


def _why(arguments: argparse.Namespace) -> int:
    if arguments.audit is not None:
        from adaptd.cli.why_log import lines_from_log

        for line in lines_from_log(arguments.audit, everything=arguments.all):
            print(line)
        return 0
    document = _ask(arguments)
    print(document.get("why", "no decision yet"))
    for line in _left_out(document):
        print(line)
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
