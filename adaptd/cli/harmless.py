"""What a log or a peer says, made harmless for a terminal: whoever wrote the text does not get to move the cursor.

Control characters, escapes, bidirectional marks and everything else that is not printable is shown by its number. Files that
are written for machines (JSON, CSV) keep every character.
"""


def harmless(text: str) -> str:
    """``text`` with every character that is not printable written as ``\\u`` and its number in hex."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _number(one) for one in text)


def _number(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
