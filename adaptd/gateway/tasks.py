"""Ending asyncio tasks for certain."""

import asyncio
from typing import Any

AGAIN_S = 0.2


async def end(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks and wait until each has cleaned up; what they raise meanwhile is nobody's concern any more.

    Asked once is not enough: before Python 3.12 ``asyncio.wait_for`` swallows a cancellation that comes in the moment in which
    its future is done, and a task that loops around it would go on for good.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()
