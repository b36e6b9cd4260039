"""A real Node-RED reads the topics with the flow that docs/mqtt.md shows.

    npm install --prefix DIR node-red
    python -m tests.gateway.mqtt.node_red --folder DIR

Reads the flow out of the page itself, adds a broker and a file node, and checks what is written: the temperature as a number, a
missing reading as null with its reason. Only loopback is used. Exit code 1 where a check fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.gateway.mqtt.broker import Broker, free_port
from tests.gateway.rig import Daemon, Gateway, until

PATIENCE_S = 90.0
SETTINGS = "module.exports = {{uiPort: {port}, uiHost: '127.0.0.1', telemetry: {{enabled: false}}, credentialSecret: false}}\n"


def shown_flow() -> list[dict[str, Any]]:
    """The flow on the page: the first block of the section on Node-RED that is JSON."""
    section = (ROOT / "docs" / "mqtt.md").read_text().partition("## Node-RED")[2].partition("\n## ")[0]
    block = section[section.index("    [{") :].partition("\n\n")[0]
    return list(json.loads(block))


def flow(broker: int, out: Path) -> list[dict[str, Any]]:
    """The shown flow with a broker, and a file at the end of each wire and of two more topics."""
    keep: dict[str, Any] = {"type": "file", "appendNewline": True, "overwriteFile": "false", "z": "t", "wires": [[]]}
    nodes = [{**node, "z": "t"} for node in shown_flow()]
    for node in nodes:
        if node["type"] == "switch":
            node["wires"] = [["shown"]]
    nodes += [
        {"id": "t", "type": "tab", "label": "adaptd"},
        {"id": "b", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(broker), "clientid": "nr", "protocolVersion": "5"},
        {**keep, "id": "shown", "filename": str(out / "problem.jsonl")},
    ]
    for topic in ("temperature", "power"):
        nodes.append({
            "id": f"in-{topic}", "type": "mqtt in", "z": "t", "topic": f"adaptd/v1/+/{topic}", "qos": "1", "datatype": "json",
            "broker": "b", "wires": [[f"out-{topic}"]],
        })  # fmt: skip
        nodes.append({**keep, "id": f"out-{topic}", "filename": str(out / f"{topic}.jsonl")})
    return nodes


def lines(path: Path) -> list[dict[str, Any]]:
    """What was written so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> int:
    """Run the checks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where `npm install node-red` was run")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        broker, daemon = Broker(folder / "broker").start(), Daemon(folder)
        daemon.says()
        (folder / "settings.js").write_text(SETTINGS.format(port=free_port()))
        (folder / "flows.json").write_text(json.dumps(flow(broker.port, folder)))
        program = wanted.folder / "node_modules" / "node-red" / "red.js"
        words = ["node", str(program), "-u", str(folder), "-s", str(folder / "settings.js"), str(folder / "flows.json")]
        gateway = Gateway(folder, daemon.socket, "--state", folder / "state", "--mqtt", f"mqtt://127.0.0.1:{broker.port}")
        node = subprocess.Popen(words, stdout=(folder / "node-red.txt").open("w"), stderr=subprocess.STDOUT)
        try:
            until(lambda: bool(lines(folder / "temperature.jsonl") and lines(folder / "power.jsonl")), PATIENCE_S)
            warm, power = lines(folder / "temperature.jsonl")[-1], lines(folder / "power.jsonl")[-1]
            daemon.says(state="fault")
            until(lambda: bool(lines(folder / "problem.jsonl")), PATIENCE_S)
            problem = lines(folder / "problem.jsonl")[-1]
        finally:
            node.terminate()
            node.wait()
            gateway.end()
            daemon.stop()
            broker.stop()
        version = json.loads((wanted.folder / "node_modules" / "node-red" / "package.json").read_text())["version"]
    print(f"Node-RED {version}: temperature_c {warm['temperature_c']}; power_w {power['power_w']}, missing {power['missing']!r};")
    print(f"the shown flow let through: problem {problem['problem']}, state {problem['state']}")
    good = warm["temperature_c"] == 61.25 and power["power_w"] is None and problem["problem"] is True
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
