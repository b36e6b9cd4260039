"""Records that say nonsense in a chain that holds: judged, shown, drawn and exported without a traceback."""

import json
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adaptd.base.canonical_json import encode
from adaptd.cli.audit_show import Filter, lines
from adaptd.cli.audit_words import report_json, report_lines
from adaptd.log.verify.decided import decisions
from adaptd.log.verify.verify import Outcome, verify
from adaptd.report.export import row_of
from adaptd.report.page import page
from adaptd.report.report_data import tell
from tests.log import attacks
from tests.log.attacks import Bench, Files
from tests.log.workload import make_log

WEIRD: list[Any] = [
    None, True, 0, -1, 2**53 - 1, "", "x", "nan", "0x1p5000", "1" * 400, [], {}, [[]], {"a": 1}, ["x", 1], {"0": 1}, {"99": 1},
]  # fmt: skip


def nonsense(value: Any, random: Random) -> Any:
    """The value with something in it lost, added, or replaced by what does not belong there."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        name = random.choice(sorted(value))
        if random.random() < 0.12:
            return {other: item for other, item in value.items() if other != name}
        return {**value, name: nonsense(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.85:
        at = random.randrange(len(value))
        if random.random() < 0.12:
            return value[:at] + value[at + 1 :]
        return [*value[:at], nonsense(value[at], random), *value[at + 1 :]]
    return random.choice(WEIRD)


def told_otherwise(files: Files, random: Random) -> Files:
    """The log with nonsense in one record and every later hash set right, as someone without the key can make it."""
    name = attacks.segments(files)[0]
    rows = files[name].split(b"\n")
    kinds: dict[str, list[int]] = {}
    for at, row in enumerate(rows[1:-1], 1):
        kinds.setdefault(json.loads(row)["kind"], []).append(at)
    at = random.choice(kinds[random.choice(sorted(kinds))])
    changed = nonsense(json.loads(rows[at]), random)
    return with_line(files, at, encode(changed if changed != json.loads(rows[at]) else {}))


def with_line(files: Files, at: int, line: bytes) -> Files:
    """The log with another line ``at`` of its first segment and every later hash set right."""
    name = attacks.segments(files)[0]
    rows = files[name].split(b"\n")
    rows[at] = line
    for later in range(at + 1, len(rows) - 1):
        rows[later] = encode({**json.loads(rows[later]), "prev": sha256(rows[later - 1]).hexdigest()})
    return {**files, name: b"\n".join(rows)}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("log")
    make_log(folder, 40)
    return Bench(tmp_path_factory.mktemp("bench"), attacks.read_files(folder))


def test_nonsense_is_judged_and_never_raises(bench: Bench) -> None:
    """Both verifiers, decisions run again, give a verdict other than 'valid', in words and as JSON."""
    random = Random(3)
    for _ in range(150):
        folder = bench.put(told_otherwise(bench.pristine, random))
        report = verify(folder)
        assert report.verdict is not Outcome.VALID
        assert report_lines(report)
        assert json.dumps(report_json(report))
        assert attacks.second_verifier().verify(str(folder))["verdict"] != "valid"


def test_nonsense_is_shown_drawn_and_exported(bench: Bench, tmp_path: Path) -> None:
    """What can be read is shown in words, on the page and as rows; what cannot is left out."""
    random = Random(5)
    for _ in range(120):
        folder = bench.put(told_otherwise(bench.pristine, random))
        assert list(lines(folder, Filter(), last=None, follow=False, as_json=False))
        assert page(tell(folder), verify(folder)).endswith("</html>\n")
        assert len([row_of(one) for one in decisions(folder)]) <= 40
