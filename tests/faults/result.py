"""What one group of the torture found, and how it tells that it is still at work."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

ItemT = TypeVar("ItemT")


class Skipped(Exception):  # noqa: N818 - it is an outcome
    """The group cannot run here. The text says what is missing."""


@dataclass
class Result:
    """Counts by name. ``zero`` are the counts that must be 0, ``above_zero`` those that must not: the negative controls."""

    counts: dict[str, int | float | str] = field(default_factory=dict)
    zero: tuple[str, ...] = ()
    above_zero: tuple[str, ...] = ()
    details: list[str] = field(default_factory=list)

    def add(self, name: str, by: int = 1) -> None:
        """Count up."""
        before = self.counts.get(name, 0)
        assert isinstance(before, (int, float))
        self.counts[name] = before + by

    def fault(self, name: str, detail: str) -> None:
        """Count a fault and keep the first few in words."""
        self.add(name)
        if len(self.details) < 5:
            self.details.append(f"{name}: {detail}")

    @property
    def good(self) -> bool:
        return all(not self.counts.get(name, 0) for name in self.zero) and all(
            self.counts.get(name, 0) for name in self.above_zero
        )

    def words(self) -> str:
        """The counts in one line, then the first faults."""
        names = {**dict.fromkeys(self.zero, 0), **self.counts}
        text = ", ".join(
            f"{name} {value:,}" if isinstance(value, (int, float)) else f"{name} {value}" for name, value in names.items()
        )
        return "\n  ".join([text, *self.details])

    def plain(self) -> dict[str, object]:
        return {"counts": {**dict.fromkeys(self.zero, 0), **self.counts}, "details": self.details}


def tracked(items: Iterable[ItemT], what: str, total: int | None = None) -> Iterator[ItemT]:
    """The items, with a progress bar where a person watches."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, what, total=total, console=Console(stderr=True), transient=True)
