"""What can be tried of a model: precision, layers kept in float, a runtime's knobs, and the form of its input."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from adaptd.bundle_build.qualify.judge import Distance

MOST_KEPT = 4  # how many of the dearest layers are kept in float at most
NCHW, NHWC = "nchw", "nhwc"
Size = tuple[int, int]
Build = tuple[str, tuple[str, ...], Size | None]


@dataclass(frozen=True, slots=True)
class Form:
    """How pictures come in: ``size`` (height, width; None: the model's own), layout, and pictures of how many cameras at once."""

    size: Size | None = None
    layout: str = NCHW
    cameras: int = 1

    @property
    def words(self) -> str:
        """What differs from one picture of the model's own size in NCHW; empty where nothing does."""
        parts = [] if self.size is None else [f"{self.size[0]}x{self.size[1]}"]
        parts += [self.layout] if self.layout != NCHW else []
        parts += [f"{self.cameras} cameras at once"] if self.cameras > 1 else []
        return ", ".join(parts)


USUAL = Form()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which forms are tried beside the usual one."""

    sizes: tuple[Size, ...] = ()
    layouts: tuple[str, ...] = ()
    cameras: tuple[int, ...] = ()

    def forms(self) -> list[Form]:
        """One thing changed at a time: the product of all would cost more time than it tells."""
        found = [Form(size=size) for size in self.sizes]
        found += [Form(layout=layout) for layout in self.layouts if layout != NCHW]
        found += [Form(cameras=count) for count in self.cameras if count > 1]
        return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run the model. ``kept`` are layers that stay in float where the rest is INT8; ``knobs`` are the runtime's.

    ``unserved`` says why a bundle cannot be run this way today; such a candidate is measured and is never the plan of record.
    """

    precision: str
    kept: tuple[str, ...]
    knobs: tuple[tuple[str, str], ...]
    form: Form = USUAL
    unserved: str = ""

    @property
    def build(self) -> Build:
        """What decides the model's bytes, knobs and form apart."""
        return self.precision, self.kept, self.form.size

    @property
    def words(self) -> str:
        """For people."""
        kept = f", {len(self.kept)} layer{'s' * (len(self.kept) > 1)} in float" if self.kept else ""
        form = f", {self.form.words}" if self.form.words else ""
        return f"{self.precision}{kept}, " + ", ".join(f"{name} {value}" for name, value in self.knobs) + form


class Runner(Protocol):
    """A candidate that was built and loaded."""

    def infer(self, at: int) -> None:
        """Run picture number ``at`` (taken round and round), or as many from there on as there are cameras."""

    def close(self) -> None:
        """Give back what it holds."""


class Space(Protocol):
    """All candidates of a model on a runtime."""

    @property
    def runtime(self) -> str: ...
    def candidates(self) -> list[Candidate]: ...
    def key(self, candidate: Candidate) -> str:
        """A digest of everything that a measurement of it rests on but this machine."""

    def distance(self, candidate: Candidate) -> Distance: ...
    def load(self, candidate: Candidate) -> Runner:
        """Build it, unless that was done before, and load it. Raises BuildError where it cannot be built or does not run."""


def why_unserved(form: Form) -> str:
    """Why a bundle does not take this form; empty where it does."""
    if form.layout != NCHW:
        return "bundles take NCHW"
    return "bundles take one picture at a time" if form.cameras > 1 else ""


def kept_sets(dearest: Sequence[str]) -> list[tuple[str, ...]]:
    """None, one, two and four of the layers whose freedom brings most."""
    counts = [count for count in (0, 1, 2, MOST_KEPT) if count <= len(dearest)]
    return list(dict.fromkeys(tuple(dearest[:count]) for count in counts))


def clock_us() -> tuple[int, int]:
    """Wall and processor time in microseconds."""
    return time.perf_counter_ns() // 1000, time.process_time_ns() // 1000


def wall_us() -> tuple[int, int]:
    """Wall time twice: where another chip computes, this one's processor time says nothing of the work."""
    now_us = time.perf_counter_ns() // 1000
    return now_us, now_us
