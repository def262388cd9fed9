"""Gateways as processes: one shared by all tests that do it no harm, and as many of their own as others want."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import postgresql
from tests.support.apis import Api
from tests.support.backend import ScriptedBackend
from tests.support.node import Node
from tests.support.postgresql import PostgreSQL

StartNode = Callable[..., Awaitable[Node]]
NewBackend = Callable[[], Awaitable[ScriptedBackend]]
NewApi = Callable[..., Awaitable[Api]]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a migrated, empty database, to start others from."""
    directory = tmp_path_factory.mktemp("template")
    node = Node(directory)
    node.start()
    node.signal(15)
    assert node.wait() == 0
    return directory


@pytest.fixture(scope="session")
def shared_node(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    node = Node(tmp_path_factory.mktemp("shared"), template=template)
    node.start()
    yield node
    node.stop()


@pytest.fixture
async def start_node(template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StartNode]:
    """Start gateways with settings of the test's own; they end with the test."""
    nodes: list[Node] = []

    async def start(**options: Any) -> Node:
        nodes.append(Node(tmp_path_factory.mktemp("node"), template=template, **options))
        await asyncio.to_thread(nodes[-1].start)
        return nodes[-1]

    yield start
    for node in nodes:
        await asyncio.to_thread(node.stop)


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of the test's own; skips where none is installed."""
    if reason := postgresql.missing():
        pytest.skip(reason)
    server = PostgreSQL()
    server.start()
    yield server
    server.remove()


@pytest.fixture
async def new_backend() -> AsyncIterator[NewBackend]:
    """Start backends; `new_api` builds on this, so that they hear of every `$disconnect` before they stop."""
    async with AsyncExitStack() as running:

        async def start() -> ScriptedBackend:
            return await running.enter_async_context(ScriptedBackend())

        yield start


@pytest.fixture
async def backend(new_backend: NewBackend) -> ScriptedBackend:
    return await new_backend()


@pytest.fixture
async def new_api(shared_node: Node, backend: ScriptedBackend) -> AsyncIterator[NewApi]:
    """Make APIs (on the shared gateway unless told otherwise); their books must balance when the test is over."""
    apis: list[Api] = []

    async def create(node: Node = shared_node, backend: ScriptedBackend = backend, **options: Any) -> Api:
        apis.append(await Api(node, backend).create(**options))
        return apis[-1]

    yield create
    for api in apis:
        await api.close()
        if api.node.process is not None and api.node.process.poll() is None:
            await api.balance()
