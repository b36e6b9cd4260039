"""TensorRT plans built beside the service: ONNX Runtime serves at once, and a process of its own builds for this GPU meanwhile.

They are built in a copy of the bundle: the one that serves must stay what it was when it was checked. Then the worker moves over
to them (``moving.py``). A plan that nobody has qualified proves nothing, so the command that qualifies it is told.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

COMMAND = (sys.executable, "-m", "adaptd", "engine", "build")
SAID_EVERY_US = 10_000_000
MOST_BYTES = 4096


class PlansBeside:
    """One build, polled by the control loop and never waited for. ``tell`` puts each line on the terminal and on record.

    ``places`` are the bundle and the copy to build in; None where nothing is to be built. ``done`` is called once they are there.
    """

    def __init__(
        self,
        places: tuple[Path, Path] | None,
        tell: Callable[[str, str], None],
        command: Sequence[str] = COMMAND,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self.bundle, self.target = places or (Path(), Path("none"))
        self._tell, self._done = tell, done
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._began_us = self._said_us = 0
        self._errors = self.target.with_suffix(".build.txt")

    def start(self, now_us: int) -> None:
        """Copy the bundle and begin; where that cannot be done it is told, and the service goes on."""
        self._began_us = self._said_us = now_us
        try:
            shutil.rmtree(self.target, ignore_errors=True)
            shutil.copytree(self.bundle, self.target)
            with self._errors.open("wb") as errors:
                words = ["nice", "-n", "10", *self._command] if shutil.which("nice") else [*self._command]
                self._process = subprocess.Popen(  # noqa: S603 - this interpreter and this package
                    [*words, str(self.target), "--backend", "tensorrt"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                )
        except OSError as error:
            self._tell("plans_failed", f"no TensorRT plans are built ({error.strerror}); ONNX Runtime serves on")
            return
        self._tell(
            "plans_building", f"this machine has TensorRT and no plan yet: ONNX Runtime serves, plans are built in {self.target}"
        )

    def poll(self, now_us: int) -> None:
        """Look once: a line every ten seconds while it builds, and one when it is over."""
        if self._process is None:
            return
        code = self._process.poll()
        seconds = (now_us - self._began_us) // 1_000_000
        if code is None:
            if now_us - self._said_us >= SAID_EVERY_US:
                self._said_us = now_us
                self._tell("plans_building", f"building TensorRT plans beside, {seconds} s so far")
            return
        self._process = None
        if code == 0:
            qualify = f"adaptd engine qualify {self.target} --data DIR --backend tensorrt"
            told = f"TensorRT plans built in {seconds} s, the worker moves over to them"
            self._tell("plans_built", f"{told}; to have their INT8 proven from the first frame: {qualify}")
            self._done()
        else:
            self._tell("plans_failed", f"TensorRT plans cannot be built: {self._last_line()}; ONNX Runtime serves on")

    def stop(self) -> None:
        """End a build that is under way."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(1)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _last_line(self) -> str:
        try:
            lines = self._errors.read_bytes()[-MOST_BYTES:].decode("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1][:200] if lines else "no reason given"
