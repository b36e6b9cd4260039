"""The one encoder and the one decoder of the log: RFC 8785 restricted to integers, strings, booleans, null, lists and dicts.

Keys are ASCII and sorted, nothing is padded with spaces, integers stay inside +-(2^53 - 1) so that every language reads them
exactly, and there are no floats. The decoder accepts only bytes that the encoder would have written.
"""

from collections.abc import Callable
from json import JSONDecodeError, JSONDecoder, JSONEncoder
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from typing import Any, Final

Plain = Any  # None | bool | int | str | list[Plain] | dict[str, Plain]; a recursive alias costs more than it says

INT_LIMIT = 2**53
MAX_LINE = 1 << 20
MAX_DEPTH = 16

_DIGITS = bytes(0x30 if 0x30 <= code <= 0x39 else 0x20 for code in range(256))
_LONG_NUMBER = b"0" * 16


class CanonicalError(ValueError):
    """The value has no canonical form, or the bytes are not one. The text says which rule was broken."""


def _refuse_float(text: str) -> None:
    raise CanonicalError(f"the number {text[:32]} is not an integer")


_decoder: Any = JSONDecoder(parse_float=_refuse_float, parse_constant=_refuse_float)
_scan: Final[Callable[[str, int], tuple[Plain, int]]] = _decoder.scan_once


def _writer() -> Callable[[Plain], str]:
    """The standard library's encoder, set up once; its compiled half where there is one, which gives the same text faster."""
    if c_make_encoder is None:
        return JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
    pieces = c_make_encoder(None, _refuse_type, encode_basestring, None, ":", ",", True, False, False)
    return lambda value: "".join(pieces(value, 0))


def _refuse_type(value: object) -> None:
    raise CanonicalError(f"a {type(value).__name__} has no canonical form")


_write: Final = _writer()


def check(value: Plain, depth: int = 0) -> None:
    """Raise CanonicalError unless ``value`` has a canonical form."""
    kind = type(value)
    if kind is int:
        if not -INT_LIMIT < value < INT_LIMIT:
            raise CanonicalError(f"the integer {value!r:.40} is outside +-(2^53 - 1)")
    elif kind is dict:
        _check_depth(depth)
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise CanonicalError(f"the key {key!r:.40} is not ASCII text")
            if type(item) is not str and (type(item) is not int or not -INT_LIMIT < item < INT_LIMIT):
                check(item, depth + 1)
    elif kind is list:
        _check_depth(depth)
        for item in value:
            if type(item) is not str and (type(item) is not int or not -INT_LIMIT < item < INT_LIMIT):
                check(item, depth + 1)
    elif kind is not str and kind is not bool and value is not None:
        raise CanonicalError(f"a {kind.__name__} has no canonical form")


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise CanonicalError(f"nested deeper than {MAX_DEPTH}")


def _check_nesting(value: Plain, depth: int = 0) -> None:
    """The part of ``check`` that is about depth."""
    if type(value) is dict or type(value) is list:
        _check_depth(depth)
        for item in value.values() if type(value) is dict else value:
            if type(item) is dict or type(item) is list:
                _check_nesting(item, depth + 1)


def encode(value: Plain) -> bytes:
    """Return the canonical bytes of ``value``; raises CanonicalError for a float, a long integer or a strange key."""
    check(value)
    try:
        return _write(value).encode()
    except UnicodeEncodeError:
        raise CanonicalError("the text holds a lone surrogate") from None


def decode(line: bytes) -> Plain:
    """Return the value whose canonical bytes are exactly ``line``; raises CanonicalError for anything else."""
    if len(line) > MAX_LINE:
        raise CanonicalError(f"longer than {MAX_LINE} bytes")
    try:
        text = line.decode()
        value, end = _scan(text, 0)
        if end != len(text):
            raise CanonicalError("text after the end of the value")
        if not _plain(line):
            check(value)
        elif line.count(b"{") + line.count(b"[") > MAX_DEPTH:
            _check_nesting(value)
        again = _write(value).encode()
    except CanonicalError:
        raise
    except StopIteration:
        raise CanonicalError("not JSON") from None
    except JSONDecodeError as error:
        raise CanonicalError(f"not JSON: {error.msg}") from None
    except RecursionError:
        raise CanonicalError(f"nested deeper than {MAX_DEPTH}") from None
    except ValueError:
        raise CanonicalError("not UTF-8 text, or a number too long to read") from None
    if again != line:
        raise CanonicalError("not written the canonical way")
    return value


def same_bytes(one: Plain, other: Plain) -> bool:
    """Whether two values have the same canonical bytes; 1 and True, which Python calls equal, do not."""
    kind = type(one)
    if kind is not type(other) or one != other:
        return False
    if kind is dict:
        for key, item in one.items():
            if not same_bytes(item, other[key]):
                return False
    elif kind is list:
        for item, there in zip(one, other, strict=True):
            if not same_bytes(item, there):
                return False
    return True


def _plain(line: bytes) -> bool:
    """Whether the bytes alone show that ``check`` would find nothing but depth: ASCII, and without any run of 16 digits."""
    return line.isascii() and _LONG_NUMBER not in line.translate(_DIGITS)
