"""What a person asks for: ``hours>=9, max fps`` or ``efficiency 0.85 of the best``; faults are told by line and column."""

import re
from dataclasses import dataclass

from adaptd.config.errors import ConfigError
from adaptd.lab.whatif.figures import FIGURES

_TERM = re.compile(
    r"(?P<best>(?P<f1>[a-z_]+)\s+(?P<share>\d+(?:\.\d+)?)\s+of\s+the\s+best)"
    r"|(?P<way>max|min)\s+(?P<f2>[a-z_]+)"
    r"|(?P<f3>[a-z_]+)\s*(?P<op>>=|<=|at\s+least|at\s+most)\s*(?P<value>-?\d+(?:\.\d+)?)"
)
EXAMPLE = "hours>=9, max fps, efficiency 0.85 of the best, loss at most 0.5"


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure must be at least (``least``) or at most ``value``; ``words`` are as they were written."""

    figure: str
    least: bool
    value: float
    words: str

    def slack(self, found: float) -> float:
        """How much room is left, in the figure's unit; below 0 it is not met."""
        return found - self.value if self.least else self.value - found

    def scale(self) -> float:
        """What a slack is held against to compare it with others."""
        return max(abs(self.value), 1.0 if FIGURES[self.figure][0] in ("fps", "h", "W") else 0.1)


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure to be as good as possible."""

    figure: str
    most: bool


@dataclass(frozen=True, slots=True)
class Goals:
    """Bounds to be met, aims to be followed, and shares of the best that are enough."""

    bounds: tuple[Bound, ...]
    aims: tuple[Aim, ...]
    shares: tuple[tuple[str, float], ...]

    @property
    def figures(self) -> set[str]:
        return {one.figure for one in self.bounds} | {one.figure for one in self.aims} | {name for name, _ in self.shares}


def parse_goals(goal: str, keep: str) -> Goals:
    """Both texts together.

    Raises:
        ConfigError: one line a fault, each with text, line, column and remedy; also for bounds that contradict one another.
    """
    bounds: list[Bound] = []
    aims: list[Aim] = []
    shares: list[tuple[str, float]] = []
    faults: list[str] = []
    for name, text in (("--goal", goal), ("--keep", keep)):
        for term, line, column in _terms(text):
            where = f"{name}:{line}:{column}"
            match = _TERM.fullmatch(term)
            if match is None:
                faults.append(f"{where}: {term!r}: is no goal, write for example: {EXAMPLE}")
                continue
            figure = match["f1"] or match["f2"] or match["f3"]
            if figure not in FIGURES:
                faults.append(f"{where}: {figure!r}: is no figure, one of {', '.join(FIGURES)} is needed")
            elif match["best"]:
                shares.append((figure, float(match["share"])))
                if not 0 < float(match["share"]) <= 1:
                    faults.append(f"{where}: {match['share']}: a share of the best is over 0 and at most 1")
            elif match["way"]:
                aims.append(Aim(figure, match["way"] == "max"))
            else:
                least = match["op"] == ">=" or match["op"].endswith("least")
                bounds.append(Bound(figure, least, float(match["value"]), term))
    faults += _contradictions(bounds)
    if faults:
        raise ConfigError(*faults)
    return Goals(tuple(bounds), tuple(aims), tuple(shares))


def _terms(text: str) -> list[tuple[str, int, int]]:
    """The terms between commas with line and column, counted from 1."""
    found: list[tuple[str, int, int]] = []
    for number, line in enumerate(text.split("\n"), 1):
        found += [(part[0].rstrip(), number, part.start() + 1) for part in re.finditer(r"[^,\s][^,]*", line)]
    return found


def _contradictions(bounds: list[Bound]) -> list[str]:
    """Bounds on one figure that leave nothing between them."""
    pairs = [(low, high) for low in bounds for high in bounds if low.figure == high.figure and low.least and not high.least]
    return [
        f"--goal: {low.words!r} and {high.words!r}: contradict one another, loosen one of them"
        for low, high in pairs
        if low.value > high.value
    ]
