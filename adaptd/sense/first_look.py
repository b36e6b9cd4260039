"""Whether a source can be read at all, found out once at the start: permissions and absent parts do not heal by waiting."""

import threading
from collections.abc import Sequence

from adaptd.base.clock import monotonic_us
from adaptd.sense.source import Source
from adaptd.vocabulary import MissingReason

PATIENCE_S = 0.5


def unreadable(sources: Sequence[Source]) -> str:
    """Why none of ``sources`` can be read; empty where one can, or where one may in a moment.

    They are read in a thread that is left behind where it hangs: a bus that does not answer must not hold the start up.
    """
    reasons: list[str] = []
    spoke = threading.Event()

    def look() -> None:
        for source in sources:
            why = source.why_not(monotonic_us())
            if why is None or why.reason is MissingReason.MOMENTARY:
                break
            reasons.append(f"{source.name}: {why.text}")
        spoke.set()

    threading.Thread(target=look, name="adaptd-first-look", daemon=True).start()
    if not spoke.wait(PATIENCE_S):
        return f"{sources[len(reasons)].name}: no answer for {PATIENCE_S:g} s" if len(reasons) < len(sources) else reasons[0]
    return reasons[0] if sources and len(reasons) == len(sources) else ""
