"""Many signatures at once, on more than one core: Ed25519 holds Python's lock, so a second core needs a second process.

libsodium checks a signature in half the time that OpenSSL needs. The two agree on every signature that an honest key made; where
they may differ (a key of small order, made to fit several messages) libsodium is the stricter one. The log's own signatures are
checked by `adaptd.log` as everywhere else.
"""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor

from nacl.bindings import crypto_sign_open
from nacl.exceptions import CryptoError

from adaptd.fleet.wire import signed_part

Question = tuple[str, bytes, bytes]  # topic, payload, public key
Answers = Callable[[], list[bool]]  # waits where they are still on their way
WORTH_IT = 64
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64


def holds(topic: str, payload: bytes, public: bytes) -> bool:
    """Whether the payload carries ``public``'s signature over its topic and its bytes."""
    parts = signed_part(payload)
    if parts is None or len(public) != _KEY_BYTES or len(parts[1]) != _SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(parts[1] + topic.encode() + b"\n" + parts[0], public)
    except CryptoError:
        return False
    return True


def check_all(questions: Sequence[Question]) -> list[bool]:
    """Whether each payload carries the key's signature, one after the other."""
    return [holds(topic, payload, key) for topic, payload, key in questions]


def check_now(questions: Sequence[Question]) -> Answers:
    """The answers from this process, before it returns."""
    found = check_all(questions)
    return lambda: found


class Verifier:
    """Leaves the signatures to ``helpers`` processes: reading, judging and writing are more than enough for this one."""

    def __init__(self, helpers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(helpers, mp_context=context) if helpers else None
        self._helpers = helpers

    def __call__(self, questions: Sequence[Question]) -> Answers:
        """Begin; the answers come in the order of the questions."""
        if self._pool is None or len(questions) < WORTH_IT:
            return check_now(questions)
        share = -(-len(questions) // self._helpers)
        futures: list[Future[list[bool]]] = [
            self._pool.submit(check_all, questions[at : at + share]) for at in range(0, len(questions), share)
        ]
        return lambda: [answer for future in futures for answer in future.result()]

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
