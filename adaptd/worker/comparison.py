"""One frame on both sides, where the coin fell on it: what the account and the scene guard are told of it."""

from collections.abc import Callable

from adaptd.base import coin
from adaptd.engine.errors import EngineError
from adaptd.engine.pool import WarmPool
from adaptd.vision.answers import Answer, AnswerHead
from adaptd.vocabulary import Shadow
from adaptd.worker.counters import Counters
from adaptd.worker.latest_frame import Frame
from adaptd.worker.loop_parts import Batch
from adaptd.worker.setpoints import Setpoints

DEAD_AFTER = 3
LOST_PPM = 1_000_000


class ReferenceHealth:
    """Failures of the reference in a row. Nothing can stand in for it: such a frame gives no result, a row ends the worker."""

    def __init__(self, helm: Setpoints, give_up: Callable[[], None]) -> None:
        self._helm = helm
        self._give_up = give_up
        self.failures = 0

    def failed(self, text: str) -> None:
        """The first of a row is told; after DEAD_AFTER the worker is to be started anew."""
        self.failures += 1
        if self.failures == 1:
            self._helm.tell_fault("engine", text, self._helm.reference)
        if self.failures >= DEAD_AFTER:
            words = f"the reference failed {DEAD_AFTER} times in a row; the worker starts again"
            self._helm.tell_fault("engine", words, self._helm.reference)
            self._give_up()

    def answered(self) -> None:
        """The row is over."""
        self.failures = 0


class Comparison:
    """``cost_us`` is what a frame takes on each engine; ``set_aside`` is called when the pool has set one aside meanwhile."""

    def __init__(
        self,
        pool: WarmPool,
        head: AnswerHead,
        helm: Setpoints,
        health: ReferenceHealth,
        cost_us: dict[str, int],
        set_aside: Callable[[], None],
        now_us: Callable[[], int],
    ) -> None:
        self._pool, self._head, self._helm, self._health = pool, head, helm, health
        self._cost_us, self._set_aside, self._now_us = cost_us, set_aside, now_us

    def reference_first(self, frame: Frame, batch: Batch, now_us: int) -> Answer | None:
        """The reference's answer to a frame that an efficient variant served, where it comes before the deadline; else None."""
        helm = self._helm
        if now_us - frame.at_us + self._cost_us[helm.reference] > helm.deadline_us:
            return None
        try:
            output = self._pool.shadow(batch, helm.reference, frame.camera)
        except EngineError as error:
            self._health.failed(str(error))
            return None
        self._health.answered()
        return None if output is None else self._head.answer(output)

    def shadow(
        self, tally: Counters, frame: Frame, batch: Batch, answer: Answer, served_by: str, band: str, prepared_us: int
    ) -> int | None:
        """The same frame on the other side: the loss for the account, None where the reference served, whole where it failed.

        ``prepared_us`` is what was spent on the frame before its engine: with the time of an engine at rest what it would take.
        """
        order, reference = self._helm.order, self._helm.reference
        tested = served_by if served_by != reference else coin.which(order.seed, frame.index, self._efficient())
        if tested is None:
            return None
        other = reference if tested == served_by else tested
        began_us = self._now_us()
        try:
            output = self._pool.shadow(batch, other, frame.camera)
        except EngineError as error:
            self._health.failed(str(error))
            return _unseen(tally, band, tested, served_by)
        if output is None:
            self._set_aside()
            return _unseen(tally, band, tested, served_by)
        second = self._head.answer(output)
        if other == reference:
            self._health.answered()
            return self.loss(tally, band, tested, second, answer)
        tally.tested(tested, prepared_us + self._now_us() - began_us)
        self.loss(tally, band, tested, answer, second)
        return None

    def loss(self, tally: Counters, band: str, tested: str, reference: Answer, efficient: Answer) -> int:
        """The loss of one answer against the reference's, told to the guard with the objects that were missed and added."""
        loss_ppm = self._head.loss_ppm(reference, efficient)
        tally.shadow(Shadow(band, tested, loss_ppm), self._head.apart(reference, efficient) if loss_ppm else (0, 0))
        return loss_ppm

    def _efficient(self) -> tuple[str, ...]:
        out = {self._helm.reference, *self._helm.slow}
        return tuple([name for name in self._pool.warm if name not in out])


def _unseen(tally: Counters, band: str, tested: str, served_by: str) -> int | None:
    """A frame that the coin chose and that could not be compared: where an efficient variant served it, it counts as lost."""
    if tested != served_by:
        return None
    tally.shadow(Shadow(band, tested, LOST_PPM))
    return LOST_PPM
