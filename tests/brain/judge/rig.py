"""One source, fed answer by answer, and the rules of the shipped Orin NX under the shipped feeder policy."""

from adaptd.brain.judge.rules import Limits, Rules, rules
from adaptd.brain.judge.source import Trace, hear
from adaptd.vocabulary import MissingReason, Raw, RawReading
from tests.brain.decide.plant import board, feeder

S = 1_000_000
RULES: Rules = rules(feeder(), board())


class Rig:
    """A source that gives an answer a second; ``feed`` says why it is refused or doubted, None where it is good."""

    def __init__(self, quantity: str = "temperature", limits: Limits | None = None, step: int = 1) -> None:
        self.limits = limits or RULES.of[quantity]
        self.trace = Trace("probe", quantity)
        self.now_us, self.seq, self.step = 1_000 * S, 0, step
        self.refused = False

    def feed(self, value: int, after_s: float = 1.0, cause: int | None = None, age_us: int = 0) -> MissingReason | None:
        """The next answer."""
        self.now_us += round(after_s * S)
        self.seq += 1
        return self.ask(RawReading(value, age_us, self.seq, "probe", self.limits.quantity, step=self.step), cause)

    def ask(self, raw: Raw, cause: int | None = None) -> MissingReason | None:
        """This answer, new or not."""
        traces = [self.trace]
        [(_, refused, doubt)] = hear((raw,), traces, self.now_us, self.limits, cause)
        [self.trace] = traces
        assert refused is None or doubt is None
        self.refused = refused is not None
        return refused or doubt

    def feed_all(self, values: list[int], after_s: float = 1.0) -> list[MissingReason | None]:
        """Many answers."""
        return [self.feed(value, after_s) for value in values]
