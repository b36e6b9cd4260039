"""JSON lines over a socket: one message a line, bounded in size, checked field by field. A bad line is a value, not a crash."""

import contextlib
import re
import socket
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from adaptd.protocol.messages import Begin, Garbled, MoveOver, Stop, ToDaemon, WorkerReport
from adaptd.vocabulary import Setpoint

MAX_LINE = 64 * 1024
MAX_PENDING = 1 << 20

Message = Begin | Setpoint | MoveOver | Stop | ToDaemon
_SHORT = {Setpoint: "set", WorkerReport: "report"}
_NAMES = {kind: _SHORT.get(kind, kind.__name__.lower()).encode() for kind in get_args(Message)}
_FORMS: dict[bytes, TypeAdapter[Any]] = {name: TypeAdapter(kind) for kind, name in _NAMES.items()}
_KIND = re.compile(rb'\{"k":"([a-z]{1,9})"(?:,(?=")|(?=\}))')
_TOO_LONG = re.compile(rb"[:,\[]-?[0-9]{20}")  # a number that no field of 64 bits holds


class WireError(ValueError):
    """A line that is no message."""


def encode(message: Message) -> bytes:
    """One line of compact ASCII JSON, newline included; the kind comes first.

    Raises:
        WireError: the line would be longer than MAX_LINE.
    """
    name = _NAMES[type(message)]
    fields = _FORMS[name].dump_json(message, ensure_ascii=True)[1:]
    line = b'{"k":"%b"%b%b\n' % (name, b"" if fields == b"}" else b",", fields)
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
    start = _KIND.match(line)
    form = None if start is None else _FORMS.get(start[1])
    if start is None or form is None:
        raise WireError("not a message: it does not begin with a known kind")
    if _TOO_LONG.search(line):
        raise WireError("number too long")
    try:
        message: Message = form.validate_json(b"{" + line[start.end() :], strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise WireError(f"{start[1].decode()}: {where + ': ' if where else ''}{first['msg'][:80]}") from None
    return message


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
