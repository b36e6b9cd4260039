"""The chance that a frame is in time: a core of latencies, normal with the believed mean and scatter, and the stalls that were
seen."""

from adaptd.brain.estimate.tail import Tail, late

# 10^6 times the standard normal distribution function at z = 0, 1/8, 2/8, ... 4 (any table of it).
NORMAL_PPM = (
    500000, 549738, 598706, 646170, 691462, 734014, 773373, 809213, 841345, 869705, 894350, 915434, 933193, 947919, 959941,
    969604, 977250, 983207, 987776, 991226, 993790, 995668, 997020, 997979, 998650, 999111, 999423, 999630, 999767, 999855,
    999911, 999946, 999968,
)  # fmt: skip
PPM = 1_000_000


def in_time(latency_us: float, scatter: float, deadline_us: int) -> float:
    """Probability in [0, 1] that a frame of mean ``latency_us`` and relative deviation ``scatter`` meets ``deadline_us``."""
    if latency_us <= 0.0:
        return 1.0
    z = (deadline_us - latency_us) / (latency_us * max(scatter, 1e-4))
    steps = abs(z) * 8.0
    if steps >= 32.0:
        upper = 1.0
    else:
        at = int(steps)
        upper = (NORMAL_PPM[at] + (NORMAL_PPM[at + 1] - NORMAL_PPM[at]) * (steps - at)) / PPM
    return upper if z >= 0.0 else 1.0 - upper


def stalled_late(tail: Tail | None, latency_us: float, deadline_us: int) -> tuple[float, float]:
    """The share of frames that stalls make late, and its deviation."""
    return late(tail, deadline_us / max(latency_us, 1.0))
