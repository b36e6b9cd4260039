"""Where the broker is and who one is there: secrets from files that nobody else reads, never from the command line."""

from pathlib import Path

import pytest

from adaptd.gateway.mqtt.settings import settings_of
from adaptd.gateway.secret_file import SettingsError


def secret(path: Path, text: str) -> Path:
    """A file of mode 0600."""
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_url_gives_host_port_and_tls() -> None:
    """Ports are those of the standard where none is named."""
    assert (settings_of("mqtt://localhost").port, settings_of("mqtts://h").port) == (1883, 8883)
    assert settings_of("mqtts://h").tls
    found = settings_of("mqtt://[::1]:1999")
    assert (found.host, found.port) == ("::1", 1999)


@pytest.mark.parametrize(
    "url",
    ["", "localhost", "http://h", "mqtt://", "mqtt://h:99999", "mqtt://h:x", "mqtt://h/topic", "mqtt://h?x=1", "mqtt://[::1"],
)
def test_what_is_no_broker_is_refused_with_the_form(url: str) -> None:
    """One line says what would be right."""
    with pytest.raises(SettingsError, match=r"mqtt://HOST\[:PORT\]"):
        settings_of(url)


def test_a_password_in_the_command_line_is_refused_and_not_repeated() -> None:
    """Arguments are shown by ps; the refusal does not print the secret again."""
    for url in ("mqtt://anna:hunter2@h", "mqtt://anna:hunter2@h/x"):
        with pytest.raises(SettingsError) as refused:
            settings_of(url)
        assert "hunter2" not in str(refused.value)


def test_a_url_with_a_password_is_taken_from_a_file(tmp_path: Path) -> None:
    """As @FILE; the settings never show it."""
    found = settings_of(f"@{secret(tmp_path / 'url', 'mqtt://an%40na:s%3Acret@h:1884' + chr(10))}")
    assert (found.user, found.password, found.port) == ("an@na", "s:cret", 1884)
    assert "s:cret" not in repr(found)
    assert "s:cret" not in found.broker


def test_credentials_come_from_a_file_of_two_lines(tmp_path: Path) -> None:
    """User name, then password; spaces and colons are part of it."""
    found = settings_of("mqtt://h", credentials=secret(tmp_path / "c", "anna\npass word:x\n"))
    assert (found.user, found.password) == ("anna", "pass word:x")


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """The remedy is in the line."""
    path = secret(tmp_path / "c", "anna\nx\n")
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        settings_of("mqtt://h", credentials=path)


def test_a_credential_of_the_service_manager_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd guards its folder by an access list, which shows as a group bit; beside that folder the rule stands."""
    path = secret(tmp_path / "c", "anna\nx\n")
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert settings_of("mqtt://h", credentials=path).user == "anna"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "elsewhere"))
    with pytest.raises(SettingsError, match="chmod 600"):
        settings_of("mqtt://h", credentials=path)


def test_secret_files_that_are_none_are_one_line(tmp_path: Path) -> None:
    """Missing, a folder, too large, binary, half."""
    big, binary, half = (tmp_path / name for name in ("big", "binary", "half"))
    secret(big, "x" * 9000)
    secret(half, "anna\n")
    binary.write_bytes(b"\xff\xfe")
    binary.chmod(0o600)
    for path in (tmp_path / "none", tmp_path, big, binary, half):
        with pytest.raises(SettingsError):
            settings_of("mqtt://h", credentials=path)


def test_certificates_need_tls_and_must_be_readable(tmp_path: Path) -> None:
    """Who names an authority expects TLS and gets told where there is none."""
    with pytest.raises(SettingsError, match="mqtts://"):
        settings_of("mqtt://h", ca=tmp_path / "ca.pem")
    with pytest.raises(SettingsError, match="cannot be used"):
        settings_of("mqtts://h", ca=tmp_path / "ca.pem").context()
    with pytest.raises(SettingsError, match=r"3\.1\.1"):
        settings_of("mqtt://h", version="4")
    assert settings_of("mqtt://h").context() is None
