"""What the daemon says of troubles that are nobody else's, in one line each."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def defect(error: BaseException) -> str:
    """A defect of ours: kind, text, and the line it came from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{where}"


def low_trip(trips: Iterable[Any], limit_mc: int) -> str:
    """A device that trips below the policy's limit throttles before adaptd acts; empty where it does not."""
    low_mc = min((trip.at_mc for trip in trips if trip.kind == "passive"), default=None)
    if low_mc is None or low_mc > limit_mc:
        return ""
    return f"the kernel throttles at {low_mc / 1000:g} degC, at or below the policy's limit_c: lower thermal.limit_c"
