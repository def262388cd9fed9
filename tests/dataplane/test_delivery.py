"""Pushes reach their client in order and unharmed, or their sender hears why not: 410, 413 or 429, never silence."""

import asyncio
import itertools
import socket
import struct
import time

from tests.dataplane.conftest import NewApi, NewBackend
from tests.support.apis import Api, Client, note
from tests.support.backend import Received
from tests.support.rawsocket import CLOSE, TEXT, RawClient

MIB = 2**20


async def test_pushes_during_the_handshake_are_gone_and_from_the_101_on_none_is_lost_or_early(new_api: NewApi) -> None:
    api = await new_api()
    early: list[int] = []
    delivered: dict[str, list[str]] = {}
    pushing: set[asyncio.Task[None]] = set()

    async def push_until_taken(connection_id: str) -> None:
        async with api.callbacks() as callbacks:
            for number in itertools.count():
                answer = await callbacks.post(connection_id, str(number))
                assert answer.status in (200, 410)
                if answer.status == 200:
                    delivered.setdefault(connection_id, []).append(str(number))
                    if len(delivered[connection_id]) == 5:
                        return
                else:
                    assert connection_id not in delivered, "gone after it had been there"
                    await asyncio.sleep(0.005)

    async def greet(request: Received) -> bytes:
        connection_id = request.header("connectionId") or ""
        async with api.callbacks() as callbacks:
            early.extend([(await callbacks.post(connection_id, "early")).status for _ in range(5)])
        pushing.add(asyncio.create_task(push_until_taken(connection_id)))
        return api.accept(request)

    api.on("/connect", greet)
    clients = await api.connect_many(200)
    for client in clients:
        assert [await client.socket.recv() for _ in range(5)] == delivered[client.connection_id]
        await client.socket.close()
    await asyncio.gather(*pushing)
    assert early == [410] * 1000


async def test_a_burst_of_500_pushes_to_one_client_arrives_in_order_or_is_answered_429(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()
    accepted: set[str] = set()

    async def burst(poster: int) -> None:
        async with api.callbacks() as callbacks:
            texts = [f"{poster}:{number}" for number in range(10)]
            for text in texts:
                callbacks.send("POST", client.connection_id, text.encode())
            for text in texts:
                status = (await callbacks.answer()).status
                assert status in (200, 429)
                if status == 200:
                    accepted.add(text)

    await asyncio.gather(*map(burst, range(50)))
    received = [str(await asyncio.wait_for(client.socket.recv(), 10)) for _ in accepted]
    assert sorted(received) == sorted(accepted)
    for poster in range(50):
        own = [int(text.split(":")[1]) for text in received if text.startswith(f"{poster}:")]
        assert own == sorted(own)


async def test_what_was_accepted_for_a_client_that_reads_late_arrives_in_order_and_the_rest_was_429(
    new_api: NewApi,
) -> None:
    api = await new_api(limits={"sendBuffer": 100_000})
    raw, connection_id = await api.connect_raw(receive_buffer=4096)
    async with api.callbacks() as callbacks:
        answers = [(await callbacks.post(connection_id, f"{number:<8000}")).status for number in range(800)]
    assert set(answers) == {200, 429}
    expected = [number for number, status in enumerate(answers) if status == 200]
    received = await asyncio.to_thread(lambda: [int(raw.receive_frame()[1]) for _ in expected])
    assert received == expected


async def test_awaited_pushes_arrive_in_order(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()

    async def push() -> None:
        async with api.callbacks() as callbacks:
            for number in range(5000):
                assert (await callbacks.post(client.connection_id, str(number))).status == 200

    pushing = asyncio.create_task(push())
    received = [int(await client.socket.recv()) for _ in range(5000)]
    await pushing
    assert received == list(range(5000))


async def test_messages_reach_the_backend_in_strict_order_where_one_may_be_in_flight(new_api: NewApi) -> None:
    api = await new_api(limits={"maxInFlight": 1})
    assert await numbers_at_the_backend(api, 2000) == list(range(2000))


async def test_messages_are_dispatched_in_order_and_never_overtake_more_than_may_be_in_flight(new_api: NewApi) -> None:
    api = await new_api()
    numbers = await numbers_at_the_backend(api, 3000)
    assert sorted(numbers) == list(range(3000))
    assert max(abs(place - number) for place, number in enumerate(numbers)) < 16


async def numbers_at_the_backend(api: Api, count: int) -> list[int]:
    client = await api.connect()
    for number in range(count):
        await client.socket.send(note(number))
    requests = await api.received(count, "/note")
    await client.socket.close()
    return [request.json()["number"] for request in requests]


async def test_a_fan_out_to_1000_clients_by_64_posters_loses_nothing(new_api: NewApi) -> None:
    api = await new_api()
    clients = await api.connect_many(1000)
    work = iter([(client, number) for number in range(3) for client in clients])

    async def post() -> None:
        async with api.callbacks() as callbacks:
            for client, number in work:
                assert (await callbacks.post(client.connection_id, str(number))).status == 200

    await asyncio.gather(*(post() for _ in range(64)))
    for client in clients:
        assert sorted([str(await client.socket.recv()) for _ in range(3)]) == ["0", "1", "2"]


async def test_clients_that_stop_reading_cost_bounded_memory_get_1008_and_harm_nobody(new_api: NewApi) -> None:
    api = await new_api(limits={"slowClientTimeout": 5})
    healthy = await api.connect()
    slow = [await api.connect_raw(receive_buffer=4096) for _ in range(100)]
    before = api.node.memory
    longest = 0.0

    async def push_until_refused(connection_id: str) -> None:
        nonlocal longest
        async with api.callbacks() as callbacks:
            for _ in range(100):  # 10 MB
                began = time.monotonic()
                status = (await callbacks.post(connection_id, "x" * 100_000)).status
                longest = max(longest, time.monotonic() - began)
                if status != 200:
                    break
            assert status == 429

    pushing = [asyncio.create_task(push_until_refused(connection_id)) for _, connection_id in slow]
    assert await healthy.ask("hello") == "hello"
    await asyncio.gather(*pushing)
    assert longest < 5
    assert api.node.memory - before <= 100 * MIB + 20 * MIB
    await api.disconnected(100)
    closes = await asyncio.gather(*(asyncio.to_thread(last_close, raw) for raw, _ in slow[:3]))
    assert closes == [1008] * 3
    assert await healthy.ask("still here") == "still here"
    await healthy.socket.close()
    await api.disconnected(101)
    assert api.ledger.codes() == {"1008": 100, "1000": 1}


def last_close(raw: RawClient) -> int:
    """Read to the end; the code of the close frame that stands there."""
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB)
    opcode, payload = TEXT, b""
    while opcode != CLOSE:
        opcode, payload = raw.receive_frame()
    return int(struct.unpack("!H", payload[:2])[0])


async def test_a_push_never_waits_for_a_client_that_reads_a_little_and_stops(new_api: NewApi) -> None:
    api = await new_api(limits={"sendBuffer": 1})
    raw, connection_id = await api.connect_raw(receive_buffer=4096)
    async with api.callbacks() as callbacks:
        for _ in range(300):
            async with asyncio.timeout(5):
                status = (await callbacks.post(connection_id, "x" * 120_000)).status
            if status == 429:
                await asyncio.to_thread(raw.receive, 30_000)
    raw.reset()


async def test_a_push_that_its_sender_breaks_off_is_not_delivered(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()

    def break_off() -> None:
        with api.node.client() as raw:
            head = f"POST {api.path}/@connections/{client.connection_id} HTTP/1.1\r\nHost: localhost\r\n"
            raw.send(head.encode() + b"Content-Length: 100\r\n\r\nhalf of it")
            raw.socket.shutdown(socket.SHUT_WR)
            raw.receive_rest()

    for _ in range(10):
        await asyncio.to_thread(break_off)
    assert await client.ask("nothing before this") == "nothing before this"


async def test_messages_of_two_apis_never_cross(new_api: NewApi, new_backend: NewBackend) -> None:
    apis = [await new_api(), await new_api(backend=await new_backend())]
    clients = [await api.connect() for api in apis for _ in range(10)]

    async def talk(number: int, client: Client) -> None:
        for turn in range(250):
            assert await client.ask(f"{number} says {turn}") == f"{number} says {turn}"

    await asyncio.gather(*(talk(number, client) for number, client in enumerate(clients)))
