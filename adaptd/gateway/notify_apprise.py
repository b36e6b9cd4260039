"""apprise behind one function a URL. Imported only in the process that sends: it costs 39 MB and half a second."""

import tempfile
from collections.abc import Callable

from adaptd.gateway.notify_text import Text
from adaptd.gateway.secret_file import SettingsError


def sender_of(url: str, place: str) -> tuple[Callable[[Text, bytes | None], bool], str]:
    """``send(text, picture)``, which says whether the service took it, and the address as it may be shown.

    Raises:
        SettingsError: apprise is not installed, or knows no such URL; ``place`` is named instead of the URL.
    """
    try:
        import apprise
    except ImportError:
        raise SettingsError("notifications need apprise, run: pip install 'adaptd[notify]'") from None
    asset = apprise.AppriseAsset(app_id="adaptd", app_desc="adaptd", async_mode=False)
    one = apprise.Apprise(asset=asset)
    if not one.add(url):
        raise SettingsError(f"{place}: apprise knows no such address, see its list of services")

    def send(text: Text, picture: bytes | None) -> bool:
        if picture is None:
            return bool(one.notify(body=text.body, title=text.title, body_format=apprise.NotifyFormat.TEXT))
        with tempfile.NamedTemporaryFile(suffix=".jpg", prefix="adaptd-") as file:
            file.write(picture)
            file.flush()
            return bool(one.notify(body=text.body, title=text.title, body_format=apprise.NotifyFormat.TEXT, attach=file.name))

    return send, f"{place} ({url.partition('://')[0]})"
