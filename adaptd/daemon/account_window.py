"""The coin of the loss account: drawn at random when a window opens, committed in the log at once, revealed when it is over.

Which frames run on both engines follows from the seed and the frame's number (``base/coin.py``). The log holds a hash of
the seed before the first frame is drawn, so nobody can choose a seed afterwards; the revealed seed lets anyone draw again. Until
then the seed lies in the log's private folder, so that a run that was cut short can be revealed by the next one.
"""

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adaptd.base import coin
from adaptd.base.canonical_json import Plain
from adaptd.brain.tick import State, statements
from adaptd.config.policy import Policy
from adaptd.log.format.codec import to_plain
from adaptd.log.format.store import Store
from adaptd.protocol.messages import Apart
from adaptd.vocabulary import BandStatement, Snapshot, Verdict

COIN_FILE, PRIVATE_FOLDER = "coin", "private"
Objects = dict[str, tuple[int, int]]
"""By band: objects missed and objects added."""
Note = Callable[[str, dict[str, Plain]], None]


@dataclass(frozen=True, slots=True)
class Coin:
    """The seed of one run's part of a window, and the salt that keeps its hash from being guessed."""

    window: int
    seed: coin.Seed
    salt: str

    @property
    def commitment(self) -> str:
        """What is published before the first draw: SHA-256 (hex) of window, seed and salt."""
        return coin.commitment(self.window, self.seed, self.salt)


class AccountWindow:
    """The daemon's side of the loss account: a coin for every window, and the frame at which the credit ends.

    ``note`` (kind, fields) puts a record into the log, durably.
    """

    def __init__(self, log_folder: Path, note: Note) -> None:
        self._store = Store(log_folder / PRIVATE_FOLDER)
        self._note = note
        self._coin: Coin | None = None
        self._last_frame = -1
        self.apart: Objects = {}

    @property
    def seed(self) -> str:
        """What the worker draws from."""
        return "" if self._coin is None else str(self._coin.seed)

    def until_frame(self, verdict: Verdict) -> int:
        """The last frame that an efficient variant may serve before the next decision."""
        return self._last_frame + verdict.most_frames

    def saw(self, apart: tuple[Apart, ...]) -> None:
        """Objects that efficient variants missed and added on frames run on both engines, by band, since the window opened."""
        for one in apart:
            missed, added = self.apart.get(one.band, (0, 0))
            self.apart[one.band] = (missed + one.missed, added + one.added)

    def open(self, state: State, policy: Policy) -> None:
        """Reveal what a run before left behind, then commit to a new coin before its first frame is drawn."""
        left = self._left_behind()
        if left is not None:
            self._reveal(left, "cut_short", ())
        window = state.account
        self._coin = Coin(window.number, secrets.token_hex(coin.SEED_BYTES), secrets.token_hex(16))
        with suppress(OSError):  # a disk that takes no file takes no record either, and then the reference serves
            self._store.make_folder(0o700)
            self._store.write_file(COIN_FILE, json.dumps(asdict(self._coin)).encode(), secret=True)
        self._note("window_open", {
            "coin": self._coin.commitment, "limit_ppm": policy.max_loss_ppm, "loan_ppm_frames": window.loan_ppm,
            "window": window.number,
        })  # fmt: skip

    def decided(self, snapshot: Snapshot, verdict: Verdict, state: State, policy: Policy) -> None:
        """A decision is on record: remember how far the frames went, and turn the window where its time was over."""
        self._last_frame = max([self._last_frame, *[stretch.last for stretch in snapshot.worker.stretches]])
        if verdict.closed:
            self._close("ended", verdict.closed)
            self.open(state, policy)

    def reloaded(self, before: State, old: Policy, state: State, policy: Policy) -> None:
        """Another policy is in force; where it promises something else, the old window has ended with its statements."""
        if before.account.number != state.account.number:
            self._close("policy", statements(before, old))
            self.open(state, policy)

    def stop(self, state: State, policy: Policy, *, booked: bool = True) -> None:
        """The run ends: its part of the window is revealed, with statements over what was delivered.

        Where its last frames could not be booked, nothing is stated: the window goes on, and the next run is charged for them.
        """
        self._close("stopped" if booked else "cut_short", statements(state, policy) if booked else ())

    def _close(self, reason: str, said: tuple[BandStatement, ...]) -> None:
        coin, self._coin = self._coin, None
        if coin is not None:
            self._reveal(coin, reason, said)

    def _reveal(self, coin: Coin, reason: str, said: tuple[BandStatement, ...]) -> None:
        counted, self.apart = self.apart, {}
        objects: list[Plain] = [{"added": one[1], "band": band, "missed": one[0]} for band, one in sorted(counted.items())]
        self._note("window_close", {
            "coin": coin.commitment, "reason": reason, "salt": coin.salt, "seed": coin.seed,
            "statements": [to_plain(one) for one in said], "window": coin.window,
            **({"objects": objects} if objects else {}),
        })  # fmt: skip
        with suppress(OSError):
            self._store.remove(COIN_FILE)

    def _left_behind(self) -> Coin | None:
        """The coin of a run that was cut short; None where there is none, or where the file is not one."""
        try:
            if COIN_FILE not in self._store.names():
                return None
            plain: Any = json.loads(self._store.read(COIN_FILE))
            coin = Coin(**plain)
            sound = type(coin.window) is int and type(coin.seed) in (int, str) and type(coin.salt) is str
        except (OSError, ValueError, TypeError):
            return None
        return coin if sound else None
