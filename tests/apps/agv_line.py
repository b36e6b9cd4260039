"""A line of parts as the daemon's results would tell it: what the tests of the inspection share."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from adaptd.apps.agv.follow import Follower
from adaptd.apps.agv.inspection import Inspected
from adaptd.apps.agv.part_ids import Told
from adaptd.apps.agv.settings import SECOND_US, Settings

QUALIFIED = {"hall": {"fp16": 982_000, "int8": 980_000}, "dark": {"fp16": 700_000, "int8": 690_000}}
STATUS: dict[str, Any] = {"band": "hall", "account": {"hall": {"open": True, "bound_ppm": 9_000}}}
SCRATCH = ["scratch", 800_000, 100_000, 100_000, 400_000, 160_000]
FPS = 25


def line(at_us: int, boxes: Sequence[Any] = (), *, variant: str = "fp16", camera: str = "") -> dict[str, Any]:
    """A result line as the worker writes it."""
    words = {"frame": 1, "class": "", "score_ppm": 0, "latency_us": 1, "variant": variant, "mono_us": at_us, "shadowed": False}
    return {**words, "boxes": [list(box) for box in boxes], **({"camera": camera} if camera else {})}


@dataclass
class Line:
    """Parts pass the cameras one after the other; ``done`` holds what became of each."""

    settings: Settings = field(default_factory=Settings)
    status: dict[str, Any] = field(default_factory=lambda: dict(STATUS))
    done: list[Inspected] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    now_us: int = field(default_factory=lambda: time.time_ns() // 1000)  # old parts are forgotten

    def __post_init__(self) -> None:
        self.told = Told()
        self.follower = Follower(
            self.settings, self.told, lambda: self.status, self.done.append, found=self.found.append, qualified=QUALIFIED
        )

    def part(
        self, name: str, defects: dict[int, list[Any]] | None = None, *, frames: int = FPS, variant: str = "fp16",
        cameras: Sequence[str] = ("",),
    ) -> Inspected:  # fmt: skip
        """One part for ``frames`` of every camera; ``defects`` are the boxes of single frames."""
        self.told.line(name)
        for index in range(frames):
            for camera in cameras:
                boxes = (defects or {}).get(index, [])
                self.follower.take(line(self.now_us, boxes, variant=variant, camera=camera))
            self.now_us += SECOND_US // FPS
        self.told.line("")
        self.follower.turn(self.now_us)
        return self.done[-1]
