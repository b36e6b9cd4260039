"""Brains of one's own for the replay: the real one with one thing changed."""

from collections.abc import Callable
from typing import Any

from adaptd.brain import tick
from adaptd.config.policy import Policy
from adaptd.config.profile import HardwareProfile
from adaptd.log.verify.replay import Mind
from adaptd.vocabulary import VariantFacts


class Changed:
    """The brain of a configuration, with other functions in the place of some of its own."""

    def __init__(self, brain: tick.Brain, functions: dict[str, Any]) -> None:
        self.brain, self._functions = brain, functions

    def __getattr__(self, name: str) -> Any:
        return self._functions.get(name) or getattr(self.brain, name)


def mind(**functions: Callable[..., Any] | type) -> Mind:
    """What makes such brains: ``step``, ``start``, ``adopt``, ``resume`` or ``state_type`` replace the real ones."""

    def make(policy: Policy, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Changed:
        return Changed(tick.Brain(policy, profile, facts), functions)

    return make
