"""The sources of one worker, one or several cameras, as the frame loop and the link want them."""

from dataclasses import replace
from functools import partial

from adaptd.base.clock import SystemClock
from adaptd.protocol.messages import Begin, Camera, CameraReport, Fault
from adaptd.worker.grabber import Grabber
from adaptd.worker.latest_frame import LatestFrame
from adaptd.worker.link import Speaker
from adaptd.worker.pacing import Pacer
from adaptd.worker.seen import Seen, as_message
from adaptd.worker.shared_slot import SharedSlot
from adaptd.worker.sources.choose import source_of


class Grabbers:
    """One grabber a camera, all at one rate. Faults of a camera with a name begin with it."""

    def __init__(self, begin: Begin, clock: SystemClock, speaker: Speaker) -> None:
        self._clock = clock
        self._speaker = speaker
        self.names = tuple(camera.name for camera in begin.streams)
        named = self.names != ("",)
        self.slot: LatestFrame | SharedSlot = SharedSlot(self.names, begin.first_frame) if named else LatestFrame()
        self.all = [self._grabber(begin, camera, at) for at, camera in enumerate(begin.streams)]
        self._dropped = [0] * len(self.all)

    def _grabber(self, begin: Begin, camera: Camera, at: int) -> Grabber:
        put = partial(self.slot.put, camera=at) if isinstance(self.slot, SharedSlot) else self.slot.put
        source = source_of(camera.source, self._clock, begin.source_mfps)

        def tell(fault: Fault) -> None:
            self._speaker.tell(replace(fault, text=f"{camera.name}: {fault.text}") if camera.name else fault)

        return Grabber(source, put, self._clock, Pacer(0, self._clock.now_us()), tell, first_frame=begin.first_frame)

    def set_rate(self, rate_mfps: int) -> None:
        """Serve every camera at another rate from its next frame on."""
        for grabber in self.all:
            grabber.set_rate(rate_mfps)

    def next_us(self) -> int | None:
        """When the next frame of any camera is due; None while none is."""
        due = [at for at in [grabber.next_us() for grabber in self.all] if at is not None]
        return min(due, default=None)

    def watch(self, now_us: int) -> bool:
        """Look after every source; True where one has failed for good."""
        for grabber in self.all:
            grabber.watch(now_us)
        return any(grabber.failed for grabber in self.all)

    @property
    def mfps(self) -> int | None:
        """The quickest camera's rate: a slower one gives what it has."""
        return max([grabber.mfps for grabber in self.all if grabber.mfps], default=None)

    def ok(self, now_us: int) -> bool:
        """False where every source hangs in its driver. One of several that hangs must not cost the others their service."""
        return not all(grabber.stuck(now_us) for grabber in self.all)

    @property
    def state(self) -> str:
        """``no_source`` while no camera gives a frame."""
        return "ok" if any(grabber.state == "ok" for grabber in self.all) else "no_source"

    @property
    def bad(self) -> int:
        """Frames that could not be used, of all cameras."""
        return sum(grabber.bad for grabber in self.all)

    def dropped(self) -> list[int]:
        """Frames that gave way to a newer one, of each camera, since the last call."""
        totals = [*self.slot.dropped_of] if isinstance(self.slot, SharedSlot) else [self.slot.dropped]
        since = [total - before for total, before in zip(totals, self._dropped, strict=True)]
        self._dropped = totals
        return since

    def reports(self, seen: Seen, dropped: list[int], now_us: int) -> tuple[CameraReport, ...]:
        """What is told of each camera; nothing where one without a name is served."""
        if self.names == ("",):
            return ()
        return tuple(
            CameraReport(
                name=name,
                cell=seen.cells[at],
                dropped=dropped[at],
                source_mfps=grabber.mfps,
                source_ok=not grabber.stuck(now_us),
                source_state=grabber.state,
                bad_frames=grabber.bad,
                picture=seen.pictures[at],
                result=as_message(seen.results[at]),
            )
            for at, (name, grabber) in enumerate(zip(self.names, self.all, strict=True))
        )
