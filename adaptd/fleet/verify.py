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
    """Leaves the signatures to ``helpers`` processes: reading, judging and writing are more than enough for this one."""

    def __init__(self, helpers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(helpers, mp_context=context) if helpers else None
        self._helpers = helpers

    def __call__(self, questions: Sequence[Question]) -> list[bool]:
        """The answers in the order of the questions."""
        if self._pool is None or len(questions) < WORTH_IT:
            return check_all(questions)
        share = -(-len(questions) // self._helpers)
        futures = [self._pool.submit(check_all, questions[at : at + share]) for at in range(0, len(questions), share)]
        return [answer for future in futures for answer in future.result()]

    def close(self) -> None:
        """End the helpers."""
        if self._pool is not None:
            self._pool.shutdown()
