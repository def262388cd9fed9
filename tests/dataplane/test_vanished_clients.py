"""Clients that vanish without a word: found by pings, reported once, and gone for pushes."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.dataplane.conftest import NewApi, StartNode
from tests.support.apis import Api
from tests.support.networks import HOST, Cable, why_not
from tests.support.rawsocket import PING, PONG, RawClient

PINGS = {"pingInterval": 1, "pingTimeout": 2}
REACHABLE = {"host": HOST, "NOPAL_ANONYMOUS_CALLBACKS": "off", "NOPAL_OUTBOUND_ALLOW": "127.0.0.0/8"}


@pytest.fixture
def cable() -> Iterator[Cable]:
    if (reason := why_not()) is not None:
        pytest.skip(f"cannot make clients vanish: {reason}")
    with Cable() as cable:
        yield cable


def connect_over(cable: Cable, api: Api, count: int) -> list[tuple[RawClient, str]]:
    """Clients at the other end of the cable, with their connections' ids; they answer no pings."""

    def connect() -> list[tuple[RawClient, str]]:
        found = []
        for number in range(count):
            raw = RawClient(api.node.port, host=HOST, receive_buffer=4096)
            api.raws.append(raw)
            mark = f"guest{len(api.ledger.opened)}.{number}"
            assert raw.upgrade(f"{api.path}?n={mark}").status == 101
            found.append((raw, mark))
        return found

    return [(raw, api.note_opened(mark)) for raw, mark in cable.from_guest(connect)]


async def test_vanished_clients_are_found_reported_once_and_gone(
    cable: Cable, start_node: StartNode, new_api: NewApi
) -> None:
    """100 clients; every other one has data under way that its machine never acknowledges. Pings start after that."""
    node = await start_node(**REACHABLE)
    api = await new_api(node=node)
    credentials = tuple(await asyncio.to_thread(node.call, "create_access_key", name="pusher"))
    witness = await api.connect()
    guests = await asyncio.to_thread(connect_over, cable, api, 100)
    async with api.callbacks(credentials) as callbacks:
        async with asyncio.timeout(5):
            while (await callbacks.post(witness.connection_id, "known?")).status != 200:
                await asyncio.sleep(0.05)
        await asyncio.to_thread(cable.pull)
        began = time.monotonic()
        for _, connection_id in guests[::2]:
            assert (await callbacks.post(connection_id, "x" * 20_000)).status == 200
        await api.update_stage(limits=PINGS)
        await api.disconnected(100)
        assert time.monotonic() - began < 15
        assert api.ledger.codes() == {"1006": 100}
        statuses = [(await callbacks.post(connection_id, "?")).status for _, connection_id in guests]
    assert statuses == [410] * 100
    assert await witness.socket.recv() == "known?"
    assert await witness.ask("still here") == "still here"


async def test_a_client_that_answers_no_ping_is_dropped_and_one_that_does_is_not(new_api: NewApi) -> None:
    api = await new_api(limits=PINGS)
    (_, silent_id), (polite, _) = await api.connect_raw(), await api.connect_raw()
    answered = 0

    def be_polite() -> None:
        nonlocal answered
        while answered < 5:
            opcode, payload = polite.receive_frame()
            assert opcode == PING
            polite.send_frame(PONG, payload)
            answered += 1

    await asyncio.to_thread(be_polite)
    [end] = await api.disconnected(1)
    assert (end.header("connectionId"), end.header("statusCode")) == (silent_id, "1006")
    assert len(api.node.rows(api.api_id)) == 1
