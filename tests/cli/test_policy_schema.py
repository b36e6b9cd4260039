"""The JSON schema that an editor gets names every bound under the name that JSON Schema has for it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from adaptd.cli.main import main


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
