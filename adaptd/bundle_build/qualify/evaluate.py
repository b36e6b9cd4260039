"""The one pass over the pictures: every variant on every frame, in turns, timed, compared with reference and labels."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from adaptd.bundle_build import Progress, silent
from adaptd.bundle_build.data.labels import Labels
from adaptd.bundle_build.data.pictures import Pictures
from adaptd.config.engine_answers import TOLERANCE_PPM
from adaptd.engine import guard
from adaptd.engine.base import Engine
from adaptd.engine.errors import EngineFault
from adaptd.vision import detection
from adaptd.vision.answers import Answer, AnswerHead, Detection

Array = npt.NDArray[np.float32]
MILLION = 1_000_000


@dataclass(slots=True)
class ScoreTally:
    """What one variant did in one band: time of each inference, and each frame's loss against the reference.

    ``empty`` counts frames on which a detector found nothing; ``near`` holds the frames without a whole loss that the last
    bits of the reference's float sums could turn.
    """

    losses_ppm: list[int] = field(default_factory=list)
    latencies_us: list[int] = field(default_factory=list)
    right: int = 0
    labelled: int = 0
    empty: int = 0
    near: set[int] = field(default_factory=set)
    truths: list[Array] = field(default_factory=list)
    founds: list[Array] = field(default_factory=list)

    @property
    def n(self) -> int:
        return len(self.losses_ppm)

    @property
    def disagreed(self) -> int:
        """Frames of full loss that cost as much, rounded up: never less than what was seen."""
        return -(-sum(self.losses_ppm) // MILLION)

    @property
    def counted_ppm(self) -> list[int]:
        """The losses with every near frame lost whole: what holds on processors whose sums differ in the last bits."""
        return [MILLION if index in self.near else loss for index, loss in enumerate(self.losses_ppm)]

    @property
    def score_ppm(self) -> int | None:
        """Top-1 hits, or mAP at IoU 0.5; None without labels."""
        if self.truths:
            precision = detection.mean_average_precision(self.truths, self.founds)
            return None if precision is None else round(precision * MILLION)
        return round(self.right * MILLION / self.labelled) if self.labelled else None


Tallies = dict[str, dict[str, ScoreTally]]
"""Band, then variant."""


def evaluate(
    engines: Mapping[str, Engine],
    reference: str,
    pictures: Pictures,
    reader: AnswerHead,
    labels: Labels,
    progress: Progress = silent,
) -> Tallies:
    """Run every engine on every picture. The order turns with each frame, so none is always the one that runs on a cold cache."""
    names = list(engines)
    tallies: Tallies = {}
    for done, (sample, batch) in enumerate(pictures, 1):
        turn = done % len(names)
        outputs: dict[str, Array | None] = {}
        answers: dict[str, Answer | None] = {}
        band = tallies.setdefault(sample.band, {name: ScoreTally() for name in names})
        for name in names[turn:] + names[:turn]:
            outputs[name], answers[name], latency = _timed(engines[name], batch, reader)
            band[name].latencies_us.append(latency)
        truth = labels.boxes(sample)
        plain = outputs[reference]
        near = plain is not None and reader.near(plain, 2 * TOLERANCE_PPM)
        for name in names:
            tally, right, given = band[name], answers[reference], answers[name]
            tally.losses_ppm.append(MILLION if right is None or given is None else reader.loss_ppm(right, given))
            if near and name != reference and tally.losses_ppm[-1] < MILLION:
                tally.near.add(tally.n - 1)
            tally.empty += given is not None and given.rows is not None and not len(given.rows)
            _score(tally, reader, outputs[name], given, sample.label if labels.classes else None, truth)
        progress("running every variant on every picture", done, len(pictures))
    return tallies


def _timed(engine: Engine, batch: Array, reader: AnswerHead) -> tuple[Array | None, Answer | None, int]:
    """Checked output, what it means, and the time both took in microseconds, rounded up; None where the engine failed."""
    start = time.perf_counter_ns()
    try:
        output: Array | None = guard.check(engine.infer(batch), engine.output_shape, engine.name)
        answer = None if output is None else reader.answer(output)
    except EngineFault:
        output = answer = None
    return output, answer, -(-(time.perf_counter_ns() - start) // 1000)


def _score(
    tally: ScoreTally, reader: AnswerHead, output: Array | None, answer: Answer | None, label: str | None, truth: Array | None
) -> None:
    if not isinstance(reader, Detection):
        if label is not None:
            tally.labelled += 1
            tally.right += answer is not None and answer.label == label
    elif truth is not None:
        tally.truths.append(truth)
        none = np.zeros((0, 6), np.float32)
        tally.founds.append(none if output is None else reader.boxes(output, detection.FAINT))


def quantile_us(latencies_us: list[int], share_pct: int) -> int:
    """Nearest-rank quantile, 0 for none."""
    ordered = sorted(latencies_us)
    return ordered[max(0, -(-len(ordered) * share_pct // 100) - 1)] if ordered else 0
