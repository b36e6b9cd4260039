"""How much power the temperature limit leaves, from predictions that are linear in power.

Each prediction is a tuple (horizon s, free degC, gain K/W, sigma K, sigma of the gain K/W): temperature at the horizon under
constant power u is free + gain * u, known to sigma at the power drawn now and less well away from it.
"""

PEAK_SIGMAS = 4.0  # margin of the next tick below the limit, in deviations of the belief: crossed once in 30,000 looks
MEAN_SIGMAS = 2.0  # margin of the average further ahead, which the peaks of time-slicing exceed
MARGIN_K = 0.06  # what no estimate knows: rounding, ripple within a tick, air that moves faster than it was seen to
GAIN_SIGMAS = 1.0  # caution about what more power would do
MIN_GAIN = 1e-3

Prediction = tuple[float, float, float, float, float]


def cap_w(predictions: list[Prediction], limit_k: float, power_w: float, sigmas: float = PEAK_SIGMAS) -> float:
    """The largest constant watts that keep every prediction below ``limit_k`` less its margin; ``power_w`` is drawn now."""
    cap = 1e9
    for _, free, gain, sigma, gain_sigma in predictions:
        room = limit_k - MARGIN_K - sigmas * sigma - free - gain * power_w
        doubt = GAIN_SIGMAS * gain_sigma
        if room >= 0.0:
            slope = gain + doubt
        else:
            slope = max(gain - doubt, 0.5 * gain)
        cap = min(cap, power_w + room / max(slope, MIN_GAIN))
    return cap
