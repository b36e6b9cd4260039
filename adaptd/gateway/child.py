"""Commands of adaptd run as children: nicely, bounded in time and output, and never more than one of a kind.

The gateway reads the log through these alone, so it needs none of the log's code in its own memory, and a log of any size or
state costs it a child that can be ended.
"""

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

MAX_OUTPUT_BYTES = 8 << 20
NICE = 10


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended. ``code`` is None where it was ended by its deadline or said more than fits."""

    code: int | None
    output: bytes
    errors: str


async def run(words: tuple[str, ...], deadline_s: float) -> Done:
    """Run ``adaptd`` with these words. Every child ends: by itself, by its deadline, or with the gateway."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adaptd", *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=_be_nice,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in (_root(), os.environ.get("PYTHONPATH", "")) if path)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        output, errors = await asyncio.wait_for(_both(process.stdout, process.stderr), deadline_s)
        code = await asyncio.wait_for(process.wait(), 5)
    except (asyncio.TimeoutError, OverflowError) as error:
        words_said = "it said more than fits" if isinstance(error, OverflowError) else f"it took longer than {deadline_s:g} s"
        return Done(None, b"", words_said)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return Done(code, output, " ".join(errors.decode(errors="replace").split())[-500:])


async def _both(out: asyncio.StreamReader, err: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read both at once, so that neither pipe fills up; the second reader ends with the first's failure."""
    complaints = asyncio.ensure_future(_bounded(err, 64 * 1024))
    try:
        return await _bounded(out, MAX_OUTPUT_BYTES), await complaints
    finally:
        complaints.cancel()


async def _bounded(stream: asyncio.StreamReader, most: int) -> bytes:
    pieces, size = [], 0
    while piece := await stream.read(65_536):
        size += len(piece)
        if size > most:
            raise OverflowError
        pieces.append(piece)
    return b"".join(pieces)


def _be_nice() -> None:
    with contextlib.suppress(OSError):  # a hardened unit forbids it, and has set it already
        os.nice(NICE)


def _root() -> str:
    """Where this adaptd was imported from, so that the child is the same one."""
    return str(Path(__file__).resolve().parents[2])
