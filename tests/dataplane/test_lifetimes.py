"""How connections end: by time, with their stage, and from several sides at one moment; always once."""

import asyncio
import time

import pytest

from tests.dataplane.conftest import NewApi
from tests.support.apis import Api, Client, note

GOING_AWAY = (1001, "Going away")


async def test_an_idle_connection_is_closed_with_1001_and_data_either_way_keeps_it_open(new_api: NewApi) -> None:
    api = await new_api(limits={"idleTimeout": 2})
    began = time.monotonic()
    idle, talking, pushed = [await api.connect() for _ in range(3)]

    async def keep_busy() -> None:
        async with api.callbacks() as callbacks:
            while True:
                await talking.socket.send(note(1))
                assert (await callbacks.post(pushed.connection_id, "still there?")).status == 200
                await asyncio.sleep(0.5)

    busy = asyncio.create_task(keep_busy())
    assert await idle.closed() == GOING_AWAY
    assert time.monotonic() - began >= 2
    assert [talking.socket.close_code, pushed.socket.close_code] == [None, None]
    busy.cancel()
    assert [await client.closed() for client in (talking, pushed)] == [GOING_AWAY] * 2
    ends = await api.disconnected(3)
    assert [(end.header("statusCode"), end.header("reason")) for end in ends] == [("1001", "Going away")] * 3


async def test_pings_keep_a_connection_open_only_where_they_count_as_activity(new_api: NewApi) -> None:
    apis = [await new_api(limits={"idleTimeout": 2, "pingResetsIdle": counts}) for counts in (True, False)]
    clients = [await api.connect() for api in apis]

    async def ping() -> None:
        while True:
            for client in clients:
                await client.socket.ping()
            await asyncio.sleep(0.3)

    pinging = asyncio.create_task(ping())
    assert await clients[1].closed() == GOING_AWAY
    assert clients[0].socket.close_code is None
    pinging.cancel()
    assert await clients[0].closed() == GOING_AWAY


async def test_a_connection_ends_when_its_time_is_over_however_busy_it_is(new_api: NewApi) -> None:
    api = await new_api(limits={"connectionDuration": 3})
    began = time.monotonic()
    client = await api.connect()
    assert await client.talk_until_closed("hello") == GOING_AWAY
    assert time.monotonic() - began >= 3
    [end] = await api.disconnected(1)
    assert end.header("statusCode") == "1001"


async def test_lifetimes_that_are_switched_off_never_end_a_connection(new_api: NewApi) -> None:
    api = await new_api(limits={"idleTimeout": 0, "connectionDuration": 0})
    other = await new_api(limits={"idleTimeout": 1})
    client, brief = await api.connect(), await other.connect()
    assert await brief.closed() == GOING_AWAY
    assert await client.ask("still there?") == "still there?"


async def test_limits_changed_while_connections_are_open_take_effect_on_them(new_api: NewApi) -> None:
    api = await new_api()
    client, talker, sender = [await api.connect() for _ in range(3)]
    assert await talker.ask("x" * 1000) == "x" * 1000
    await api.update_stage(limits={"messagesPerSecond": 2, "maxMessage": 500, "maxFrame": 500, "idleTimeout": 30})
    assert (await talker.talk_until_closed("x" * 1000))[0] == 1009
    assert await sender.talk_until_closed("hello") == (1008, "Rate exceeded")
    await api.update_stage(limits={"idleTimeout": 1})
    assert await client.closed() == GOING_AWAY


async def test_the_end_of_a_stage_closes_its_connections_and_tells_the_backend(new_api: NewApi) -> None:
    api, other = await new_api(), await new_api()
    clients, survivor = await api.connect_many(200), await other.connect()
    await api.delete_stage()
    assert [await client.closed() for client in clients] == [GOING_AWAY] * 200
    await api.disconnected(200)
    assert api.ledger.codes() == {"1001": 200}
    assert await survivor.ask("hello") == "hello"


async def test_a_stage_that_ends_during_a_handshake_leaves_no_connection_behind(new_api: NewApi) -> None:
    api = await new_api()
    asked, answer = asyncio.Event(), asyncio.Event()

    async def think(request: object) -> bytes:
        asked.set()
        await answer.wait()
        return api.accept(request)

    api.on("/connect", think)
    connecting = asyncio.create_task(api.connect())
    await asked.wait()
    await api.delete_stage()
    await api.known(False)
    answer.set()
    assert await (await connecting).closed() == GOING_AWAY
    await api.disconnected(1)


async def test_an_api_deleted_with_its_stage_behaves_alike(new_api: NewApi) -> None:
    api = await new_api()
    clients = await api.connect_many(10)
    await asyncio.to_thread(api.node.call, "delete_api", api_id=api.api_id)
    assert [await client.closed() for client in clients] == [GOING_AWAY] * 10
    await api.disconnected(10)


async def test_open_connections_follow_a_new_deployment_with_their_next_message(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()
    api.on("/second", body=b"from the second deployment")
    await api.update_integration("$default", integration_uri=api.uri("/second"))
    assert await client.ask("hello") == "hello"
    await api.deploy()
    async with asyncio.timeout(5):
        while (answer := await client.ask("hello")) == "hello":
            await asyncio.sleep(0.05)
    assert answer == "from the second deployment"


async def test_a_message_under_way_is_answered_under_the_deployment_that_it_began_with(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()
    asked, answer = asyncio.Event(), asyncio.Event()

    async def think(request: object) -> bytes:
        asked.set()
        await answer.wait()
        return b"the first"

    api.on("/echo", think)
    api.on("/second", body=b"the second")
    await client.socket.send("hello")
    await asked.wait()
    await api.update_integration("$default", integration_uri=api.uri("/second"))
    await api.deploy()
    observer = await api.connect()
    api.on("/echo", body=b"the first")
    async with asyncio.timeout(5):
        while await observer.ask("?") != "the second":
            await asyncio.sleep(0.05)
    answer.set()
    assert await client.socket.recv() == "the first"
    assert await client.ask("again") == "the second"


async def test_50_deployments_under_load_follow_one_another_and_fail_no_message(new_api: NewApi) -> None:
    api = await new_api()
    client = await api.connect()
    names = [f"deployment {number}" for number in range(50)]
    answers: list[str] = []

    async def talk() -> None:
        while not answers or answers[-1] != names[-1]:
            answers.append(await client.ask("which?"))

    talking = asyncio.create_task(talk())
    for number, name in enumerate(names):
        api.on(f"/{number}", body=name.encode())
        await api.update_integration("$default", integration_uri=api.uri(f"/{number}"))
        await api.deploy()
    await asyncio.wait_for(talking, 20)
    seen = list(dict.fromkeys(answers))
    assert seen == [name for name in ["which?", *names] if name in seen]


@pytest.mark.parametrize("sides", ["DELETE and the client", "idle timeout", "end of the stage"])
async def test_a_connection_closed_from_several_sides_at_once_ends_once(new_api: NewApi, sides: str) -> None:
    """The client and a DELETE close at the moment when the gateway begins to, in 400 races for each of its reasons."""
    api = await new_api(limits={"idleTimeout": 3 if sides == "idle timeout" else 0})
    clients = await api.connect_many(400)
    gateway_begins = [asyncio.create_task(client.socket.wait_closed()) for client in clients]
    if sides == "end of the stage":
        await api.delete_stage()
    if sides == "DELETE and the client":
        await clients[0].socket.close()
    await asyncio.wait(gateway_begins, return_when=asyncio.FIRST_COMPLETED)
    shares = [clients[place::8] for place in range(8)]
    await asyncio.gather(*(close_both_ways(api, share) for share in shares))
    await asyncio.gather(*gateway_begins)
    await api.disconnected(400, patience=30)
    assert set(api.ledger.codes()) <= {"1000", "1001"}


async def close_both_ways(api: Api, clients: list[Client]) -> None:
    async with api.callbacks() as callbacks:
        for client in clients:
            callbacks.send("DELETE", client.connection_id)
            await client.socket.close()
            assert (await callbacks.answer()).status in (204, 403, 410)
