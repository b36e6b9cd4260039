"""A command through the gateway in a real run: it takes effect, it is on record with who asked, and the log still verifies."""

from collections.abc import Callable
from pathlib import Path

from adaptd.log.verify.reader import iter_records
from tests.faults.service import Service, verified
from tests.gateway.rig import Gateway

TOKEN = "c" * 24


def test_a_hold_from_outside_serves_the_reference_and_is_on_record(tmp_path: Path, start: Callable[..., Gateway]) -> None:
    """Anna holds the reference and lowers the budget: both hold within seconds, and every decision can be run again."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"anna {TOKEN} commands\n")
    tokens.chmod(0o600)
    service = Service(tmp_path)
    try:
        service.until(lambda document: document.get("operating_point", {}).get("variant") == "int8")
        gateway = start(service.socket, "--token-file", tokens, "--commands")
        gateway.serving()
        ask = {"Authorization": f"Bearer {TOKEN}", "X_Adaptd_Ask": "1"}
        body = b'{"minutes": 30, "reason": "vet\'s visit"}'
        assert gateway.ask("/api/command/hold", "POST", body, **ask)[0] == 200
        held = service.until(lambda document: document["operating_point"]["variant"] == "fp16" and "hold" in document["orders"])
        assert held["orders"]["hold"]["by"].startswith("anna (uid ")
        assert gateway.ask("/api/command/budget", "POST", b'{"watts": 11.5, "reason": "cloudy"}', **ask)[0] == 200
        service.until(lambda document: document["limits"]["budget_mw"] <= 11_500)
        assert gateway.ask("/api/command/endurance", "POST", b'{"hours": 9, "reason": "x"}', **ask)[0] in (200, 502)
        assert service.end()[0] == 0
        orders = [record for record in iter_records(service.audit) if record["kind"] == "order"]
        assert [(one["order"], one["reason"]) for one in orders][:2] == [("hold", "vet's visit"), ("budget", "cloudy")]
        assert verified(service.audit)["verdict"] == "valid"
    finally:
        service.kill()
