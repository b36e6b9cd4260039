"""The manifest: strict, canonical, vouching for itself, and the planner's facts taken from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from adaptd.config.errors import ConfigError
from adaptd.config.manifest import facts, parse_manifest, seal
from adaptd.config.sealing import canonical, digest_of
from adaptd.vocabulary import Prior

BAND = {
    "n": 3000,
    "score_ppm": None,
    "disagreed": 4,
    "disagreement_bound_ppm": 3300,
    "latency_p50_us": 900,
    "latency_p90_us": 950,
    "latency_p99_us": 1200,
}
QUALIFIED = {
    "device": "test bench",
    "bands": {"bright": BAND, "night": BAND | {"latency_p50_us": 1000, "n": 500, "disagreed": 9}},
    "energy_marginal_uj": 9000,
    "energy_saturated_uj": 20000,
    "energy_method": "estimated",
    "idle_power_mw": 5000,
    "warm_memory_mb": 60,
    "no_gain": {"flag": False, "why": ""},
}


def plain(**changes: Any) -> dict[str, Any]:
    """A good manifest before it is sealed."""
    entry = {"file": "m.onnx", "precision_computed": "fp32", "qualification": QUALIFIED}
    return {
        "schema": 1,
        "model": "tiny",
        "task": "classification",
        "classes": ["cat", "dog"],
        "reference": "fp16",
        "input_shape": [1, 3, 8, 8],
        "output_shape": [1, 2],
        "preprocessing": {
            "size": [8, 8],
            "divisor": 255,
            "mean_ppm": [0, 0, 0],
            "std_ppm": [1000000, 1000000, 1000000],
            "colour_order": "rgb",
        },
        "files": {"m.onnx": {"sha256": "0" * 64, "bytes": 12}},
        "variants": {"int8": {"ort": entry}, "fp16": {"ort": entry}},
    } | changes


def test_a_sealed_manifest_reads_back_as_it_was_written() -> None:
    """Sealing is canonical: the bytes parse, and sealing the same content again gives the same bytes."""
    data = seal(plain())
    manifest = parse_manifest(data, "manifest.json")
    assert manifest.variants["fp16"]["ort"].file == "m.onnx"
    assert seal(json.loads(data)) == data


def test_facts_put_the_reference_first_and_take_the_slowest_band() -> None:
    """The planner gets energies, the slowest band's median and the priors of every band."""
    found = facts(parse_manifest(seal(plain()), "manifest.json"), "ort")
    assert [fact.name for fact in found] == ["fp16", "int8"]
    assert (found[1].energy_uj, found[1].latency_us, found[1].no_gain) == (9000, 1000, False)
    assert found[1].priors == (Prior("bright", 3000, 4), Prior("night", 500, 9))


def test_a_variant_without_qualification_does_not_exist_for_the_planner() -> None:
    """No proof, no INT8: an unmeasured variant is left out, and an unmeasured reference is an error with the remedy."""
    bare = {"file": "m.onnx", "precision_computed": "int8"}
    variants = {"fp16": plain()["variants"]["fp16"], "int8": {"ort": bare}}
    manifest = parse_manifest(seal(plain(variants=variants)), "manifest.json")
    assert [fact.name for fact in facts(manifest, "ort")] == ["fp16"]
    with pytest.raises(ConfigError, match="adaptd engine build BUNDLE --backend tensorrt"):
        facts(manifest, "tensorrt")
    unmeasured = parse_manifest(seal(plain(variants={"fp16": {"ort": bare}})), "manifest.json")
    with pytest.raises(ConfigError, match="adaptd engine qualify"):
        facts(unmeasured, "ort")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"schema": 2}, "schema"),
        ({"task": "segmentation"}, "task"),
        ({"classes": []}, "classes"),
        ({"reference": "fp32"}, "reference"),
        ({"input_shape": [1, 3, 0, 8]}, "input_shape"),
        ({"unknown": 1}, "unknown"),
        ({"files": {}}, "variants"),
        ({"files": {"m.onnx": {"sha256": "xyz", "bytes": 1}}}, "sha256"),
        ({"files": {"../m.onnx": {"sha256": "0" * 64, "bytes": 1}}}, "files"),
        ({"classes": [True, "dog"]}, "classes"),
        ({"input_shape": ["1", 3, 8, 8]}, "input_shape"),
    ],
)
def test_a_manifest_that_is_off_is_refused_by_the_key(changes: dict[str, Any], key: str) -> None:
    """Unknown, missing, wrongly typed and contradictory values name the key, in one line."""
    with pytest.raises(ConfigError) as caught:
        seal(plain(**changes))
    assert key in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_disagreement_than_frames_is_refused() -> None:
    """A band that disagrees oftener than it was looked at was not measured."""
    wrong = {"file": "m.onnx", "precision_computed": "fp32", "qualification": QUALIFIED | {"bands": {"dim": BAND | {"n": 3}}}}
    with pytest.raises(ConfigError, match="disagreed is over n"):
        seal(plain(variants={"fp16": {"ort": wrong}}))


def test_a_changed_value_breaks_the_digest() -> None:
    """Energy edited by hand: the manifest no longer vouches for itself."""
    body = json.loads(seal(plain()))
    body["variants"]["int8"]["ort"]["qualification"]["energy_marginal_uj"] = 1
    with pytest.raises(ConfigError, match="digest"):
        parse_manifest(canonical(body) + b"\n", "manifest.json")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b'"schema":1', b'"schema": 1'),
        lambda data: data[:-1],
        lambda data: data.replace(b'"model":"tiny"', b'"model":"tiny","model":"tiny"'),
        lambda data: data.replace(b'"divisor":255', b'"divisor":255.0'),
        lambda data: data.replace(b'"divisor":255', b'"divisor":NaN'),
        lambda data: data[: len(data) // 2],
        lambda _: b"\xff\xfe",
        lambda _: b"[" * 100_000,
        lambda _: b"[]\n",
        lambda _: b"",
    ],
    ids=["blank", "no-newline", "twice", "float", "nan", "cut", "binary", "deep", "list", "empty"],
)
def test_bytes_that_are_not_canonical_are_refused_in_one_line(damage: Any) -> None:
    """One content has one form on disk, so that a hash means something."""
    with pytest.raises(ConfigError) as caught:
        parse_manifest(damage(seal(plain())), "manifest.json")
    assert str(caught.value).startswith("manifest.json: ")
    assert "\n" not in str(caught.value)


def test_a_signature_by_no_key_is_refused(tmp_path: Path) -> None:
    """Rubbish where a signature or a key should be gives one line, not a traceback."""
    body = json.loads(seal(plain()))
    body["signature"] = "!!!"
    body["digest"] = digest_of(body)
    data = canonical(body) + b"\n"
    key = tmp_path / "key.pem"
    key.write_text("no key")
    with pytest.raises(ConfigError, match="no public key in PEM form"):
        parse_manifest(data, "manifest.json", public_key=key)
    with pytest.raises(ConfigError, match="signing key"):
        seal(plain(), b"no key")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files": {"m.onnx": {"sha256": "0" * 64, "bytes": 1 << 52}}}, r"files\.m\.onnx\.bytes: "),
        ({"files": {name: {"sha256": "0" * 64, "bytes": 1 << 30} for name in ("m.onnx", "a", "b")}}, "3,072 MiB together"),
        ({"input_shape": [1, 3, 1 << 40, 8]}, r"input_shape\.2: "),
        ({"input_shape": [1, 3, 1 << 20, 1 << 20]}, "input_shape: 1 x 3 x 1048576 x 1048576 values are more than 67,108,864"),
        ({"output_shape": [1, 1 << 40]}, r"output_shape\.1: "),
        ({"preprocessing": plain()["preprocessing"] | {"size": [1 << 25, 1 << 25]}}, "preprocessing.size: "),
    ],
)
def test_sizes_that_no_machine_holds_are_refused_by_their_words(changes: dict[str, Any], words: str) -> None:
    """2^52 bytes and 2^40 values: one line that names the key, before a file is opened or memory is reserved."""
    with pytest.raises(ConfigError, match=words) as refused:
        seal(plain(**changes))
    assert "\n" not in str(refused.value)
