"""Many signatures at once, on more than one core: Ed25519 holds Python's lock, so a second core needs a second process."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from adaptd.fleet.wire import seal_holds

Question = tuple[str, bytes, bytes]  # topic, payload, public key
WORTH_IT = 64


def check_all(questions: Sequence[Question]) -> list[bool]:
    """Whether each payload carries the key's signature, one after the other."""
    return [seal_holds(topic, payload, key) for topic, payload, key in questions]


class Verifier:
    """Shares the work between this process and ``helpers`` more."""

    def __init__(self, helpers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(helpers, mp_context=context) if helpers else None
        self._helpers = helpers

    def __call__(self, questions: Sequence[Question]) -> list[bool]:
        """The answers in the order of the questions."""
        if self._pool is None or len(questions) < WORTH_IT:
            return check_all(questions)
        share = len(questions) * 2 // (2 * self._helpers + 1) if self._helpers else 0
        parts = [questions[at : at + share] for at in range(0, share * self._helpers, share)]
        futures = [self._pool.submit(check_all, part) for part in parts]
        mine = check_all(questions[share * self._helpers :])
        return [answer for future in futures for answer in future.result()] + mine

    def close(self) -> None:
        """End the helpers."""
        if self._pool is not None:
            self._pool.shutdown()
