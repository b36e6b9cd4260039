"""Tells that the camera was moved, or the bowl hidden, from coarse pictures of the scene without a pet.

A result carries ``scene`` once in half a second: a grid of mean brightness, 8 by 8. Grids are compared by correlation, so neither
exposure nor the hour's brightness matters, only where it is bright and where dark. A scene is known once it was learnt at the
start, or once a pet was seen to eat in it: so a lamp that is lit in the evening is asked about once and then known.
"""

from collections.abc import Sequence

from adaptd.apps.feeder.notes import NoteKind
from adaptd.apps.feeder.settings import SECOND_US
from adaptd.apps.feeder.store import Store

Grid = tuple[int, ...]  # 256 times the mean brightness of each part, row by row

ALIKE_MILLI = 800
LEARN, MOST_KNOWN = 30, 4
EVERY_US = 5 * SECOND_US
MOVED_AFTER_US = 120 * SECOND_US
HIDDEN_AFTER_US = 600 * SECOND_US  # a pet may lie before the bowl for a while
GAP_US = 600 * SECOND_US  # longer without a grid (dark, a pet, no camera): what was unlike before is not counted on
DRIFT_SHARE = 64


def grid_of(scene: str) -> Grid:
    """The grid in a result's ``scene``; empty where it is none."""
    try:
        return tuple(value * 256 for value in bytes.fromhex(scene))
    except ValueError:
        return ()


def correlation_milli(one: Sequence[int], other: Sequence[int]) -> int:
    """How alike two grids are, -1000 to 1000, whatever their brightness and contrast; 0 where one is flat."""
    count = len(one)
    if count != len(other):
        return 0
    a = [value * count - sum(one) for value in one]
    b = [value * count - sum(other) for value in other]
    power = sum(x * x for x in a) * sum(y * y for y in b)
    return 0 if power == 0 else round(1_000 * sum(x * y for x, y in zip(a, b, strict=True)) / power**0.5)


class CameraWatch:
    """``known`` are the scenes that were learnt, oldest first. Times are UTC microseconds."""

    def __init__(self, known: Sequence[Grid] = (), learnt_us: int = 0) -> None:
        self.known: list[Grid] = list(known)
        self.learnt_us = learnt_us
        self._gathered: list[Grid] = []
        self._last_us: int | None = None
        self.unlike_since_us: int | None = None
        self._hidden_us: tuple[int, int] | None = None

    @property
    def hidden_since_us(self) -> int | None:
        """Since when the model sees no bowl; None for the first ten minutes, and where it sees one."""
        hidden = self._hidden_us
        return hidden[0] if hidden is not None and hidden[1] - hidden[0] >= HIDDEN_AFTER_US else None

    def bowl(self, at_us: int, *, in_sight: bool) -> None:
        """Whether the model sees the bowl; models without such a label always do."""
        since = self._hidden_us[0] if self._hidden_us is not None else at_us
        self._hidden_us = None if in_sight else (min(since, at_us), at_us)

    @property
    def moved_since_us(self) -> int | None:
        """Since when the scene is another one; None while it is known, or for the first two minutes."""
        since, last = self.unlike_since_us, self._last_us
        return since if since is not None and last is not None and last - since >= MOVED_AFTER_US else None

    def feed(self, at_us: int, grid: Grid) -> None:
        """One grid of a scene without a pet, in light that is good enough."""
        if not grid or (self._last_us is not None and 0 <= at_us - self._last_us < EVERY_US):
            return
        if self._last_us is None or not 0 <= at_us - self._last_us < GAP_US:
            self.unlike_since_us = None
            self._gathered = []
        self._last_us = at_us
        if not self.known:
            self._gathered.append(grid)
            if len(self._gathered) >= LEARN:
                self._learn(at_us)
            return
        likeness, nearest = max((correlation_milli(grid, known), index) for index, known in enumerate(self.known))
        if likeness >= ALIKE_MILLI:
            self.unlike_since_us, self._gathered = None, []
            self.known[nearest] = _drifted(self.known[nearest], grid)
            return
        self._gathered = [*self._gathered, grid][-LEARN:]
        if self.unlike_since_us is None:
            self.unlike_since_us = at_us

    def confirm(self, at_us: int) -> None:
        """A pet was seen to eat: the bowl is in view, so the scene is a good one."""
        if self.known and self.unlike_since_us is not None and self._gathered:
            self._learn(at_us)

    def forget(self) -> None:
        """The owner says that the camera was moved: learn the scene anew."""
        self.known, self._gathered, self.unlike_since_us = [], [], None

    def _learn(self, at_us: int) -> None:
        mean = tuple(sum(values) // len(self._gathered) for values in zip(*self._gathered, strict=True))
        self.known = [*self.known, mean][-MOST_KNOWN:]
        self.learnt_us, self._gathered, self.unlike_since_us = at_us, [], None


def _drifted(known: Grid, grid: Grid) -> Grid:
    """The day's slow change of light is followed."""
    return tuple(old + (new - old) // DRIFT_SHARE for old, new in zip(known, grid, strict=True))


def read_scenes(store: Store) -> CameraWatch:
    """The watch as it was when the program last ran."""
    rows = store.base.execute("SELECT grid, learnt_us FROM scenes ORDER BY place").fetchall()
    return CameraWatch([tuple(map(int, row[0].split())) for row in rows], max((int(row[1]) for row in rows), default=0))


def write_scenes(store: Store, watch: CameraWatch) -> None:
    """Keep what was learnt; what the owner's note makes void is forgotten.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    row = store.base.execute("SELECT max(written_us) FROM notes WHERE kind = ?", (NoteKind.CAMERA_MOVED.value,)).fetchone()
    if row[0] is not None and watch.known and int(row[0]) > watch.learnt_us:
        watch.forget()
    with store.transaction():
        store.base.execute("DELETE FROM scenes")
        rows = [(at, " ".join(map(str, grid)), watch.learnt_us) for at, grid in enumerate(watch.known)]
        store.base.executemany("INSERT INTO scenes VALUES(?,?,?)", rows)
