"""The one way to write a value, and that nothing else is read."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptd.base.canonical_json import MAX_DEPTH, CanonicalError, decode, encode
from tests.log.attacks import second_verifier

ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text(st.characters(exclude_categories=["Cs"]))
)
KEYS = st.text(st.characters(max_codepoint=127), max_size=12)
VALUES = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_a_value_comes_back_from_its_only_form(value: object) -> None:
    """What is written is read back equal, and written again it is the same bytes, for both verifiers."""
    data = encode(value)
    assert decode(data) == value
    assert encode(decode(data)) == data
    assert second_verifier().canonical(data) == value


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_both_verifiers_read_the_same_bytes(data: bytes) -> None:
    """Arbitrary bytes are accepted by both readers or by neither."""
    second = second_verifier()
    try:
        first_value = (True, decode(data))
    except CanonicalError:
        first_value = (False, None)
    try:
        second_value = (True, second.canonical(data))
    except second.NotCanonical:
        second_value = (False, None)
    assert first_value == second_value


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"b": 1, "a": [True, False, None]}, b'{"a":[true,false,null],"b":1}'),
        ({"": '\u20ac\u000f\nA\'"\\"/'}, '{"":"\u20ac\\u000f\\nA\'\\"\\\\\\"/"}'.encode()),
        ([2**53 - 1, -(2**53) + 1, 0], b"[9007199254740991,-9007199254740991,0]"),
    ],
)
def test_the_form_is_that_of_rfc_8785(value: object, data: bytes) -> None:
    """Keys are sorted, nothing is padded, only what must be escaped is, as RFC 8785 section 3.2 has it."""
    assert encode(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a":1,}', b"[1,]", b"nul", b"'a'", b"", b" 1", b"1 ",
        b"1.0", b"1e3", b"NaN", b"Infinity", b"-0", b"01", b"9007199254740992", b"9" * 5000, b"[" * 40 + b"]" * 40,
        b'"\\u0041"', b'"\\/"', b'"\\u000A"', b'"\\ud800"', b'"\xff"', b'"\t"', b'{"\xc3\xa4":1}', b"\xef\xbb\xbf1",
        b'"' + b"a" * (1 << 20) + b'"', b"[" * 100_000,
    ],
)  # fmt: skip
def test_every_other_form_is_refused(data: bytes) -> None:
    """Spaces, other orders, repeated keys, floats, long integers, needless escapes and deep nesting are not the log's form."""
    with pytest.raises(CanonicalError):
        decode(data)
    second = second_verifier()
    with pytest.raises(second.NotCanonical):
        second.canonical(data)


@pytest.mark.parametrize("value", [1.0, float("nan"), 2**53, -(2**53), (1,), {1: 2}, {"ä": 1}, "\ud800", b"x", {"a": {1}}])
def test_what_has_no_form_is_not_written(value: object) -> None:
    """Floats, long integers, tuples, strange keys and lone surrogates are errors of the writer, not data."""
    with pytest.raises(CanonicalError):
        encode(value)


def test_depth_is_bounded_the_same_way_on_both_sides() -> None:
    """Sixteen levels are written and read; the seventeenth is refused by writer and readers alike."""
    deep: object = 1
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert decode(encode(deep)) == deep
    with pytest.raises(CanonicalError):
        encode([deep])
    with pytest.raises(CanonicalError):
        decode(b"[" + encode(deep) + b"]")
