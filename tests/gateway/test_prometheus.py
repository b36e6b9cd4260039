"""A real Prometheus scrapes a real run, and every query of dashboard and alerts is answered by it."""

import http.server
import json
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.faults.service import Service
from tests.gateway.rig import Gateway, free_port, until

SHIPPED = ROOT / "adaptd" / "gateway" / "prometheus"
DASHBOARD = json.loads((SHIPPED / "dashboard.json").read_text())
ALERTS = yaml.safe_load((SHIPPED / "alerts.yaml").read_text())["groups"][0]["rules"]
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]

TROUBLES = (
    ("AdaptdGatewayDown", 'up{job="adaptd"}', 0, 1),
    ("AdaptdDown", "adaptd_up", 0, 1),
    ("AdaptdStalled", "adaptd_decision_age_seconds", 60, 0),
    ("AdaptdNotServing", 'adaptd_mode{mode="fault"}', 1, 0),
    ("AdaptdProtecting", 'adaptd_mode{mode="protect"}', 1, 0),
    ("AdaptdTooHot", "adaptd_temperature_headroom_celsius", -1, 9),
    ("AdaptdSensorMissing", 'adaptd_sensor_up{quantity="power"}', 0, 1),
    ("AdaptdLogDegraded", "adaptd_log_degraded", 1, 0),
    ("AdaptdLogUnsigned", "adaptd_log_records_total", 30_000, 100),
    ("AdaptdOverBudget", 'adaptd_power_watts{source="rail"}', 13, 11),
    ("AdaptdFramesLate", "adaptd_frames_missed_total", "0+10", "0+1"),
    ("AdaptdAccountOverdrawn", 'adaptd_account_bound_ratio{band="dim"}', 0.02, 0.001),
)
BESIDE = (
    ("adaptd_log_signed_records", 50),
    ("adaptd_power_budget_watts", 12),
    ("adaptd_frames_delivered_total", "0+100"),
    ('adaptd_account_limit_ratio{band="dim"}', 0.005),
)

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="Prometheus is not installed (Debian package prometheus)",
)


class Prometheus:
    """A Prometheus on loopback with the shipped scrape configuration and alert rules, made quicker."""

    def __init__(self, folder: Path, *targets: str, rules: Path = SHIPPED / "alerts.yaml") -> None:
        scrape = yaml.safe_load((SHIPPED / "scrape.yaml").read_text())
        scrape[0].update(scrape_interval="1s", scrape_timeout="1s", static_configs=[{"targets": list(targets)}])
        config = {"global": {"evaluation_interval": "1s"}, "rule_files": [str(rules)], "scrape_configs": scrape}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._url = f"http://127.0.0.1:{free_port()}"
        words = [
            "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={self._url.removeprefix('http://')}", "--log.level=error",
        ]  # fmt: skip
        with (folder / "prometheus.txt").open("w") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log)

    def api(self, path: str, **words: str) -> Any:
        """The data of one API call; None while it is not up."""
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it still reads its own store
                return None
            raise AssertionError(f"{words}: {error.read().decode()}") from None
        except OSError:
            return None

    def query(self, expression: str) -> list[Any]:
        """Series of an instant query, with Grafana's variables as it would fill them."""
        filled = expression.replace("$__rate_interval", "8s").replace("$__interval", "8s").replace("$instance", ".*")
        return list((self.api("query", query=filled) or {"result": []})["result"])

    def end(self) -> None:
        """Stop it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)


@pytest.fixture
def scraped(tmp_path: Path, start: Callable[..., Gateway]) -> Iterator[Prometheus]:
    """A run, its gateway and a Prometheus that has scraped it for some seconds."""
    service = Service(tmp_path)
    gateway = start(service.socket)
    prometheus = Prometheus(tmp_path, f"127.0.0.1:{gateway.port}")
    try:
        service.serving()
        until(lambda: bool(prometheus.query("rate(adaptd_frames_delivered_total[8s]) > 0")))
        until(lambda: bool(prometheus.query("rate(adaptd_frame_latency_seconds_count[8s]) > 0")))
        until(lambda: bool(prometheus.query("adaptd_log_size_bytes")))
        yield prometheus
    finally:
        prometheus.end()
        service.end()
        service.kill()


def test_a_real_prometheus_answers_every_query_of_dashboard_and_alerts(scraped: Prometheus) -> None:
    """Every panel has data where the run has any, every alert rule is healthy, and none fires on a good run."""
    later = ("adaptd_account", "== 0")  # no account is kept yet, or nothing is amiss
    for expression in [*QUERIES, DASHBOARD["annotations"]["list"][0]["expr"].replace("> 0", ">= 0")]:
        found = scraped.query(expression)
        assert found or any(word in expression for word in later), expression
    for rule in ALERTS:
        scraped.query(rule["expr"])
    rules = scraped.api("rules")["groups"][0]["rules"]
    assert len(rules) == len(ALERTS)
    until(lambda: all(rule["health"] == "ok" for rule in scraped.api("rules")["groups"][0]["rules"]))
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


def test_the_rules_pass_promtool() -> None:
    """promtool finds nothing wrong with the shipped rules."""
    done = subprocess.run(
        ["promtool", "check", "rules", str(SHIPPED / "alerts.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_on_its_trouble_and_is_quiet_without(tmp_path: Path) -> None:
    """promtool plays each trouble to the rules: the alert named for it fires, and a good series raises none."""
    tests = []
    for name, series, bad, good in TROUBLES:
        for value, fires in ((bad, True), (good, False)):
            check = f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)'
            tests.append({
                "interval": "30s",
                "input_series": [
                    {"series": series, "values": f"{value}x100"},
                    *({"series": one, "values": f"{steady}x100"} for one, steady in BESIDE),
                ],
                "promql_expr_test": [{"expr": check, "eval_time": "40m", "exp_samples": [{"labels": "{}", "value": int(fires)}]}],
            })  # fmt: skip
    plan = tmp_path / "plan.yaml"
    plan.write_text(yaml.safe_dump({"rule_files": [str(SHIPPED / "alerts.yaml")], "evaluation_interval": "30s", "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", str(plan)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name for name, *_ in TROUBLES} == {rule["alert"] for rule in ALERTS}, "no rule without a trouble"


class Sick(http.server.BaseHTTPRequestHandler):
    """A gateway's metrics of a box on which everything is amiss at once."""

    def do_GET(self) -> None:
        """Counters grow by their rate a second."""
        lines = []
        for series, value in [(series, bad) for name, series, bad, _ in TROUBLES if name != "AdaptdGatewayDown"] + list(BESIDE):
            rate = float(str(value).partition("+")[2] or 0)
            lines.append(f"{series} {rate * time.monotonic() if rate else value}")
        body = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


def test_every_alert_fires_in_a_real_prometheus(tmp_path: Path) -> None:
    """Twelve troubles at once, one of them a gateway that is gone: Prometheus raises all twelve, each with its texts filled.

    The shipped rules with their waits and windows shortened to seconds; nothing else of them is changed.
    """
    quick = tmp_path / "quick.yaml"
    text = (SHIPPED / "alerts.yaml").read_text()
    quick.write_text(re.sub(r"\[\d+m\]", "[5s]", re.sub(r"for: \d+[sm]", "for: 1s", text)))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sick) as box:
        threading.Thread(target=box.serve_forever, daemon=True).start()
        prometheus = Prometheus(tmp_path, f"127.0.0.1:{box.server_port}", f"127.0.0.1:{free_port()}", rules=quick)
        try:

            def firing() -> set[str]:
                found = (prometheus.api("alerts") or {"alerts": []})["alerts"]
                return {one["labels"]["alertname"] for one in found if one["state"] == "firing"}

            until(lambda: len(firing()) == len(ALERTS))
            texts = [text for one in prometheus.api("alerts")["alerts"] for text in one["annotations"].values()]
            assert len(ALERTS) == 12
            assert not [text for text in texts if "{{" in text or "<no value>" in text or "error" in text]
        finally:
            prometheus.end()
            box.shutdown()
