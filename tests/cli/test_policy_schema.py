"""The JSON schema that an editor gets names every bound under the name that JSON Schema has for it."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import yaml

from adaptd.cli.main import main
from tests.conftest import ROOT
from tests.faults.bad_policies import CLASSES, GOOD, NUMBERS
from tests.faults.policies import refusal


def numbers(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema of a number."""
    if isinstance(node, list):
        for item in node:
            yield from numbers(item)
    if isinstance(node, dict):
        if node.get("type") == "number":
            yield node
        for value in node.values():
            yield from numbers(value)


def test_an_editor_learns_the_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    """`$schema` is there, every number has a lowest and a highest value, and no key is one that JSON Schema does not know."""
    assert main(["policy", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    found = list(numbers(schema))
    assert len(found) > 15
    for one in found:
        assert {"gt", "ge", "lt", "le"}.isdisjoint(one)
        assert {"minimum", "exclusiveMinimum"} & one.keys(), one
        assert {"maximum", "exclusiveMaximum"} & one.keys(), one
    assert schema["$defs"]["AccuracyModel"]["properties"]["confidence_pct"]["exclusiveMaximum"] == 100


def validator(capsys: pytest.CaptureFixture[str]) -> Any:
    """The shipped schema as jsonschema understands it."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    assert main(["policy", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_what_the_check_accepts_the_schema_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped policies and sixty drawn good ones are good to an editor too."""
    known = validator(capsys)
    for path in sorted((ROOT / "policies").glob("*.yaml")):
        assert known.is_valid(yaml.safe_load(path.read_text())), path.name
    random = Random(3)
    for at in range(60):
        limit_c = random.randint(60, 90)
        numbers = {
            "target_fps": random.randint(6, 30), "floor_fps": random.randint(1, 5), "deadline_ms": random.randint(40, 500),
            "max_loss_points": random.choice(["0.1", "0.5", "2", "7.5"]), "confidence_pct": random.choice(["90", "99", "99.9"]),
            "shadow_pct": random.randint(1, 10), "limit_c": limit_c, "resume_c": limit_c - random.randint(1, 10),
            "critical_c": limit_c + random.randint(1, 10), "budget_w": random.randint(5, 60),
            "stale_after_s": random.randint(1, 9),
        }  # fmt: skip
        text = GOOD
        for key, before in NUMBERS:
            if key in numbers:
                text = text.replace(f"{key}: {before}", f"{key}: {numbers[key]}", 1)
        assert refusal(text) == (), (at, refusal(text))
        assert known.is_valid(yaml.safe_load(text)), (at, text)


def test_what_the_schema_refuses_the_check_refuses_and_the_other_way_where_a_schema_can_say_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of 150 bad policies none is bad to the editor alone; ranges, types, unknown and missing keys are bad to both."""
    known = validator(capsys)
    sayable = {"units written out", "out of range", "too long", "unknown key", "missing key"}
    for name, texts in CLASSES.items():
        for text in texts[::2]:
            try:
                document = yaml.safe_load(text)
            except (yaml.YAMLError, ValueError, RecursionError):
                continue
            if not known.is_valid(document):
                assert refusal(text), (name, text)
            elif name in sayable:
                pytest.fail(f"{name}: the schema takes what the check refuses: {refusal(text)}")


@pytest.mark.parametrize("name", ["кормушка", "猫の餌場", "مطعم-القط", "می\u200cخورد", "a b", "a\u202eb", "../x", "-x"])
def test_a_name_in_any_script_is_judged_alike(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the check says of a policy's name the schema says too."""
    text = GOOD.replace("policy: feeder", f'policy: "{name}"', 1)
    assert validator(capsys).is_valid(yaml.safe_load(text)) is (refusal(text) == ())
