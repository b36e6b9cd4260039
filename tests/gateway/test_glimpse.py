"""The camera's picture is asked for once a second however many look, and only when somebody does."""

import asyncio

from adaptd.client import ApiError
from adaptd.gateway.web.stream import Glimpse


def test_fifty_lookers_cost_one_picture_a_second() -> None:
    """All of them get the same picture; a second later there is a new one."""
    asked: list[int] = []
    clock = [0.0]

    def ask() -> bytes:
        asked.append(1)
        return b"picture %d" % len(asked)

    async def look() -> None:
        glimpse = Glimpse(ask, lambda: clock[0])
        assert asked == []
        found = await asyncio.gather(*(glimpse.picture() for _ in range(50)))
        assert set(found) == {b"picture 1"}
        clock[0] = 1.0
        assert await glimpse.picture() == b"picture 2"

    asyncio.run(look())
    assert len(asked) == 2


def test_a_camera_that_may_not_be_seen_is_words() -> None:
    """The refusal's own remedy is passed on; no picture yet is said too."""

    def refuse() -> bytes:
        raise ApiError("preview.sock: set `camera: {preview: true}` in the policy")

    assert "preview: true" in str(asyncio.run(Glimpse(refuse).picture()))
    assert "no picture yet" in str(asyncio.run(Glimpse(lambda: b"").picture()))
