"""What TensorRT says on the side while it builds: gathered instead of printed raw, and told once a kind, with what it means."""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = "adaptd.engine"
MOST_OTHERS = 5
KNOWN = (
    (r"INT64", "the parser narrows 64-bit shapes and indices to 32 bits: no weight is concerned"),
    (r"outside of int8|clipped|clamp", "weights at the end of their range were clipped: their scale was rounded down"),
    (r"timing cache", "measured times of an earlier build were not used: this build took longer, the plan is the same"),
    (r"TensorRT was linked against|cuDNN|cuBLAS", "a library has another version than TensorRT was built with"),
    (r"subnormal", "weights too small for FP16 count as 0 there"),
    (r"[Ll]azy loading", "CUDA loads all kernels at once; set CUDA_MODULE_LOADING=LAZY to spare memory"),
)


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def gathered() -> Iterator[list[str]]:
    """The lines of the engine room and of TensorRT from now on, which no other handler sees meanwhile."""
    logger, keeper = logging.getLogger(LOGGER), _Keeper()
    before = logger.propagate
    logger.addHandler(keeper)
    logger.propagate = False
    try:
        yield keeper.lines
    finally:
        logger.removeHandler(keeper)
        logger.propagate = before


def explained(lines: list[str]) -> list[str]:
    """One line for each kind that is known, with how often it came, and the first few of the others as they are."""
    kinds: Counter[str] = Counter()
    others: list[str] = []
    for line in lines:
        meaning = next((meaning for pattern, meaning in KNOWN if re.search(pattern, line)), None)
        if meaning is not None:
            kinds[meaning] += 1
        elif line not in others:
            others.append(line)
    told = [f"TensorRT: {meaning}" + (f" ({count} lines)" if count > 1 else "") for meaning, count in kinds.items()]
    told += [f"TensorRT said: {line}" for line in others[:MOST_OTHERS]]
    return told + ([f"TensorRT said {len(others) - MOST_OTHERS} more lines"] if len(others) > MOST_OTHERS else [])
