"""Clients and backends that misbehave at random, all at once; afterwards the books balance and nothing is held.

`make test-faults` runs this for minutes (NOPAL_FAULT_SECONDS); the seed of a failed run is in its output.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable

from websockets.exceptions import ConnectionClosed

from tests.dataplane.conftest import NewApi, NewBackend, StartNode
from tests.dataplane.test_memory import memory_of
from tests.support.apis import Api, note
from tests.support.backend import Received
from tests.support.credentials import create_credential
from tests.support.invariants import eventually
from tests.support.rawsocket import CONTINUATION, PING, PONG, TEXT, frame_header, masked_frame

SECONDS = float(os.environ.get("NOPAL_FAULT_SECONDS", "8"))
SEED = int(os.environ.get("NOPAL_FAULT_SEED", "0")) or random.randrange(1, 2**32)
Behaviour = Callable[[Api, random.Random], Awaitable[None]]


async def talks(api: Api, chance: random.Random) -> None:
    client = await api.connect()
    for _ in range(chance.randrange(20)):
        text = "x" * chance.choice((1, 100, 10_000, 30_000))
        await client.socket.send(text)
        if chance.random() < 0.8:
            await asyncio.wait_for(client.socket.recv(), 30)
    if chance.random() < 0.7:
        await client.socket.close(chance.choice((1000, 1001, 4000)))
    else:
        client.socket.transport.abort()


async def reads_nothing(api: Api, chance: random.Random) -> None:
    raw, _ = await api.connect_raw(receive_buffer=4096)
    raw.socket.settimeout(1)
    await asyncio.to_thread(raw.send_while_open, masked_frame(TEXT, b"y" * 30_000) * chance.randrange(1, 60))
    await asyncio.sleep(chance.random())
    raw.reset()


async def floods(api: Api, chance: random.Random) -> None:
    raw, _ = await api.connect_raw()
    raw.socket.settimeout(1)
    fragments = masked_frame(TEXT, b"a", fin=False) + masked_frame(CONTINUATION, b"b", fin=False) * 200
    flood = chance.choice(
        (masked_frame(PING, b"x"), masked_frame(PONG, b""), fragments, masked_frame(CONTINUATION, b""))
    )
    await asyncio.to_thread(raw.send_while_open, flood * 2_000)
    raw.reset()


async def leaves_in_the_middle(api: Api, chance: random.Random) -> None:
    raw, _ = await api.connect_raw()
    raw.socket.settimeout(1)
    parts = masked_frame(TEXT, b"a" * 30_000, fin=False) + frame_header(CONTINUATION, 30_000) + b"mask" + b"half of it"
    await asyncio.to_thread(raw.send_while_open, masked_frame(TEXT, note(1).encode()) * chance.randrange(40) + parts)
    await asyncio.sleep(chance.random() / 2)
    raw.reset()


async def pushes(api: Api, chance: random.Random) -> None:
    client = await api.connect()
    async with api.callbacks() as callbacks:
        for _ in range(chance.randrange(30)):
            answer = await callbacks.post(client.connection_id, "p" * chance.choice((1, 5_000, 100_000)))
            assert answer.status in (200, 429), answer.status
    await client.socket.close()


BEHAVIOURS: list[Behaviour] = [talks, talks, reads_nothing, floods, leaves_in_the_middle, pushes]


def unreliable(api: Api, chance: random.Random) -> None:
    """Echo, but late, or too much, or not in time at all."""

    async def respond(received: Received) -> bytes:
        await asyncio.sleep(chance.choice((0, 0, 0.01, 0.3, 2)))
        return received.body if chance.random() < 0.8 else b"z" * 100_000

    api.on("/echo", respond)
    api.on("/note", respond)


async def test_nothing_is_lost_or_held_after_everything_went_wrong_at_once(
    start_node: StartNode, new_api: NewApi, new_backend: NewBackend
) -> None:
    print(f"NOPAL_FAULT_SEED={SEED}")
    chance = random.Random(SEED)
    node = await start_node(NOPAL_MEMORY_BUDGET="8M")
    limits = {"slowClientTimeout": 2}
    apis = [await new_api(node, await new_backend(), timeout_in_millis=1000, limits=limits) for _ in range(2)]
    for api in apis:
        unreliable(api, chance)
    credential = create_credential(node)
    until = time.monotonic() + SECONDS

    async def misbehave(seed: int) -> int:
        own, done = random.Random(seed), 0
        while time.monotonic() < until:
            try:
                await own.choice(BEHAVIOURS)(own.choice(apis), own)
            except (ConnectionClosed, OSError, AssertionError) as error:
                if isinstance(error, AssertionError) and "503" not in str(error) and "429" not in str(error):
                    raise
            done += 1
        return done

    done = await asyncio.gather(*(misbehave(chance.randrange(2**32)) for _ in range(24)))
    assert sum(done) > 24
    for api in apis:
        await api.close()
        await api.balance()
    await eventually(lambda: memory_of(node, credential)["held"] == 0, "bytes held for clients that have left")
    assert node.process is not None
    assert node.process.poll() is None
