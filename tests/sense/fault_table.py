"""The sensor fault table of docs/sensors.md, made by provoking every row: `python -m tests.sense.fault_table [--write]`.

Each row is run on a captured Orin NX whose truth is known, at one tick a second; the words are what the guards really said.
"""

import sys
from collections.abc import Iterator

from tests.conftest import ROOT
from tests.sense.conftest import tree
from tests.sense.fakes import FaultySysfs
from tests.sense.rig import Rig
from tests.sense.test_faults import KINDS, QUANTITIES

PAGE = ROOT / "docs" / "sensors.md"
_BEGIN, _END = "<!-- sensor faults -->", "<!-- end of sensor faults -->"
WORDS = {
    "hang": "the read never returns",
    "eio": "EIO from the bus",
    "eagain": "EAGAIN, the sensor is off",
    "enoent": "the file is gone",
    "empty": "an empty file",
    "garbage": "text that is no number",
    "negative": "the value with a minus",
    "zero": "0",
    "x1000": "the value times 1000",
    "frozen": "the value stands still while the load steps",
    "spike": "one wild value",
    "duplicate": "the reading's time repeats",
    "backwards": "the reading's time goes back",
    "drift": "the value creeps away",
}


def provoke(quantity: str, kind: str) -> tuple[float, str]:
    """Run one fault; returns after how many seconds it was noticed and in what words."""
    sysfs = FaultySysfs(tree("orin-nx-16gb"))
    rig = Rig(sysfs, quantity, kind, 1)
    try:
        rig.run(60 if kind == "drift" else 12)
    finally:
        sysfs.release()
        rig.station.close()
    assert rig.detected_s is not None
    return rig.detected_s, rig.noticed


def rows() -> Iterator[tuple[str, str, float, str]]:
    """(quantity, kind, seconds until noticed, words) for every fault."""
    for kind in (*KINDS, "drift"):
        for quantity in QUANTITIES:
            yield (quantity, kind, *provoke(quantity, kind))


def table() -> str:
    """The table in Markdown."""
    lines = ["| fault | sensor | noticed after | what adaptd says |", "|---|---|--:|---|"]
    lines += [f"| {WORDS[kind]} (`{kind}`) | {quantity} | {after:g} s | {said} |" for quantity, kind, after, said in rows()]
    return "\n".join(lines) + "\n"


def page() -> str:
    """docs/sensors.md with its fault table drawn anew."""
    head, rest = PAGE.read_text().split(_BEGIN)
    tail = rest.split(_END)[1]
    return f"{head}{_BEGIN}\n{table()}{_END}{tail}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page())
    else:
        print(table(), end="")
