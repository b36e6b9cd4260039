"""Values that the integers inside cannot tell apart are refused where they are written: what rounds to 0 is not what was meant.

The unit in a key's name says the factor, so that a new key needs no entry here; a key without a unit takes its parent's.
"""

from decimal import Decimal
from typing import Any

from adaptd.config.errors import ConfigError
from adaptd.config.strict_yaml import Document, KeyPath
from adaptd.config.validate import Strict, scaled

# longest ending first: `_k_per_w` ends in `_w` too
FACTORS = (
    ("_k_per_w", 1_000),
    ("_c_per_s", 1_000),
    ("_gb_s", 1),
    ("_wh", 3_600_000_000),
    ("_points", 10_000),
    ("_pct", 10_000),
    ("_fps", 1_000),
    ("_lux", 1_000),
    ("_mj", 1_000),
    ("_ms", 1_000),
    ("_mb", 1),
    ("_c", 1_000),
    ("_w", 1_000),
    ("_s", 1_000_000),
    ("_h", 3_600_000_000),
)
COARSER = {"tau_s": 1_000}
RATIOS = {"speedup": 1_000_000, "hours": 3_600_000_000}


def factor(path: KeyPath) -> int | None:
    """What the number at ``path`` is multiplied by on its way inside; None where no name on the way tells a unit."""
    for part in reversed(path):
        if not isinstance(part, str):
            continue
        known = {**COARSER, **RATIOS}.get(part)
        if known is not None:
            return known
        for ending, times in FACTORS:
            if part.endswith(ending):
                return times
    return None


def refuse_lost(document: Document, model: Strict) -> None:
    """Refuse every number other than 0 that rounds to 0.

    Raises:
        ConfigError: one line a number, with the smallest that would be kept.
    """
    faults = [
        f"{document.where(path)}: {'.'.join(map(str, path))}: is {value:g}, which rounds to 0, write at least {least(times)}"
        for path, value in _numbers(model, ())
        if (times := factor(path)) is not None and value != 0 and scaled(value, times) == 0
    ]
    if faults:
        raise ConfigError(*faults)


def least(times: int) -> str:
    """The smallest number that a scale tells from 0, in digits."""
    return f"{Decimal(1) / Decimal(times):f}" if times in {1, 1_000, 10_000, 1_000_000} else f"{1 / times:g}"


def _numbers(node: Any, path: KeyPath) -> list[tuple[KeyPath, float]]:
    """Every number in a checked document, with its path as it is written in the file."""
    if isinstance(node, (list, tuple)):
        return [found for at, item in enumerate(node) for found in _numbers(item, (*path, at))]
    if isinstance(node, dict):
        return [found for key, item in node.items() for found in _numbers(item, (*path, key))]
    if isinstance(node, Strict):
        fields = type(node).model_fields.items()
        return [found for key, info in fields for found in _numbers(getattr(node, key), (*path, info.alias or key))]
    return [(path, node)] if isinstance(node, float) else []
