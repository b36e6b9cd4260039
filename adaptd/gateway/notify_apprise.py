"""apprise behind one function a URL. Imported only in the process that sends: it costs 39 MB and half a second."""

import io
import logging
import re
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager

from adaptd.gateway.notify_text import Text
from adaptd.gateway.secret_file import SettingsError

REFUSALS = {
    400: "the service finds the address wrong",
    401: "the service refuses token or password",
    403: "the service refuses token or password",
    404: "the service knows no such address",
    413: "the service finds the message too large",
    429: "the service takes no more for now",
}
NO_ANSWER = "no answer that gives a reason; look at name, port, password and network"


class Sender:
    """One address, ``shown`` as its ``place`` and service. Called with text and picture it says whether the service took them.

    Raises:
        SettingsError: apprise is not installed, or knows no such URL; ``place`` is named instead of the URL.
    """

    def __init__(self, url: str, place: str) -> None:
        try:
            import apprise
        except ImportError:
            raise SettingsError("notifications need apprise, run: pip install 'adaptd[notify]'") from None
        asset = apprise.AppriseAsset(app_id="adaptd", app_desc="adaptd", async_mode=False)
        self._one, self._plain = apprise.Apprise(asset=asset), apprise.NotifyFormat.TEXT
        if not self._one.add(url):
            raise SettingsError(f"{place}: apprise knows no such address, see its list of services")
        self._listen: Callable[[], AbstractContextManager[io.StringIO]] = lambda: apprise.LogCapture(level=logging.WARNING)
        self._wrong, self.shown = "", f"{place} ({url.partition('://')[0]})"

    def why(self) -> str:
        """What was wrong the last time; empty where the service took it."""
        return self._wrong

    def __call__(self, text: Text, picture: bytes | None) -> bool:
        with self._listen() as heard:
            took = self._send(text, picture)
            self._wrong = "" if took else reason_in(heard.getvalue())
        return took

    def _send(self, text: Text, picture: bytes | None) -> bool:
        if picture is None:
            return bool(self._one.notify(body=text.body, title=text.title, body_format=self._plain))
        with tempfile.NamedTemporaryFile(suffix=".jpg", prefix="adaptd-") as file:
            file.write(picture)
            file.flush()
            return bool(self._one.notify(body=text.body, title=text.title, body_format=self._plain, attach=file.name))


def reason_in(log: str) -> str:
    """Why a message was not taken, from the status in apprise's words; of the rest nothing, since it may hold a secret."""
    found = re.search(r"\berror=(\d{3})\b", log)
    if found is None:
        return NO_ANSWER
    status = int(found[1])
    words = REFUSALS.get(status, "the service has trouble of its own" if status >= 500 else "the service refuses")
    return f"{words} ({status})"
