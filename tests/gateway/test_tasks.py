"""A task that does not hear its first cancellation ends all the same."""

import asyncio

from adaptd.gateway.plugins import end


def test_a_task_that_swallows_a_cancellation_ends_all_the_same() -> None:
    """As asyncio.wait_for does before Python 3.12 when its future is done at that moment: the loop around it would go on."""
    heard = []

    async def deaf_once() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                heard.append("cancelled")
                if len(heard) > 1:
                    raise

    async def run() -> bool:
        task = asyncio.ensure_future(deaf_once())
        await asyncio.sleep(0)
        await asyncio.wait_for(end(task), 10)
        return task.cancelled()

    assert asyncio.run(run())
    assert heard == ["cancelled", "cancelled"]


def test_what_a_task_raises_while_it_ends_is_not_raised_again() -> None:
    """Ending is not the place to hear of trouble, and a task that had ended before is left alone."""

    async def fails() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("while cleaning up")

    async def run() -> None:
        done, failing = asyncio.ensure_future(asyncio.sleep(0)), asyncio.ensure_future(fails())
        await asyncio.sleep(0.01)
        await end(done, failing)
        await end()

    asyncio.run(run())
