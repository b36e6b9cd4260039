"""A policy read anew while the daemon runs: all of it is good, or nothing changes, and meanwhile the control loop goes on."""

import queue
import threading
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adaptd.brain import tick
from adaptd.config.errors import ConfigError
from adaptd.config.policy import Policy, parse_policy
from adaptd.config.profile import HardwareProfile
from adaptd.config.strict_yaml import read_text_at_once
from adaptd.daemon.offers import loosened, offer_words, order_of, tried
from adaptd.daemon.orders import ids
from adaptd.daemon.parts import Parts
from adaptd.log.write.recorder import Settings
from adaptd.serve.api import Change
from adaptd.serve.board import Said
from adaptd.vocabulary import VariantFacts

MOST_WAITING = 16


class ReloadError(Exception):
    """The new policy is refused; one line."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who wants which file read anew, and under what it is to run; ``change`` is the request, where it came over the socket.

    ``offered`` is a text to try in place of the file's; the file is then the measure of what it may not loosen.
    """

    who: str
    path: Path
    settings: Settings
    facts: tuple[VariantFacts, ...]
    offered: str | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """A policy's text as it was read and tried, who asked for it, and why it is refused (empty where it is good)."""

    who: str
    text: str
    refused: str
    verb: str = "reload"  # or offer: the text came from somebody else
    change: Change | None = None  # the request, where it came over the socket

    def answer(self, said: Said) -> None:
        """Tell the one who asked over the socket."""
        if self.change is not None:
            self.change.reply.give(said)


@dataclass(frozen=True, slots=True)
class Adopted:
    """The new policy, the state under it, and what the log is told of both."""

    policy: Policy
    brain: tick.Brain
    state: tick.State
    settings: Settings


class Reloads:
    """Asked for a reload, reads and tries the policy in a thread, one at a time; ``done`` hands over what came of it."""

    def __init__(self) -> None:
        self._waiting: deque[Wanted] = deque(maxlen=MOST_WAITING)
        self.offer: dict[str, Any] = {}  # for the status document: what was offered last
        self._found: queue.SimpleQueue[Tried] = queue.SimpleQueue()
        self._busy = False

    def ask(self, wanted: Wanted) -> None:
        """Begin to read and try the policy, or do so once the trial under way has ended."""
        self._waiting.append(wanted)
        self._begin()

    def done(self) -> Tried | None:
        """The outcome of a trial that has ended since the last call."""
        if self._found.empty():
            return None
        found, self._busy = self._found.get(), False
        self._begin()
        if found.verb == "offer":
            self.offer = offer_words(found.text, found.refused)
        return found

    def refused(self, new: Tried, why: str) -> None:
        """It was good by itself and cannot be taken by this run."""
        if new.verb == "offer":
            self.offer = offer_words(new.text, why)

    def _begin(self) -> None:
        if not self._busy and self._waiting:
            self._busy = True
            threading.Thread(target=self._try, args=(self._waiting.popleft(),), name="reload", daemon=True).start()

    def _try(self, wanted: Wanted) -> None:
        offered, settings = wanted.offered, wanted.settings
        text, name = offered or "", "offered policy" if offered is not None else str(wanted.path)
        try:
            own = read_text_at_once(wanted.path)
            text = own if offered is None else offered
            refused = tried(order_of(name, text, settings.profile_name, settings.profile_text, wanted.facts))
            if offered is not None and not refused:
                refused = loosened(parse_policy(own, str(wanted.path)), parse_policy(text, name))
        except (OSError, ConfigError, ValueError) as error:
            refused = str(error).splitlines()[0]
        self._found.put(Tried(wanted.who, text, refused, "reload" if offered is None else "offer", wanted.change))


def told(new: Tried) -> dict[str, Any]:
    """For the record: who asked for which policy, and why it is refused."""
    return {"by": new.who, "refused": new.refused, "verb": new.verb, **({} if new.change is None else ids(new.change))}


def adopt(new: Tried, parts: Parts, state: tick.State, profile: HardwareProfile, facts: tuple[VariantFacts, ...]) -> Adopted:
    """The policy that was tried, and the state under it.

    Raises:
        ReloadError: it cannot be read, is refused, or asks for variants that this run does not have.
    """
    if new.refused:
        raise ReloadError(new.refused)
    try:
        policy = replace(parse_policy(new.text, str(parts.policy_path)), cameras=parts.policy.cameras)
        brain = tick.Brain(policy, profile, facts, parts.settings.figures)
        adopted = brain.adopt(state)
    except (ConfigError, ValueError) as error:
        raise ReloadError(str(error).splitlines()[0]) from None
    if policy.miss_weight_ppm != parse_policy(parts.settings.policy_text).miss_weight_ppm:
        raise ReloadError(f"{parts.policy_path}: accuracy.miss_weight is not what engines are compared by, restart adaptd")
    if policy.modes and (bad := parts.modes.refusals(new.text, str(parts.policy_path), policy.modes)):
        raise ReloadError(bad[0])
    here = [fact.name for fact in facts]
    if policy.reference != here[0] or not set(policy.efficient) <= set(here):
        loaded = f"{here[0]} as reference, {', '.join(here[1:]) or 'none'} as efficient"
        raise ReloadError(
            f"{parts.policy_path}: asks for other variants than are loaded ({loaded}), restart adaptd to change them"
        )
    binding = replace(parts.settings.binding, policy=policy.sha256)
    return Adopted(
        policy, brain, adopted, replace(parts.settings, policy_name=policy.name, policy_text=new.text, binding=binding)
    )
