"""Secrets in addresses, hidden in one place: whatever names a source in a log, a record or on a terminal passes here."""

import re

HIDDEN = "***"
_USER_INFO = re.compile(r"(?<=://)[^/\s@]*(?:@[^/\s@]*)*@(?=[^/\s])")
_NAMED = re.compile(
    r"(?i)\b((?:user-)?(?:pw|pwd|passwd|password|pass|secret|token|api[-_]?key|access[-_]?key|auth|sig|signature)\s*=\s*)"
    r"(\"[^\"]*\"|'[^']*'|[^\s&!;,#]+)"
)


def redact(text: str) -> str:
    """``rtsp://***@10.0.0.7/stream`` for ``rtsp://admin:secret@10.0.0.7/stream``; ``password=***`` in queries and pipelines."""
    return _NAMED.sub(rf"\g<1>{HIDDEN}", _USER_INFO.sub(f"{HIDDEN}@", text))


def has_secret(text: str) -> bool:
    """Whether something in ``text`` would be hidden."""
    return redact(text) != text
