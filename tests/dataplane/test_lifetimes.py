"""How connections end: by time, by their stage's end, and from several sides at one moment."""

import asyncio
import time

import pytest

from tests.dataplane.conftest import NewApi
from tests.support.apis import note


async def test_an_idle_connection_is_closed_with_1001_and_traffic_either_way_keeps_it_open(new_api: NewApi) -> None:
    api = await new_api(limits={"idleTimeout": 2})
    idle, talking, pushed = [await api.connect() for _ in range(3)]
    opened = time.monotonic()

    async def keep_busy() -> None:
        async with api.callbacks() as callbacks:
            while True:
                await talking.socket.send(note(1))
                assert (await callbacks.post(pushed.connection_id, "still there?")).status == 200
                await asyncio.sleep(0.5)

    busy = asyncio.create_task(keep_busy())
    assert await idle.closed() == (1001, "Going away")
    assert time.monotonic() - opened == pytest.approx(2, abs=1)
    assert [talking.socket.close_code, pushed.socket.close_code] == [None, None]
    busy.cancel()
    assert [await client.closed() for client in (talking, pushed)] == [(1001, "Going away")] * 2
    assert [event.header("statusCode") for event in await api.disconnected(3)] == ["1001"] * 3
