"""Pictures of the page and of `adaptd top` for README and docs, taken from a real run: `tools/take_pictures.py [SECONDS]`.

Runs the rendered day of `adaptd feeder`, so that the page has the feeder's tab, then the shipped model on the shipped clip for
some minutes; looks at the page with headless Chromium as a person would, on a desk and on a phone, and draws `adaptd top` from
the same run at 80 by 24.
"""

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from adaptd.cli.top_panes import Trail  # noqa: E402 - the repository's own, wherever this is called from
from adaptd.cli.top_view import view  # noqa: E402
from adaptd.client import get_json  # noqa: E402
from tests.faults.service import Service  # noqa: E402
from tests.gateway.browser import Browser  # noqa: E402
from tests.gateway.rig import Gateway  # noqa: E402
from tools.take_feeder_pictures import adaptd  # noqa: E402

ALIVE = "!document.body.classList.contains('away') && document.querySelectorAll('#charts canvas').length === 4"
DOCS = ROOT / "docs"


def main() -> int:
    """Run, wait until there is something to see, and take the pictures."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 240
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place) / "kitchen"
        folder.mkdir()
        state = folder / "state"
        adaptd("feeder", "run", "--rendered-day", "--fast", "--db", folder / "feeder.sqlite3", "--state", state)
        service = Service(folder, tick="1s")
        service.serving()
        gateway = Gateway(folder, service.socket, "--box", "kitchen", "--state", state)
        trail = Trail()
        try:
            print(f"running for {seconds} s, so that there is something to see", file=sys.stderr)
            for _ in range(seconds):
                trail.add(get_json(service.socket, "/v1/status"))
                time.sleep(1)
            browser = Browser(folder / "browser")
            try:
                _page(browser, gateway)
                _terminal(browser, trail, service, folder)
            finally:
                browser.close()
        finally:
            gateway.end()
            service.end()
    return 0


def _page(browser: Browser, gateway: Gateway) -> None:
    """The page on a desk by day and on a phone by night."""
    browser.open(gateway.url, 1400, 1000)
    browser.until(ALIVE)
    time.sleep(2)
    browser.picture(DOCS / "page.png", scale=0.75)
    browser.look(380, 800, dark=True)
    time.sleep(2)
    browser.picture(DOCS / "page-phone.png", height=1500)


def _terminal(browser: Browser, trail: Trail, service: Service, folder: Path) -> None:
    """`adaptd top` as a terminal of 80 by 24 draws it."""
    console = Console(width=80, height=24, record=True, force_terminal=True, file=(folder / "top.txt").open("w"))
    console.print(view(get_json(service.socket, "/v1/status"), "", trail, "why", (80, 24)))
    drawing = folder / "top.svg"
    # Without rich's link to a web font: the machine's own monospaced one will do, and no host is asked.
    text = console.export_svg(title="adaptd top")
    drawing.write_text("\n".join(line for line in text.splitlines() if "cdnjs" not in line))
    browser.open(drawing.as_uri(), 1000, 640)
    time.sleep(1)
    browser.picture(DOCS / "top.png", height=640, scale=0.85)


if __name__ == "__main__":
    sys.exit(main())
