"""A copy of an installation does not report the end of connections that its original may still serve."""

import asyncio
import copy
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.dataplane.conftest import NewApi, StartNode
from tests.support.apis import Api
from tests.support.invariants import eventually
from tests.support.node import Node

COPY = "copied from another installation"
Restore = Callable[..., Awaitable[Node]]


@pytest.fixture
async def restore(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Restore]:
    """Copy a node's data directory, without `left_out`, and start a gateway on the copy."""
    nodes: list[Node] = []

    async def start(original: Node, *left_out: str, **settings: str) -> Node:
        directory = tmp_path_factory.mktemp("restored")
        ignored = shutil.ignore_patterns("nopal.sqlite3*", *left_out)
        shutil.copytree(original.directory, directory, dirs_exist_ok=True, ignore=ignored)
        back_up(original.directory / "nopal.sqlite3", directory / "nopal.sqlite3")
        nodes.append(Node(directory, **settings))
        await asyncio.to_thread(nodes[-1].start)
        return nodes[-1]

    yield start
    for node in nodes:
        await asyncio.to_thread(node.stop)


def back_up(source: Path, target: Path) -> None:
    """As `sqlite3 … .backup` does, which is safe while a gateway runs."""
    with sqlite3.connect(source) as original, sqlite3.connect(target) as backup:
        original.backup(backup)
    original.close()
    backup.close()


def warnings(node: Node) -> list[str]:
    return [line for line in node.lines if COPY in line]


async def at(api: Api, node: Node) -> Api:
    """The same API as another gateway serves it: same backend, same books."""
    twin = copy.copy(api)
    twin.node = node
    await twin.known()
    return twin


async def connect_and_leave(api: Api) -> None:
    """A whole connection, whose end is reported after those that a gateway reports at its start have begun."""
    before = len(api.ledger.disconnects)
    client = await api.connect()
    await client.socket.close()
    await eventually(lambda: client.connection_id in api.ledger.disconnected(), "the end of the connection")
    await eventually(lambda: client.connection_id not in api.node.rows(api.api_id), "its row")
    assert len(api.ledger.disconnects) == before + 1


@pytest.mark.parametrize("left_out", [(), ("installation",)], ids=["whole directory", "database alone"])
async def test_a_copy_does_not_report_live_connections_of_its_original(
    start_node: StartNode, new_api: NewApi, restore: Restore, left_out: tuple[str, ...]
) -> None:
    node = await start_node()
    api = await new_api(node=node)
    client = await api.connect()
    restored = await restore(node, *left_out)
    assert len(warnings(restored)) == 1
    assert "lists 1 connections" in warnings(restored)[0]
    assert "manage.py restoredconnections report" in warnings(restored)[0]
    await connect_and_leave(await at(api, restored))
    await asyncio.to_thread(restored.kill)  # a copy that restarts goes on waiting, and does not ask anew
    await asyncio.to_thread(restored.start)
    await connect_and_leave(await at(api, restored))
    assert restored.rows(api.api_id) == [client.connection_id]
    assert len(warnings(restored)) == 1
    assert await asyncio.to_thread(restored.call, "discard_restored_connections") == 1
    assert restored.rows(api.api_id) == []
    assert await client.ask("hello") == "hello"
    await client.socket.close()
    await api.disconnected(3)
    assert len(api.ledger.disconnects_of(client.connection_id)) == 1


async def test_a_copy_reports_when_it_is_told_that_its_original_is_gone(
    start_node: StartNode, new_api: NewApi, restore: Restore
) -> None:
    node = await start_node()
    api = await new_api(node=node)
    clients = await api.connect_many(5)
    await asyncio.to_thread(node.kill)
    await asyncio.gather(*(client.closed() for client in clients))
    restored = await restore(node)
    await connect_and_leave(await at(api, restored))
    assert len(restored.rows(api.api_id)) == 5
    decided = await asyncio.to_thread(manage, restored, "restoredconnections", "report")
    assert "the $disconnect of 5 connections" in decided
    await api.disconnected(6)
    assert api.ledger.codes() == {"1006": 5, "1000": 1}
    await eventually(lambda: restored.rows(api.api_id) == [], "rows of the copy")
    assert "0 restored connections" in await asyncio.to_thread(manage, restored, "restoredconnections")


async def test_connections_of_the_copy_itself_are_reported(
    start_node: StartNode, new_api: NewApi, restore: Restore
) -> None:
    node = await start_node()
    api = await new_api(node=node)
    foreign = await api.connect()
    restored = await restore(node)
    own = await (await at(api, restored)).connect()
    await asyncio.to_thread(restored.kill)
    await own.closed()
    await asyncio.to_thread(restored.start)
    await api.disconnected(1)
    assert api.ledger.disconnected() == {own.connection_id}
    assert restored.rows(api.api_id) == [foreign.connection_id]
    await foreign.socket.close()


async def test_a_copy_without_connections_asks_nothing(
    start_node: StartNode, new_api: NewApi, restore: Restore
) -> None:
    node = await start_node()
    api = await new_api(node=node)
    restored = await restore(node)
    assert warnings(restored) == []
    client = await (await at(api, restored)).connect()
    await asyncio.to_thread(restored.kill)
    await client.closed()
    await asyncio.to_thread(restored.start)
    await api.disconnected(1)


async def test_a_named_installation_is_the_same_wherever_it_runs(
    start_node: StartNode, new_api: NewApi, restore: Restore
) -> None:
    node = await start_node(NOPAL_INSTALLATION="production")
    api = await new_api(node=node)
    client = await api.connect()
    await asyncio.to_thread(node.kill)
    await client.closed()
    staging = await restore(node, NOPAL_INSTALLATION="staging")
    await connect_and_leave(await at(api, staging))
    assert staging.rows(api.api_id) == [client.connection_id]
    moved = await restore(node, "installation", NOPAL_INSTALLATION="production")
    await eventually(lambda: client.connection_id in api.ledger.disconnected(), "the end, reported by the moved one")
    assert warnings(moved) == []


def manage(node: Node, *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, env=node.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
