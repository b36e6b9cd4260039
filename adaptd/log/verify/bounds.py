"""The step budget of a replay: what a log may hold that every decision after it looks at again.

Work that a record asks for is bounded by its own length, but for what is carried on: the readings and variants of the snapshot
before, cameras and facts of the configuration, a state that is taken as it is. Those are bounded here, far above what any daemon
writes, so that a thousand short records behind one long one are short work too. The draws of the coin have a budget of their own
in ``coins``; bands, variants and levels of a policy and the parts of a profile are bounded where those are read.
"""

from typing import Any

from adaptd.base.canonical_json import Plain, encode
from adaptd.config.cells import MOST_CAMERAS
from adaptd.vocabulary import Snapshot

MOST_CARRIED = 256  # readings, variants served, variants set aside
MOST_VARIANTS = 16  # of which a configuration gives facts: a policy names nine
MOST_STATE_BYTES = 1 << 18  # seventy times that of one camera


def flood(snapshot: Snapshot) -> str:
    """What a snapshot holds more of than any device has, in words; empty for every snapshot of a daemon."""
    worker = snapshot.worker
    most = max(len(snapshot.raw), len(worker.served), len(worker.quarantined))
    if most <= MOST_CARRIED:
        return ""
    return f"the decision looks at {most} things of one kind, more than the {MOST_CARRIED} of any device"


def crowd(config: dict[str, Any]) -> str:
    """What a configuration names more of than any device has, in words; empty for every one of a daemon."""
    facts, cameras = config.get("facts"), config.get("cameras", [])
    if type(facts) is not list or len(facts) > MOST_VARIANTS:
        return f"it has no list of facts of at most {MOST_VARIANTS} variants"
    if type(cameras) is not list or len(cameras) > MOST_CAMERAS or not all(type(name) is str for name in cameras):
        return f"its cameras are no list of at most {MOST_CAMERAS} names"
    return ""


def burden(state: Plain) -> str:
    """Why a state on record is too long to be taken as it is; empty for every state of a daemon."""
    size = len(encode(state))
    return f"the state on record takes {size} bytes, more than {MOST_STATE_BYTES}" * (size > MOST_STATE_BYTES)
