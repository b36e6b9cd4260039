"""JSON lines over a socket: one message a line, bounded in size, checked field by field. A bad line is a value, not a crash."""

import contextlib
import json
import socket
import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from adaptd.protocol.messages import Applied, Begin, Fault, Garbled, Hello, Setpoint, Stop, Swapped, Waiting, WorkerReport

MAX_LINE = 64 * 1024
MAX_DIGITS = 19
MAX_PENDING = 1 << 20

Message = Begin | Setpoint | Stop | Waiting | Hello | Applied | Swapped | Fault | WorkerReport
_KINDS: dict[str, type[Message]] = {
    "begin": Begin,
    "set": Setpoint,
    "stop": Stop,
    "waiting": Waiting,
    "hello": Hello,
    "applied": Applied,
    "swapped": Swapped,
    "fault": Fault,
    "report": WorkerReport,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class WireError(ValueError):
    """A line that is no message."""


def encode(message: Message) -> bytes:
    """One line of compact ASCII JSON, newline included.

    Raises:
        WireError: the line would be longer than MAX_LINE.
    """
    plain = {"k": _NAMES[type(message)], **_plain_fields(message)}
    line = json.dumps(plain, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > MAX_LINE:
        raise WireError(f"message of {len(line)} bytes, at most {MAX_LINE} go in a line")
    return line


def decode(line: bytes) -> Message:
    """The message in one line.

    Raises:
        WireError: not JSON, an unknown kind, an unknown or missing field, or a value of the wrong type.
    """
    if len(line) > MAX_LINE:
        raise WireError(f"line of {len(line)} bytes, at most {MAX_LINE} are read")
    try:
        plain = json.loads(line, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not a message: {str(error)[:80]}") from None
    if not isinstance(plain, dict):
        raise WireError("not a message: no object")
    kind = _KINDS.get(str(plain.pop("k", "")))
    if kind is None:
        raise WireError("unknown kind of message")
    built: Message = _build(kind, plain)
    return built


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise WireError("number too long")
    return int(text)


def _no_float(text: str) -> int:
    raise WireError(f"{text[:20]} is not an integer")


def _plain_fields(word: Any) -> dict[str, Any]:
    return {name: _plain(getattr(word, name)) for name in _SHAPES[type(word)][0]}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return _plain_fields(value) if is_dataclass(value) else value


def _build(kind: type, plain: Any) -> Any:
    if not isinstance(plain, dict):
        raise WireError(f"{kind.__name__} is no object")
    readers, required = _SHAPES[kind]
    if unknown := plain.keys() - readers.keys():
        raise WireError(f"{kind.__name__}: unknown field {min(unknown)[:40]}")
    if missing := required - plain.keys():
        raise WireError(f"{kind.__name__}: field {min(missing)} is missing")
    return kind(**{name: readers[name](value) for name, value in plain.items()})


Reader = Callable[[Any], Any]
_SHAPES: dict[type, tuple[dict[str, Reader], set[str]]] = {}


def _exactly(kind: type) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise WireError(f"{type(value).__name__} where {kind.__name__} belongs")
        return value

    return read


def _reader(hint: Any) -> Reader:
    if get_origin(hint) in (Union, types.UnionType):
        inner = _reader(next(arm for arm in get_args(hint) if arm is not type(None)))
        return lambda value: None if value is None else inner(value)
    if get_origin(hint) is tuple:
        return _many(_reader(get_args(hint)[0]))
    if is_dataclass(hint):
        assert isinstance(hint, type)
        _learn(hint)
        return lambda value: _build(hint, value)
    return _exactly(hint)


def _many(inner: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise WireError(f"{type(value).__name__} where a list belongs")
        return tuple(inner(item) for item in value)

    return read


def _learn(kind: type) -> None:
    if kind in _SHAPES:
        return
    hints = get_type_hints(kind)
    required = {field.name for field in fields(kind) if field.default is MISSING}
    _SHAPES[kind] = ({name: _reader(hint) for name, hint in hints.items()}, required)


for _kind in _KINDS.values():
    _learn(_kind)


class Channel:
    """One end of the socket: never blocks, keeps what does not fit, and turns bad lines into ``Garbled``."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._in = bytearray()
        self._out = bytearray()
        self._skipping = False
        self.closed = False

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def backlog(self) -> int:
        """Bytes accepted by ``send`` that the other side has not taken yet."""
        return len(self._out)

    def send(self, message: Message) -> bool:
        """Send or queue; False where the channel is closed or the other side has let MAX_PENDING bytes pile up."""
        if self.closed or len(self._out) > MAX_PENDING:
            return False
        self._out += encode(message)
        self.flush()
        return not self.closed

    def flush(self) -> None:
        """Push out what is queued, as far as the other side takes it."""
        try:
            while self._out and not self.closed:
                del self._out[: self._sock.send(self._out)]
        except BlockingIOError:
            return
        except OSError:
            self.closed = True

    def receive(self) -> list[Message | Garbled]:
        """Everything that has arrived, in order. Sets ``closed`` at the end of the stream."""
        found: list[Message | Garbled] = []
        try:
            while not self.closed:
                data = self._sock.recv(MAX_LINE)
                self.closed = not data
                found += self._feed(data)
                if len(data) < MAX_LINE:
                    break
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True
        return found

    def _feed(self, data: bytes) -> list[Message | Garbled]:
        self._in += data
        *lines, rest = self._in.split(b"\n")
        self._in = bytearray(rest)
        found: list[Message | Garbled] = []
        for line in lines:
            if self._skipping:
                self._skipping = False
                continue
            try:
                found.append(decode(bytes(line)))
            except WireError as error:
                found.append(Garbled(str(error)))
        if len(self._in) > MAX_LINE:
            self._in.clear()
            if not self._skipping:
                found.append(Garbled(f"a line longer than {MAX_LINE} bytes"))
            self._skipping = True
        return found

    def close(self) -> None:
        self.closed = True
        with contextlib.suppress(OSError):
            self._sock.close()
