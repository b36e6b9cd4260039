"""What the owner asked for: broker, credentials, certificates. Secrets come from files that only the owner can read."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from adaptd.gateway.secret_file import SettingsError, secret_lines

PORTS = {"mqtt": 1883, "mqtts": 8883}
VERSIONS = ("5", "3.1.1")


@dataclass(frozen=True, slots=True)
class Settings:
    """One broker. ``password`` is never shown; ``period_s`` is how often unchanged readings are published."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    version: str = "5"
    period_s: float = 10.0
    discovery: str = "homeassistant"

    @property
    def broker(self) -> str:
        """The broker for people, without a secret."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """The TLS context: certificates and host names are always checked; None without TLS.

        Raises:
            SettingsError: a certificate file cannot be read.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # also what OpenSSL says
            files = ", ".join(str(path) for path in (self.ca, self.certificate, self.key) if path is not None)
            why = str(error.strerror or error).partition("\n")[0]
            raise SettingsError(f"{files}: cannot be used ({why}), give PEM files that this user can read") from None
        return context


def settings_of(
    url: str,
    *,
    credentials: Path | None = None,
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    version: str = "5",
    period_s: float = 10.0,
) -> Settings:
    """Read ``mqtt://HOST[:PORT]``, ``mqtts://HOST[:PORT]``, or ``@FILE`` whose first line is such a URL, there with a password.

    ``credentials`` is a file of two lines, user name and password.

    Raises:
        SettingsError: what is given makes no broker, or a secret lies open.
    """
    from_file = url.startswith("@")
    if from_file:
        url = (secret_lines(Path(url[1:])) or [""])[0]
    parts, port = _split(url, shown="the URL in the file" if from_file else url)
    if parts.password is not None and not from_file:
        raise SettingsError(
            "--mqtt: a password in the command line is seen by every user of the box, put the URL into a file: @FILE"
        )
    if version not in VERSIONS:
        raise SettingsError(f"--mqtt-version: {version} is unknown, one of {', '.join(VERSIONS)}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if credentials is not None:
        user, password = _credentials(credentials)
    tls = parts.scheme == "mqtts"
    if not tls and (ca or certificate):
        raise SettingsError("--mqtt-ca and --mqtt-cert need an mqtts:// URL")
    return Settings(
        parts.hostname or "",
        port,
        tls,
        user,
        password,
        ca=ca,
        certificate=certificate,
        key=key,
        version=version,
        period_s=period_s,
    )


def _split(url: str, shown: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in PORTS or not parts.hostname or not port or parts.path.strip("/") or parts.query or parts.fragment:
        shown = shown.partition("://")[0] + "://..." if "@" in shown else shown
        raise SettingsError(f"--mqtt: {shown[:120]!r} is no broker, give mqtt://HOST[:PORT], mqtts://HOST[:PORT] or @FILE")
    return parts, port


def _credentials(path: Path) -> tuple[str, str]:
    lines = secret_lines(path)
    if len(lines) < 2 or not lines[0]:
        raise SettingsError(f"{path}: user name in the first line and password in the second are needed")
    return lines[0], lines[1]
