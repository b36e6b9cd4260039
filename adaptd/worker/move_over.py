"""Moving over to engines of another backend inside the run.

They are made ready on a thread of their own while the old ones serve, and between two frames that thread takes the frames
over. It has to be another thread: what belongs to a GPU belongs to one.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from adaptd.base.clock import SystemClock
from adaptd.config.errors import ConfigError
from adaptd.engine.bundle import Bundle
from adaptd.engine.errors import EngineError
from adaptd.engine.pool import WarmPool
from adaptd.protocol.messages import Begin, Fault, Moved, MoveOver, ToDaemon
from adaptd.worker import lease as leases
from adaptd.worker.link import Link, Speaker
from adaptd.worker.loop import MOVED, FrameLoop

JOIN_S = 1.0

PoolMaker = Callable[[Begin, Bundle, bool], WarmPool]
Normal = Callable[[WarmPool], dict[str, int]]
Greeting = Callable[[Begin, WarmPool, dict[str, int], int], list[ToDaemon]]


class Stage:
    """Runs one frame loop after the other. ``normal`` measures warm engines, ``greeting`` is what the daemon is told of them."""

    def __init__(
        self,
        begin: Begin,
        pool: WarmPool,
        loop: FrameLoop,
        clock: SystemClock,
        speaker: Speaker,
        make_pool: PoolMaker,
        normal: Normal,
        greeting: Greeting,
    ) -> None:
        self.begin, self._pool, self.loop, self.clock, self.speaker = begin, pool, loop, clock, speaker
        self.make_pool, self.normal, self.greeting = make_pool, normal, greeting
        self._next: _Successor | None = None
        self.link: Link | None = None

    def ask(self, order: MoveOver) -> None:
        """Begin to make the new engines ready; one at a time. Called from the link's thread."""
        if self._next is None or self._next.ended.is_set():
            self._next = _Successor(self, order)
            self._next.start()

    def run(self) -> int:
        """Serve until stopped, on whichever engines are in charge; the exit code."""
        code = self.loop.run()
        while code == MOVED and self._next is not None:
            successor = self._next
            successor.turn.set()
            self._pool.close()
            code = successor.served()
        return code

    def stop(self) -> None:
        """Nothing more is taken over; a successor that is being made gives its engines back."""
        if self._next is not None:
            self._next.give_up()
            self._next.join(JOIN_S)


class _Successor(threading.Thread):
    """The thread of the new engines: makes them ready, waits for its turn, serves, and gives them back."""

    def __init__(self, stage: Stage, order: MoveOver) -> None:
        super().__init__(name="engines", daemon=True)
        self._stage, self._order = stage, order
        self.turn, self.ended = threading.Event(), threading.Event()  # ended: it has given its engines back, or never had any
        self._given_up = False
        self._code = 0

    def run(self) -> None:
        stage, order = self._stage, self._order
        begin = stage.begin.on(order)
        pool: WarmPool | None = None
        try:
            began_us = stage.clock.now_us()
            bundle = Bundle.open(Path(begin.bundle), backend=begin.backend, digest=begin.digest, isolate=True)
            pool = stage.make_pool(begin, bundle, False)
            pool.activate()
            loop = stage.loop.successor(pool, stage.normal(pool))
            words = stage.greeting(begin, pool, loop.normal_us, stage.clock.now_us() - began_us)
            stage.loop.hand_over()
            self.turn.wait()
            if not self._given_up:
                self._serve(begin, loop, words, stage.clock.now_us() - began_us)
        except (EngineError, ConfigError, ValueError) as error:
            text = f"{begin.backend} cannot be moved to, {stage.begin.backend} serves on: {error}"
            stage.speaker.tell(Fault("move_over", text, stage.clock.now_us()))
        finally:
            if pool is not None:
                pool.close()
            self.ended.set()

    def _serve(self, begin: Begin, loop: FrameLoop, words: list[ToDaemon], ready_us: int) -> None:
        """Go on with the frame after the last one of the loop before."""
        stage, now_us, helm = self._stage, self._stage.clock.now_us(), self._stage.loop.helm
        loop.inherit(stage.loop, leases.resume(begin.variants[0], helm.lease.safe_mfps, helm.lease.point.fps_mfps, now_us))
        old, stage.begin, stage.loop = stage.begin.backend, begin, loop
        if stage.link is not None:
            stage.link.follow(loop)
        for message in (*words, Moved(old, begin.backend, loop.helm.frame, ready_us, now_us)):
            stage.speaker.tell(message)
        self._code = loop.run()

    def served(self) -> int:
        """Wait until it has served to its end; the exit code."""
        self.ended.wait()
        return self._code

    def give_up(self) -> None:
        """The run ends; where it is not its turn yet it never comes."""
        self._given_up = True
        self.turn.set()
