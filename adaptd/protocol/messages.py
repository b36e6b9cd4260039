"""The words between the daemon and its worker. Frames never cross; every number is an integer with its unit in the name.

Times named ``at_us`` are CLOCK_MONOTONIC, which every process of one machine shares.
"""

from dataclasses import dataclass, replace

from adaptd.vocabulary import Served, Shadow, Stretch


@dataclass(frozen=True, slots=True)
class Camera:
    """One of several sources: its name, and what ``--source`` says of it."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Daemon to worker, once: what to serve. ``variants[0]`` is the reference, ``safe_mfps`` the rate it falls back to.

    ``start_mfps`` is the rate it starts at where that is not the safe one; it holds for START_LEASE_US unless renewed.
    ``spinning`` None leaves the choice to the worker: it spins only where the rate leaves no idle time.
    ``source_mfps`` overrides the source's own rate where that is a matter of choice (folders, files).
    ``digest`` is that of the manifest the daemon has checked: another bundle put in its place since is refused.
    ``first_frame`` is for a restart: numbering goes on.
    ``touch_us`` is how often every engine is exercised, serving or not; 0 never, to measure what that is good for.
    ``preview`` lets whoever may read results see the newest picture too, at ``preview.sock`` beside them.
    ``miss_weight_ppm`` is how much of an added box's cost one missed box has in a detector's loss.
    ``cameras`` are the sources where they have names; each is served at the rate that is set, and ``source`` is not used.
    """

    bundle: str
    backend: str
    variants: tuple[str, ...]
    source: str
    safe_mfps: int
    deadline_us: int
    threads: int = 0
    spinning: bool | None = None
    results: str = ""
    source_mfps: int | None = None
    quarantined: tuple[str, ...] = ()
    memory_limit_mb: int | None = None
    report_us: int = 200_000
    orphan_us: int = 30_000_000
    start_mfps: int | None = None
    first_frame: int = 0
    digest: str | None = None
    touch_us: int = 20_000_000
    preview: bool = False
    miss_weight_ppm: int = 1_000_000
    cameras: tuple[Camera, ...] = ()

    @property
    def streams(self) -> tuple[Camera, ...]:
        """Every source; the name is empty where there is one without."""
        return self.cameras or (Camera("", self.source),)

    def on(self, engines: "Begin | MoveOver", quarantined: tuple[str, ...] = ()) -> "Begin":
        """The same on other engines."""
        on = {name: getattr(engines, name) for name in ("bundle", "backend", "variants", "digest")}
        return replace(self, **on, quarantined=quarantined)


@dataclass(frozen=True, slots=True)
class MoveOver:
    """Daemon to worker: make these engines ready beside those that serve, then go on with them between two frames.

    As in ``Begin``, of the same model. ``Hello`` and ``Moved`` follow, or a ``move_over`` fault and nothing changes.
    """

    bundle: str
    backend: str
    variants: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Worker to daemon: every frame after ``frame`` runs on the reference of another backend, made ready in ``ready_us``."""

    old: str
    new: str
    frame: int
    ready_us: int
    at_us: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Daemon to worker: finish the frame in flight and end."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Worker to daemon: every library is loaded, ``Begin`` can come."""

    pid: int
    at_us: int


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """One engine as it really is: the precision it computes in, what it holds, and its undisturbed latency when warmed up.

    ``fingerprint`` is the sha256 of its answer to the fixed probe, empty where it is not warm; ``answers`` are the reference's to
    several probes, packed as ``config.engine_answers`` does.
    """

    name: str
    precision: str
    memory_mb: int
    warm: bool
    latency_us: int
    fingerprint: str = ""
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Hello:
    """Worker to daemon, once warm: what is served, and how long the start took."""

    pid: int
    backend: str
    engines: tuple[EngineInfo, ...]
    source: str
    source_mfps: int | None
    spinning: bool
    start_us: int
    at_us: int


@dataclass(frozen=True, slots=True)
class Applied:
    """Worker to daemon: setpoint ``seq`` holds from the next frame on, ``latency_us`` after it was received."""

    seq: int
    variant: str
    fps_mfps: int
    latency_us: int
    at_us: int


@dataclass(frozen=True, slots=True)
class Swapped:
    """Worker to daemon: every frame after ``frame`` runs on ``new``. ``reason`` is setpoint, lease, orphan, engine or slow."""

    seq: int
    old: str
    new: str
    reason: str
    frame: int
    latency_us: int
    at_us: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Worker to daemon: something is wrong, in one line. After a ``fatal`` one the worker ends by itself."""

    kind: str
    text: str
    at_us: int
    variant: str = ""
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """Cheap statistics of one frame's luma on a coarse grid, gamma-coded as the camera gave it.

    ``mean_ppm`` and ``spread_ppm`` (standard deviation) are shares of full scale; ``dark_ppm`` and ``clipped_ppm`` the share of
    samples at the black and the white end. Exposure and gain (in the driver's own steps) are the camera's, where it tells them;
    ``exposure_still``: it is automatic, and what the camera tells has not moved since it was opened.
    """

    frame: int
    at_us: int
    mean_ppm: int
    spread_ppm: int
    dark_ppm: int
    clipped_ppm: int
    exposure_us: int | None = None
    gain_raw: int | None = None
    exposure_still: bool = False


@dataclass(frozen=True, slots=True)
class LastResult:
    """The newest result, for status and the web page."""

    frame: int
    label: str
    score_ppm: int
    latency_us: int
    variant: str
    at_us: int


@dataclass(frozen=True, slots=True)
class Apart:
    """Objects on frames run on both engines in ``band``: those of the reference that ``variant`` missed, and those it added.

    For a detector of defects a missed object is a defect that goes through, an added one a good part that is rejected.
    """

    band: str
    variant: str
    missed: int
    added: int


@dataclass(frozen=True, slots=True)
class CameraReport:
    """One camera by name: as in ``WorkerReport``, of it alone.

    Its frames are counted in the stretches of its own cells: behind the light band of those stands ``cell``.
    """

    name: str
    cell: str
    dropped: int
    source_mfps: int | None = None
    source_ok: bool = True
    source_state: str = "ok"
    bad_frames: int = 0
    picture: Picture | None = None
    result: LastResult | None = None


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """Worker to daemon, at a steady beat: what happened since the last report, and where the worker is now.

    ``busy_us`` is how long the frame in flight has been worked on, 0 between frames: a beat that goes on while ``busy_us``
    grows is a hung engine. ``quarantined`` engines are broken, ``slow`` ones set aside for a while. ``swaps`` and ``lost``
    (messages that could not be sent) count from the start of the worker. ``source_ok`` is False where the source hangs in its
    driver, so that only the end of the process can free it. ``source_state`` is no_source while no frame comes;
    ``bad_frames`` counts those that could not be used, since the start of the worker. Of several cameras (``cameras``) the whole
    is: frames summed, the quickest rate, ``no_source`` where none of them gives frames, ``picture`` the darkest one.
    ``tested`` are shadow frames on engines at rest, with what each would have taken had that engine served it.
    """

    at_us: int
    seq: int
    variant: str
    fps_mfps: int
    frame: int
    busy_us: int
    swaps: int
    lost: int
    delivered: int
    missed: int
    dropped: int
    shadow_frames: int
    served: tuple[Served, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    apart: tuple[Apart, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    quarantined: tuple[str, ...] = ()
    slow: tuple[str, ...] = ()
    source_mfps: int | None = None
    source_ok: bool = True
    source_state: str = "ok"
    bad_frames: int = 0
    picture: Picture | None = None
    result: LastResult | None = None
    cameras: tuple[CameraReport, ...] = ()
    tested: tuple[Served, ...] = ()


@dataclass(frozen=True, slots=True)
class Garbled:
    """A line that is no message; ``text`` says why. Made by the receiver, never sent."""

    text: str


ToDaemon = Waiting | Hello | Applied | Swapped | Moved | Fault | WorkerReport
