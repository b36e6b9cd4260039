"""Headless Chromium driven over its own pipe: pages opened, values read, pictures taken, and every complaint collected."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --remote-debugging-pipe about:blank"
).split()
PATIENCE_S = 40.0


class Browser:
    """One tab. ``complaints`` are console errors, exceptions and refused loads; ``hosts`` are all hosts it asked."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None
        (child_in, self._out), (self._in, child_out) = os.pipe(), os.pipe()
        script = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        words = ["bash", "-c", script, "x", str(child_in), str(child_out), CHROMIUM, f"--user-data-dir={folder}", *FLAGS]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            words, pass_fds=(child_in, child_out), stdout=quiet, stderr=quiet, start_new_session=True
        )
        os.close(child_in)
        os.close(child_out)
        self._buffer, self._number = b"", 0
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self._session = ""
        tabs = self.do("Target.getTargets")["targetInfos"]
        tab = next(one["targetId"] for one in tabs if one["type"] == "page")
        self._session = self.do("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **words: Any) -> dict[str, Any]:
        """One command and its answer; what happens meanwhile is noted."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": words}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self._note(answer)

    def open(self, url: str, width: int = 1400, height: int = 1000, *, dark: bool = False) -> None:
        """Show ``url`` in a window of this size."""
        self.look(width, height, dark=dark)
        self.do("Page.navigate", url=url)
        self.until("location.href !== 'about:blank' && document.readyState === 'complete'")

    def leave(self) -> None:
        """Show nothing."""
        self.do("Page.navigate", url="about:blank")
        self.until("location.href === 'about:blank'")

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """Change size and colour scheme."""
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])

    def value(self, script: str) -> Any:
        """What a script evaluates to in the page."""
        found = self.do("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str, patience_s: float = PATIENCE_S) -> Any:
        """Wait until a script is true in the page; its value."""
        ends = time.monotonic() + patience_s
        while time.monotonic() < ends:
            found = self.value(script)
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(
            f"never true: {script}; complaints: {self.complaints}; page: {self.value('document.body.innerText')[:800]}"
        )

    def picture(self, path: Path, height: int | None = None, scale: float = 1) -> None:
        """The whole page as PNG, or what stands above ``height``; smaller where ``scale`` is."""
        width, whole = self.value("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height or whole, "scale": scale}
        shot = self.do("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser and all it started."""
        self._session = ""
        try:
            self.do("Browser.close")
            self._process.wait(10)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            os.killpg(self._process.pid, 9)
            self._process.wait()
        os.close(self._out)
        os.close(self._in)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            piece = os.read(self._in, 1 << 16)
            if not piece:
                raise OSError("the browser has ended")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(line))

    def _note(self, event: dict[str, Any]) -> None:
        words = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(words["exceptionDetails"])[:500])
        elif event.get("method") == "Runtime.consoleAPICalled" and words["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(words["args"])[:500])
        elif event.get("method") == "Log.entryAdded" and words["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{words['entry'].get('url', '')} {words['entry']['text']}")
        elif event.get("method") == "Network.requestWillBeSent":
            self.hosts.add(words["request"]["url"].partition("//")[2].partition("/")[0])
