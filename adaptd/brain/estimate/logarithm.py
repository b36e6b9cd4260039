"""Natural logarithms from the four operations, the same on every machine, rounded towards less proof."""

NANO = 1_000_000_000
LN2 = 0.6931471805599453
_NEVER = -(1 << 62)


def natural_log(x: float) -> float:
    """ln x for x > 0 from four operations: halve or double into [0.75, 1.5], then 2 atanh((x-1)/(x+1)) by its series."""
    octaves = 0
    while x > 1.5:
        x *= 0.5
        octaves += 1
    while x < 0.75:
        x *= 2.0
        octaves -= 1
    u = (x - 1.0) / (x + 1.0)
    square, power, total = u * u, u, 0.0
    for k in range(1, 40, 2):
        total += power / k
        power *= square
    return 2.0 * total + octaves * LN2


def nanonats(top: int, bottom: int) -> int:
    """ln(top/bottom) in nanonats, rounded down with a safe unit; a number below every other for top == 0."""
    if top <= 0:
        return _NEVER
    return int(natural_log(float(top) / float(bottom)) * NANO + (1 << 40)) - (1 << 40) - 1
