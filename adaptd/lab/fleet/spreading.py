"""Who carries out many like tasks: processes on this machine (the default), or Ray, on one machine or many.

Both take the same words and answer in the order of the items, so that where a sweep ran cannot be told from its numbers. Ray is
imported only where it is asked for; its usage statistics are off.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adaptd.lab.bench import Progress, cores
from adaptd.lab.bench import spread as over_processes

CHUNKS_A_CORE = 8
ROOT = Path(__file__).resolve().parents[3]


class SpreadError(Exception):
    """The work cannot be given out. ``str(error)`` is one line with the remedy."""


# ``task`` of every item, in order.
Spread = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]], int | None, Progress | None], list[Any]]
local: Spread = over_processes  # of this machine, one a core where nothing is said


class OnRay:
    """Over a Ray cluster: ``address`` as Ray takes it (``auto``, ``ray://HOST:10001``), empty for one on this machine.

    Raises:
        SpreadError: Ray is not installed, or the cluster does not answer.
    """

    def __init__(self, address: str = "", jobs: int | None = None) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_worker_niceness", "0")  # its own default, 15, starves beside local processes
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray
        except ImportError:
            raise SpreadError("ray is not installed: pip install 'adaptd[fleet]', or leave out --ray") from None
        self._ray: Any = ray
        here = {} if address else {"num_cpus": jobs or cores(), "include_dashboard": False}
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        try:
            ray.init(
                address=address or "local",
                log_to_driver=False,
                logging_level="ERROR",
                runtime_env={"env_vars": {"PYTHONPATH": path, "ORT_DISABLE_TELEMETRY": "1"}},
                **here,
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise SpreadError(f"no Ray cluster at {address or 'this machine'}: {str(error).splitlines()[0][:120]}") from None
        self._slots = max(1, int(ray.cluster_resources().get("CPU", 1)))

    def __call__(
        self, task: Callable[..., Any], items: Sequence[tuple[Any, ...]], jobs: int | None, progress: Progress | None
    ) -> list[Any]:
        """The answers, in order; several items go together so that Ray's own cost a task does not count."""
        ray = self._ray
        many = max(1, len(items) // (CHUNKS_A_CORE * self._slots))
        chunks = [list(items[at : at + many]) for at in range(0, len(items), many)]
        remote = ray.remote(_chunk)
        waiting = [remote.remote(task, chunk) for chunk in chunks]
        left, done = list(waiting), 0
        while left:
            ready, left = ray.wait(left, num_returns=1)
            done += len(ready)
            if progress is not None:
                progress(min(len(items), done * many), len(items))
        return [answer for part in ray.get(waiting) for answer in part]

    def close(self) -> None:
        """Let go of the cluster; one that was started here ends."""
        self._ray.shutdown()


def _chunk(task: Callable[..., Any], items: list[tuple[Any, ...]]) -> list[Any]:
    return [task(*item) for item in items]
