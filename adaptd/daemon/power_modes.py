"""The daemon's hand on the board's power mode: it looks, it switches when a decision says so, and it reads back what came of it.

Looking and switching happen in a thread of their own, since nvpmodel may take seconds or wait for an answer that nobody gives.
The control loop sees the newest look. A switch that fails is a typed reason in every later look, and a record.
"""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from adaptd.config.nvpmodel import declared_modes, mode_refusals
from adaptd.config.profile import HardwareProfile
from adaptd.sense.nvpmodel import Nvpmodel
from adaptd.sense.sysfs import Sysfs
from adaptd.vocabulary import MODE_FAULT_WORDS, ModeFault, ModeFigures, PowerMode, Snapshot

EVERY_S = 5.0
COMMAND_S = 15.0
Happened = Callable[[str, str], None]
Note = Callable[[str, dict[str, Any]], None]


class PowerModes:
    """One board. ``happened`` is told (kind, words) of every switch and every failure, on the control thread: see ``poll``.

    ``command`` is nvpmodel, with what it needs before ``-m ID``.
    """

    def __init__(
        self, board: Nvpmodel | None = None, command: tuple[str, ...] = (), *, threaded: bool = True, limit_s: float = COMMAND_S
    ) -> None:
        self._board = board or Nvpmodel(Sysfs(Path(os.devnull)))  # a board without modes
        self._command, self._threaded, self._limit_s = command, threaded, limit_s
        self._seen = self._board.read()
        self._at_start = None if self._seen is None else self._seen.name
        self._fault: ModeFault | None = None
        self._asked = self._wanted = ""
        self._orders: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look now and then, where there is something to look at."""
        if self._seen is not None and self._threaded:
            self._thread = threading.Thread(target=self._work, name="power-modes", daemon=True)
            self._thread.start()

    def on(self, snapshot: Snapshot, figures: tuple[ModeFigures, ...]) -> Snapshot:
        """The snapshot with the mode in force in it, where figures tell modes apart."""
        seen = self.seen() if figures else None
        return snapshot if seen is None else replace(snapshot, power_mode=seen)

    def seen(self) -> PowerMode | None:
        """The newest look, with the fault that ended switching; None where the board has no modes."""
        seen = self._seen
        return seen if seen is None or self._fault is None else replace(seen, fault=self._fault, open=())

    def ask(self, wanted: str | None, note: Note) -> None:
        """The mode that the last decision wants. A new one is switched to, once, after that is durably on record."""
        if wanted is None or self._seen is None or self._fault is not None or wanted in (self._asked, self._seen.name):
            return
        self._asked = wanted
        note("power_mode", {"event": "asked", "mode": wanted, "before": self._seen.name})
        self._orders.put(wanted)
        if not self._threaded:
            self.work_once(0.0)

    def poll(self, happened: Happened) -> None:
        """Hand over what came of switches since the last call."""
        for _ in range(self._told.qsize()):
            happened(*self._told.get())

    def lift(self) -> None:
        """A person has looked and reloaded the policy: switching is allowed again."""
        self._fault, self._asked = None, ""

    def stop(self) -> None:
        """Put the mode back that was found at the start, unless somebody else has set the one in force; within a second or so."""
        ours = self._seen is not None and self._seen.name == self._asked and self._fault is None
        if ours and self._at_start not in (None, self._asked):
            self._switch(str(self._at_start), limit_s=1.0)
        if self._thread is not None:
            self._orders.put(None)

    def refusals(self, text: str, name: str, modes: tuple[str, ...]) -> list[str]:
        """Why this board cannot do a policy's ``modes``, a line each; for a board that says what it has."""
        here = self._board.here()
        if self._board.declared is None or here is None:
            return []
        return mode_refusals(text, name, modes, declared_modes(self._board.declared, here.number), "this board")

    def words(self, figures: tuple[ModeFigures, ...], modes: tuple[str, ...]) -> str:
        """One line for people: the mode, who may switch it, and whether the engines' figures hold in it. Empty without modes."""
        seen = self.seen()
        if seen is None:
            return ""
        memory = f", memory clock at most {seen.memory_khz // 1000} MHz" if seen.memory_khz else ""
        return f"{seen.name}{memory}; {_standing(seen, figures)}; {_switching(seen, figures, modes)}"

    def document(self, figures: tuple[ModeFigures, ...], modes: tuple[str, ...]) -> dict[str, Any]:
        """The key ``power_mode`` of the status; None under it where the board has no modes."""
        seen = self.seen()
        if seen is None:
            return {"power_mode": None}
        fault = None if seen.fault is None else seen.fault.value
        known = {"open": [name for name, _ in seen.open], "fault": fault, "words": self.words(figures, modes)}
        return {"power_mode": {"name": seen.name, "memory_khz": seen.memory_khz, **known}}

    def _work(self) -> None:
        while self.work_once(EVERY_S):
            pass

    def work_once(self, wait_s: float) -> bool:
        """Wait for an order and carry it out, or look; False once it is time to end."""
        order: str | None = ""
        with suppress(queue.Empty):
            order = self._orders.get(timeout=wait_s) if wait_s else self._orders.get_nowait()
        if order is None:
            return False
        if order:
            self._obey(order)
        self._seen = self._board.read()
        return True

    def _obey(self, name: str) -> None:
        fault = self._switch(name, limit_s=self._limit_s)
        seen = self._board.read()
        if fault is None and (seen is None or seen.name != name):
            fault = ModeFault.NOT_TAKEN
        if fault is None:
            self._told.put(("power_mode", f"power mode {name} in force, read back"))
            return
        self._fault = fault
        remedy = "nobody switches until a person has looked and reloads the policy"
        self._told.put((f"power_mode_{fault.value}", f"power mode {name}: {MODE_FAULT_WORDS[fault]}; {remedy}"))

    def _switch(self, name: str, limit_s: float) -> ModeFault | None:
        modes = self._board.declared
        declared = None if modes is None else modes.by_name(name)
        if declared is None:
            return ModeFault.COMMAND_FAILED
        try:
            words = (*self._command, "-m", str(declared.number))
            done = subprocess.run(  # noqa: S603 - the command of the installation, and a number
                words, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False
            )
        except subprocess.TimeoutExpired:
            return ModeFault.NO_ANSWER
        except OSError:
            return ModeFault.COMMAND_FAILED
        return None if done.returncode == 0 else ModeFault.COMMAND_FAILED


def modes_of(root: Path) -> PowerModes:
    """The modes of the machine below ``root``. The real command acts on this machine alone: a captured tree has the stand-in."""
    real = root.resolve() == Path("/")
    command = ("nvpmodel",) if real else (sys.executable, "-m", "adaptd.twin.nvpmodel", "--root", str(root))
    return PowerModes(Nvpmodel(Sysfs(root)), command)


def not_there(root: Path, modes: tuple[str, ...], text: str, name: str, profile: HardwareProfile) -> str:
    """Why the ``modes`` of the policy in ``text`` cannot be on this machine, with file, line and remedy; empty where they can.

    The board's own file speaks, and where there is none, the profile.
    """
    board = Nvpmodel(Sysfs(root))
    if board.broken:
        return f"{board.broken}; mend it, or remove `modes` from {name}"
    here = board.here()
    own = board.declared is not None and here is not None
    known = declared_modes(board.declared, here.number) if board.declared and here else dict(profile.power_modes)
    bad = mode_refusals(text, name, modes, known, "this board" if own else profile.name)
    return bad[0] if bad else ""


def _standing(seen: PowerMode, figures: tuple[ModeFigures, ...]) -> str:
    if not figures:
        return "the bundle does not say in which mode it was qualified"
    if any((one.mode, one.memory_khz) == (seen.name, seen.memory_khz) for one in figures):
        return "the engines were qualified in it"
    there = ", ".join(sorted({one.mode for one in figures}))
    return (
        f"the engines were qualified in {there}, so the reference serves alone: set that mode, or in this one "
        "adaptd engine qualify BUNDLE --data DIR"
    )


def _switching(seen: PowerMode, figures: tuple[ModeFigures, ...], modes: tuple[str, ...]) -> str:
    if seen.fault is not None:
        return f"nobody switches it ({MODE_FAULT_WORDS[seen.fault]})"
    if not modes or not figures:
        return f"adaptd does not switch it (no {'figures of modes' if modes else 'modes in the policy'})"
    may = [name for name, _ in seen.open if name in modes]
    return f"adaptd may switch to {', '.join(may)}" if may else "adaptd may not switch it (no right to, or nothing to switch to)"
