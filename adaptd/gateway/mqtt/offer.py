"""An offer of the fleet's server as it stands in its message, and what ends the probation of one that was taken. Pure."""

import json
import re
from collections.abc import Callable
from typing import Any

from adaptd.gateway.mqtt.payloads import has_problem
from adaptd.gateway.mqtt.watch import MustArrive
from adaptd.gateway.outbox import ROLLOUT

MAX_PROBATION_S = 7 * 86_400
MAX_PACK_BYTES = 128 << 20  # it is checked in memory, beside a gateway that may have half a gigabyte
_DIGEST = re.compile("[0-9a-f]{64}")  # files are named after it
KINDS = ("policy", "pack")
ACTIONS = ("take", "withdraw")
Send = Callable[[str, dict[str, Any]], object]  # a verb of the daemon, and what is asked of it


def read(head: bytes) -> dict[str, Any]:
    """An offer with every field of its type; empty where it is none."""
    try:
        words = json.loads(head)
        whole = [words["v"], words["rollout"], words["issued"]]
        texts = [words["name"], words["sha256"]]
        known = words["v"] == 1 and words["kind"] in KINDS and words["action"] in ACTIONS
        if words["action"] == "take":
            texts.append(words["text"] if words["kind"] == "policy" else words["url"])
            whole.append(words["probation_s"])
            known = known and 0 <= words["probation_s"] <= MAX_PROBATION_S
            if words["kind"] == "pack":
                whole.append(words["bytes"])
                known = known and 0 < words["bytes"] <= MAX_PACK_BYTES
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    fits = known and all(type(one) is int for one in whole) and all(isinstance(one, str) for one in texts)
    return words if fits and _DIGEST.fullmatch(words["sha256"]) else {}


def report(offer: dict[str, Any], box: str, outcome: str, words: str) -> MustArrive:
    """What became of an offer, for the server."""
    number = offer["rollout"]
    body = {"box": box, "rollout": number, "outcome": outcome, "words": words[:300], "sha256": offer["sha256"]}
    return MustArrive(ROLLOUT, f"rollout:{box}:{number}:{offer['issued']}:{outcome}", body)


def broken_limit(document: dict[str, Any]) -> str:
    """The first limit that does not hold under the policy in force; empty where all do."""
    if has_problem({**document, "stalled": False}):  # a busy machine is no limit of the policy
        return f"the daemon is in {document.get('state')}: {str(document.get('why', ''))[:120]}"
    for band, row in (document.get("account") or {}).items():
        if isinstance(row, dict) and row.get("bound_frames", 0) > row.get("allowed_frames", 1 << 53):
            return f"the accuracy statement in {band} light is broken"
    return ""
