"""Who may read, judged request by request without any socket."""

from pathlib import Path
from typing import Any

import pytest

from adaptd.gateway import GatewayError
from adaptd.gateway.page import rules_of
from adaptd.gateway.plugins import Arguments
from adaptd.gateway.web.guard import Guard, Refusal, Rules, ingress_path
from adaptd.gateway.web.tokens import (
    GUESSES_PER_MINUTE,
    MAX_TRACKED,
    REQUESTS_BURST,
    REQUESTS_PER_S,
    Caller,
    Rates,
    Tokens,
    read_tokens,
)

READ, COMMAND = "r" * 20, "c" * 20
TOKENS = Tokens(((READ, Caller("reader")), (COMMAND, Caller("anna", may_command=True))))
FOREIGN = "192.0.2.7"


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that is never reached here."""


def judged(
    path: str = "/", peer: str = "127.0.0.1", method: str = "GET", rules: Rules | None = None, query: str = "", **headers: str
) -> Caller | Refusal:
    """What the guard says of one request."""
    guard = Guard(nothing, rules or Rules(TOKENS))
    named = {"host": "localhost:8460", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {"type": "http", "path": path, "client": (peer, 5), "method": method, "query_string": query.encode()}
    return guard.judge(scope, named, 1)


def status(found: Caller | Refusal) -> int:
    """200 for a caller."""
    return found.status if isinstance(found, Refusal) else 200


def test_loopback_reads_and_a_stranger_reads_health_alone() -> None:
    """Without a token every route but health answers 401 from a foreign address."""
    assert judged() == Caller("loopback")
    for path in ("/", "/metrics", "/api/status", "/api/stream", "/static/app.js", "/report", "/nonsense"):
        assert status(judged(path, FOREIGN)) == 401, path
    assert status(judged("/health", FOREIGN)) == 200


def test_a_token_is_taken_from_header_cookie_or_the_opened_page() -> None:
    """Each way in names the caller, and a wrong token is refused even from loopback."""
    assert judged("/metrics", FOREIGN, authorization=f"Bearer {READ}") == Caller("reader")
    assert judged("/", FOREIGN, cookie=f"a=b; adaptd_token={COMMAND}") == Caller("anna", may_command=True)
    assert judged("/", FOREIGN, query=f"token={READ}") == Caller("reader")
    assert status(judged("/api/status", FOREIGN, query=f"token={READ}")) == 401
    assert status(judged("/", authorization="Bearer wrongwrongwrongwrong")) == 401


def test_another_name_for_this_machine_opens_nothing() -> None:
    """A Host header with a stranger's name is refused (DNS rebinding); addresses, localhost and allowed names are not."""
    assert status(judged(host="evil.example")) == 421
    assert status(judged(host="")) == 421
    assert status(judged(host="[")) == 421
    for host in ("127.0.0.1:1", "[::1]:8460", "192.0.2.1", "LOCALHOST."):
        assert status(judged(host=host)) == 200, host
    assert status(judged(host="box.lan", rules=Rules(TOKENS, frozenset({"box.lan"})))) == 200


def test_a_page_of_another_origin_can_neither_read_nor_ask() -> None:
    """Origin must be the page's own, and a change needs a header that no foreign form can send."""
    assert status(judged("/api/status", origin="http://evil.example")) == 403
    assert status(judged("/api/status", origin="null")) == 403
    assert status(judged("/api/status", sec_fetch_site="cross-site", sec_fetch_mode="no-cors")) == 403
    assert status(judged("/", sec_fetch_site="cross-site", sec_fetch_mode="navigate")) == 200
    assert status(judged("/api/verify", method="POST", origin="http://localhost:8460")) == 403
    assert status(judged("/api/verify", method="POST", origin="http://localhost:8460", x_adaptd_ask="1")) == 200


def test_a_proxy_is_believed_from_its_address_alone() -> None:
    """Its header names the user; the same header from elsewhere, or a forwarded request without it, is a stranger's."""
    rules = Rules(TOKENS, proxy_header="X-Remote-User-Name", proxies=frozenset({"172.30.32.2"}))
    assert judged(peer="172.30.32.2", rules=rules, x_remote_user_name="kim", x_ingress_path="/api/x") == Caller("kim")
    assert status(judged(peer=FOREIGN, rules=rules, x_remote_user_name="kim")) == 401
    assert status(judged(peer="172.30.32.2", rules=rules)) == 401
    assert status(judged(peer="127.0.0.1", x_forwarded_for="203.0.113.9")) == 401


def test_a_body_over_64_kb_or_without_length_is_refused() -> None:
    """What is larger than any request here is refused unread."""
    assert status(judged(content_length="65537")) == 413
    assert status(judged(content_length="9" * 40)) == 413
    assert status(judged(content_length="x")) == 413
    assert status(judged(transfer_encoding="chunked")) == 413


def test_who_asks_too_often_waits_and_nobody_else_does() -> None:
    """One address over its rate is refused until its bucket fills; the tables stay bounded."""
    rates = Rates()
    granted = sum(rates.allow("a", 0) for _ in range(1000))
    assert granted == REQUESTS_BURST
    assert rates.allow("b", 0)
    assert sum(rates.allow("a", 1_000_000) for _ in range(1000)) == REQUESTS_PER_S
    for number in range(10 * MAX_TRACKED):
        rates.allow(str(number), 0)
        rates.guessed(str(number), 0)
    assert max(len(rates.buckets), len(rates.wrong)) <= MAX_TRACKED


def test_tokens_cannot_be_guessed_in_a_row() -> None:
    """After a few wrong tokens an address waits a minute, even with the right one."""
    rates = Rates()
    for _ in range(GUESSES_PER_MINUTE):
        assert rates.may_guess("a", 0)
        rates.guessed("a", 0)
    assert not rates.may_guess("a", 59_000_000)
    assert rates.may_guess("a", 61_000_000)


@pytest.mark.parametrize("path", ["/api/hassio_ingress/Ab-9_x", "/a"])
def test_a_well_formed_ingress_path_is_taken(path: str) -> None:
    """Home Assistant's path becomes the cookie's."""
    assert ingress_path({"x-ingress-path": f"{path}/"}) == path


@pytest.mark.parametrize("path", ["", "a", "//evil.example", "/a;b", "/../x", "/a b", "/" + "x" * 200])
def test_anything_else_is_no_ingress_path(path: str) -> None:
    """A header that is no plain path changes nothing."""
    assert ingress_path({"x-ingress-path": path}) == ""


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("short\n", 0o600, "16 or more"),
        ("", 0o600, "holds no token"),
        ("# only a comment\n", 0o600, "holds no token"),
        ("anna aaaaaaaaaaaaaaaaaaaa everything\n", 0o600, "no token line"),
        ("aaaaaaaaaaaaaaa\x00a\n", 0o600, "letters and digits"),
        (f"{READ}\n", 0o644, "chmod 600"),
    ],
)
def test_a_bad_token_file_is_refused_with_its_remedy(tmp_path: Path, text: str, mode: int, words: str) -> None:
    """One line says what is wrong with the file and what would be right."""
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(GatewayError, match=words):
        read_tokens(path)


def test_a_token_file_names_callers_and_their_rights(tmp_path: Path) -> None:
    """A bare token reads; a named one is known by its name; only `commands` lets one ask for changes."""
    path = tmp_path / "tokens"
    path.write_text(f"{READ}  # the wall display\n\nanna {COMMAND} commands\n")
    path.chmod(0o600)
    tokens = read_tokens(path)
    assert tokens.find(READ) == Caller("reader")
    assert tokens.find(COMMAND) == Caller("anna", may_command=True)
    assert tokens.find("nobody") is None
    assert tokens.find("ÿ") is None


def test_the_page_is_not_opened_to_strangers_by_mistake(tmp_path: Path) -> None:
    """Another address than loopback needs a token or a proxy, and commands need somebody with that right."""
    with pytest.raises(GatewayError, match="--token-file"):
        rules_of(Arguments(tmp_path, host="0.0.0.0"))
    with pytest.raises(GatewayError, match="nobody has that right"):
        rules_of(Arguments(tmp_path, commands=True))
    with pytest.raises(GatewayError, match="no IP address"):
        rules_of(Arguments(tmp_path, proxies=("proxy",), proxy_header="x-user"))
    assert rules_of(Arguments(tmp_path, host="0.0.0.0", proxy_header="x-user")).proxy_header == "x-user"
