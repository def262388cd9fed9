"""The gateway without its database: traffic goes on, new connections wait in the journal, and nothing is lost."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from tests.dataplane.conftest import NewApi, StartNode
from tests.support.apis import STAGE, Api
from tests.support.invariants import eventually
from tests.support.node import Node
from tests.support.postgresql import PostgreSQL
from tests.support.rawsocket import Response

SOON = {"NOPAL_DISCONNECT_RETRY_DELAY": "0.05"}


@contextmanager
def broken_configuration(node: Node) -> Iterator[None]:
    """Meanwhile the database fails to read stages and the configuration's version, as one that is away does."""
    database = sqlite3.connect(node.directory / "nopal.sqlite3", isolation_level=None)
    tables = ("gatewayapp_stage", "gatewayapp_configurationversion")
    try:
        for table in tables:
            database.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
        yield
        for table in tables:
            database.execute(f"ALTER TABLE {table}_away RENAME TO {table}")
    finally:
        database.close()


def journal_kinds(node: Node) -> list[str]:
    """What the journal holds."""
    path = node.directory / "connections.journal"
    return [json.loads(line)[0] for line in path.read_bytes().splitlines()] if path.exists() else []


async def recovered(node: Node) -> None:
    await eventually(lambda: journal_kinds(node) == [], "the journal to be empty")


async def test_traffic_and_new_connections_go_on_while_the_database_is_locked(new_api: NewApi) -> None:
    api = await new_api()
    node = api.node
    client, leaver = await api.connect(), await api.connect()
    with node.locked_database():
        assert await client.ask("hello") == "hello"
        async with api.callbacks() as callbacks:
            assert (await callbacks.post(client.connection_id, "pushed")).status == 200
            assert await client.socket.recv() == "pushed"
            newcomers = await api.connect_many(40)
            assert {await newcomer.ask("new") for newcomer in newcomers} == {"new"}
            assert (await callbacks.post(newcomers[0].connection_id, "pushed")).status == 200
            await leaver.socket.close()
            await newcomers[1].socket.close()
            await api.disconnected(2)
            assert (await callbacks.post(leaver.connection_id, "?")).status == 410
            assert (await callbacks.post(newcomers[1].connection_id, "?")).status == 410
        assert len(node.rows(api.api_id)) == 2
        assert journal_kinds(node).count("add") == 40
    await recovered(node)
    assert set(node.rows(api.api_id)) == {client.connection_id, *(each.connection_id for each in newcomers)} - {
        newcomers[1].connection_id
    }
    await api.balance(open_now=40)
    again = await api.connect()
    assert again.connection_id in node.rows(api.api_id)
    assert journal_kinds(node) == []


async def test_a_crash_without_the_database_loses_no_connection(start_node: StartNode, new_api: NewApi) -> None:
    node = await start_node()
    api = await new_api(node=node)
    before = await api.connect_many(3)
    with node.locked_database():
        meanwhile = await api.connect_many(5)
        for leaver in (before[0], meanwhile[0]):
            await leaver.socket.close()
        await api.disconnected(2)
        await eventually(lambda: journal_kinds(node).count("remove") == 2, "both removals in the journal")
        await asyncio.to_thread(node.kill)
    with (node.directory / "connections.journal").open("ab") as journal:
        journal.write(b'["add", "of a connection that got no 101')
    await asyncio.to_thread(node.start)
    await api.disconnected(8)
    await recovered(node)
    await api.balance()
    assert api.ledger.codes() == {"1000": 2, "1006": 6}
    assert {client.connection_id for client in (*before, *meanwhile)} == api.ledger.disconnected()


async def test_a_drain_without_the_database_loses_nothing_and_repeats_nothing(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node()
    api = await new_api(node=node)
    before = await api.connect_many(3)
    with node.locked_database():
        meanwhile = await api.connect_many(3)
        node.signal(signal.SIGTERM)
        assert {await client.closed() for client in (*before, *meanwhile)} == {(1001, "Going away")}
        assert await asyncio.to_thread(node.wait) == 0
    await api.disconnected(6)
    await asyncio.to_thread(node.start)
    await recovered(node)
    await api.balance()
    assert api.ledger.codes() == {"1001": 6}


async def test_ends_that_cannot_be_reported_without_the_database_are_reported_later(
    start_node: StartNode, new_api: NewApi
) -> None:
    node = await start_node(**SOON)
    api = await new_api(node=node)
    before = await api.connect()
    with node.locked_database():
        meanwhile = await api.connect()
        async with api.backend.away():
            await before.socket.close()
            await meanwhile.socket.close()
            await eventually(lambda: journal_kinds(node).count("close") == 2, "both ends in the journal")
            await asyncio.to_thread(node.kill)
    await asyncio.to_thread(node.start)
    await api.disconnected(2)
    assert api.ledger.codes() == {"1000": 2}
    await recovered(node)
    await api.balance()


async def test_handshakes_are_refused_once_the_journal_is_full(start_node: StartNode, new_api: NewApi) -> None:
    node = await start_node(NOPAL_MAX_JOURNALED_CONNECTIONS="3")
    api = await new_api(node=node)
    client = await api.connect()
    with node.locked_database():
        newcomers = await api.connect_many(3, at_once=1)
        asked = len(api.requests("/connect"))
        refused = await api.handshake()
        assert_unavailable(refused)
        assert len(api.requests("/connect")) == asked
        assert await client.ask("hello") == await newcomers[2].ask("hello") == "hello"
    await recovered(node)
    later = await api.connect()
    assert await later.ask("hello") == "hello"


async def test_handshakes_are_refused_while_neither_database_nor_journal_can_be_written(
    start_node: StartNode, new_api: NewApi
) -> None:
    """As with a full disk: open connections never notice, and ends are delivered and written down later."""
    node = await start_node()
    api = await new_api(node=node)
    client, leaver = await api.connect(), await api.connect()
    (node.directory / "connections.journal").mkdir()
    with node.locked_database():
        assert_unavailable(await api.handshake(timeout=30))
        assert await client.ask("hello") == "hello"
        await leaver.socket.close()
        await eventually(lambda: leaver.connection_id in api.ledger.disconnected(), "the end of the one that left")
    (node.directory / "connections.journal").rmdir()
    await eventually(lambda: node.rows(api.api_id) == [client.connection_id], "the row of the one that left")
    newcomer = await connected(api)
    assert newcomer in node.rows(api.api_id)


async def test_a_stage_that_cannot_be_looked_up_is_answered_503(start_node: StartNode, new_api: NewApi) -> None:
    node = await start_node()
    api, other = await new_api(node=node), await new_api(node=node)
    client = await api.connect()
    unknown = node.path("unknownapi", STAGE)
    with broken_configuration(node):
        await eventually(lambda: any("Cannot read the configuration" in line for line in node.lines), "a failed poll")
        assert await client.ask("hello") == "hello"
        assert (await api.handshake()).status == 101
        for path in (other.path, unknown):
            with await asyncio.to_thread(node.client) as raw:
                assert_unavailable(await asyncio.to_thread(raw.upgrade, path))
            with await asyncio.to_thread(node.client) as raw:
                target = f"{path}/@connections/{client.connection_id}"
                assert_unavailable(await asyncio.to_thread(raw.request, target, method="POST", body=b"?"))
    newcomer = await connected(other)
    assert newcomer in node.rows(other.api_id)
    await eventually(lambda: refused(node, unknown) == 403, "stages that are not there to be told apart again")


def refused(node: Node, path: str) -> int:
    with node.client() as raw:
        return raw.upgrade(path).status


def rows(server: PostgreSQL) -> set[str]:
    """The ids of the connections that PostgreSQL knows of."""
    import psycopg

    with psycopg.connect(server.url.replace("postgres://", "postgresql://")) as database:
        return {row[0] for row in database.execute("SELECT connection_id FROM gatewayapp_connection")}


async def test_traffic_and_new_connections_go_on_while_postgresql_is_stopped(
    start_node: StartNode, new_api: NewApi, server: PostgreSQL
) -> None:
    node = await start_node(NOPAL_DATABASE_URL=server.url, **SOON)
    api, other = await new_api(node=node), await new_api(node=node)
    client, leaver, late = await api.connect(), await api.connect(), await api.connect()
    await asyncio.to_thread(server.stop)
    assert await client.ask("hello") == "hello"
    newcomers = await api.connect_many(20)
    assert {await newcomer.ask("new") for newcomer in newcomers} == {"new"}
    assert_unavailable(await other.handshake())
    await leaver.socket.close(4000, "a NUL: \0")
    await newcomers[0].socket.close()
    await api.disconnected(2)
    async with api.backend.away():
        await late.socket.close(4000, "a NUL: \0")
        await newcomers[1].socket.close()
        await eventually(lambda: journal_kinds(node).count("close") == 4, "ends in the journal")
        await asyncio.to_thread(server.start)
        await recovered(node)
        gone = {leaver.connection_id, newcomers[0].connection_id}
        opened = {client.connection_id, late.connection_id, *(each.connection_id for each in newcomers)}
        assert rows(server) == opened - gone
    await api.disconnected(4)
    await eventually(lambda: len(rows(server)) == 19, "rows of those that left")
    assert api.ledger.codes() == {"4000": 2, "1000": 2}
    assert await client.ask("hello") == "hello"
    newcomer = await connected(other)
    assert newcomer in rows(server)


async def test_a_crash_while_postgresql_is_stopped_loses_no_connection(
    start_node: StartNode, new_api: NewApi, server: PostgreSQL
) -> None:
    node = await start_node(NOPAL_DATABASE_URL=server.url)
    api = await new_api(node=node)
    await api.connect()
    await asyncio.to_thread(server.stop)
    await api.connect_many(3)
    await asyncio.to_thread(node.kill)
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(node.start)
    await api.disconnected(4)
    assert api.ledger.codes() == {"1006": 4}
    await eventually(lambda: rows(server) == set(), "rows")
    assert journal_kinds(node) == []


async def connected(api: Api) -> str:
    """The id of a connection that is let in, sooner or later."""
    async with asyncio.timeout(20):
        while True:
            response = await api.handshake()
            if response.status == 101:
                break
            assert_unavailable(response)
    client = await api.connect()
    return client.connection_id


def assert_unavailable(response: Response) -> None:
    assert response.status == 503
    assert response.headers["retry-after"] == "5"
