"""Pictures for docs/feeder.md, taken from a real run of the rendered day: `tools/take_feeder_pictures.py`.

Runs `adaptd feeder run --rendered-day --fast` with a store of its own, then looks with headless Chromium, as a person would, at
the vet's page that it makes, and at the feeder tab of a gateway that reads the same folder.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.faults.service import Service  # noqa: E402 - the repository's own, wherever this is called from
from tests.gateway.browser import Browser  # noqa: E402
from tests.gateway.rig import Gateway  # noqa: E402

DOCS = ROOT / "docs"
DRAWN = "document.querySelectorAll('#pets svg').length === 2"


def adaptd(*words: object) -> None:
    """One command, as a person types it; what it prints is passed on."""
    subprocess.run([sys.executable, "-m", "adaptd", *map(str, words)], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def main() -> int:
    """Run the day and take the pictures."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place)
        store, state, report = folder / "feeder.sqlite3", folder / "state", folder / "report.html"
        more = sys.argv[1:]
        adaptd("feeder", "run", "--rendered-day", "--fast", "--db", store, "--state", state, *more)
        adaptd("feeder", "note", "remark", "new water fountain", "--db", store)
        adaptd("feeder", "report", "--db", store, "-o", report)
        service = Service(folder, tick="1s")
        gateway = Gateway(folder, service.socket, "--box", "kitchen", "--state", state)
        browser = Browser(folder / "browser")
        try:
            service.serving()
            gateway.serving()
            _tab(browser, gateway)
            _report(browser, report)
        finally:
            browser.close()
            gateway.end()
            service.end()
    return 0


def _tab(browser: Browser, gateway: Gateway) -> None:
    """The tab on a desk by day and on a phone by night."""
    for width, dark, name in ((1100, False, "feeder-tab.png"), (380, True, "feeder-phone.png")):
        browser.open(f"{gateway.url}#feeder", width, 900, dark=dark)
        browser.until(DRAWN)
        time.sleep(1)
        browser.picture(DOCS / name, scale=0.75 if width > 600 else 1)
        browser.leave()


def _report(browser: Browser, report: Path) -> None:
    """The page for the vet."""
    browser.open(report.as_uri(), 900, 1_000)
    browser.until("document.querySelectorAll('svg').length === 2")
    browser.picture(DOCS / "feeder-report.png", scale=0.8)
    assert browser.complaints == [], browser.complaints


if __name__ == "__main__":
    raise SystemExit(main())
