"""What a C2SP witness is asked (tlog-witness, ``add-checkpoint``) and what its answer is worth."""

import base64
from collections.abc import Sequence

from adaptd.log.format import note
from adaptd.log.format.keys import cosignature_time
from adaptd.log.verify.headline import moment

MAX_LINES = 8


class Refused(ValueError):  # noqa: N818 - the witness's answer is refused, nothing else is wrong
    """The answer of a witness cannot be used. One line."""


def request(old: int, proof: Sequence[bytes], text: str) -> bytes:
    """The body of the request: the size that the witness knows, a consistency proof from there, and the checkpoint note."""
    lines = [f"old {old}", *[base64.b64encode(one).decode() for one in proof], ""]
    return ("\n".join(lines) + "\n" + text).encode()


def cosigned(text: str, answer: bytes, key: note.VerifierKey | None) -> tuple[str, str]:
    """The note with the witness's signature lines behind its own, and when it was cosigned, in words.

    Raises:
        Refused: the answer holds no signature lines, or not one that holds under ``key``.
    """
    try:
        lines = answer.decode()
        if not lines.endswith("\n") or not 0 < lines.count("\n") <= MAX_LINES:
            raise Refused("answered without signature lines")
        together = text + lines
        signed = note.parse_note(together)
    except (UnicodeDecodeError, note.NoteError) as error:
        raise Refused(f"answered what is no signature ({error})") from None
    if key is None:
        return together, ", not checked under a key (give --witness-key)"
    time_s = cosignature_time(signed, key)
    if time_s is None:
        raise Refused(f"its signature does not hold under the key of {key.name}")
    return together, f" at {moment(time_s * 1000)}"
