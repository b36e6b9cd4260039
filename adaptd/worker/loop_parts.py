"""What a frame loop is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from adaptd.base.clock import WaitingClock
from adaptd.engine.pool import WarmPool
from adaptd.vision.answers import Answer, AnswerHead
from adaptd.worker.latest_frame import LatestFrame
from adaptd.worker.setpoints import Tell
from adaptd.worker.shared_slot import SharedSlot

Batch = npt.NDArray[np.float32]


class Publisher(Protocol):
    """Where results go."""

    def publish(
        self, frame: int, answer: Answer, latency_us: int, variant: str, at_us: int, shadowed: bool, tag: str = ""
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class LoopParts:
    """What a loop is made of. ``set_rate`` and ``next_us`` are those of all grabbers; ``names`` are those of the cameras."""

    pool: WarmPool
    preprocess: Callable[[Any], Batch]
    head: AnswerHead
    slot: LatestFrame | SharedSlot
    results: Publisher
    clock: WaitingClock
    tell: Tell
    set_rate: Callable[[int], None]
    next_us: Callable[[], int | None]
    names: tuple[str, ...] = ("",)
