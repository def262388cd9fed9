"""A full disk, a locked and an absent database: traffic goes on, callers are told so in their own format, it heals."""

import asyncio
import importlib.util
import json
import os
import socket
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.dataplane.conftest import NewApi, StartNode
from tests.support.credentials import Credential, create_credential, request
from tests.support.invariants import eventually
from tests.support.node import Node
from tests.support.postgresql import PostgreSQL
from tests.support.rawsocket import Response, handshake

NEW_API = json.dumps(
    {"name": "another", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"}
).encode()
NEW_KEY = json.dumps({"name": "another", "permissions": []}).encode()


def write_on_management_api(node: Node, credential: Credential) -> Response:
    headers = credential.signed("POST", "/v2/apis", NEW_API)
    return request(node, "/v2/apis", method="POST", headers=headers, body=NEW_API)


def write_on_rest_api(node: Node, credential: Credential) -> Response:
    return request(node, "/api/v1/access-keys", method="POST", headers=credential.bearer, body=NEW_KEY)


def write_on_page(node: Node, credential: Credential, *more: tuple[str, str]) -> Response:
    form = credential.form(name="another", route_selection_expression="%24request.body.action")
    return request(node, "/apis/new", method="POST", headers=[*credential.session, *more], body=form)


async def check_writes_fail(node: Node, credential: Credential, status: int, code: str) -> None:
    """Every surface refuses in its own format."""
    aws, rest, page, fragment = await asyncio.gather(
        asyncio.to_thread(write_on_management_api, node, credential),
        asyncio.to_thread(write_on_rest_api, node, credential),
        asyncio.to_thread(write_on_page, node, credential),
        asyncio.to_thread(write_on_page, node, credential, ("HX-Request-Type", "partial")),
    )
    assert (aws.status, aws.headers.get("x-amzn-errortype")) == (status, code), aws.body
    assert json.loads(aws.body)["message"].endswith(".")
    assert (rest.status, rest.headers["content-type"]) == (status, "application/json")
    assert (page.status, b"<h1>" in page.body) == (status, True), page.body.decode()
    assert (fragment.status, fragment.headers["hx-retarget"]) == (status, "#notices")
    assert b"<html" not in fragment.body
    for response in (aws, rest, page, fragment):
        assert ("retry-after" in response.headers) == (status == 503)


def check_log(node: Node) -> None:
    """The log names the failure and does not grow with the number of requests."""
    failed = [line for line in node.lines if "failed with status" in line]
    assert 1 <= len(failed) <= 4
    assert not node.complaints()


# a database that is locked


async def test_a_locked_database_is_503_until_the_lock_goes(start_node: StartNode, new_api: NewApi) -> None:
    node = await start_node()
    api = await new_api(node=node)
    credential = create_credential(node)
    client = await api.connect()
    with node.locked_database():
        await check_writes_fail(node, credential, 503, "ServiceUnavailableException")
        page = await asyncio.to_thread(request, node, "/apis", headers=credential.session)
        assert page.status == 200
        assert await client.ask("hello") == "hello"
    check_log(node)
    created = await asyncio.to_thread(write_on_management_api, node, credential)
    assert created.status == 201
    await client.socket.close()


# a disk that is full


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Path]:
    """A file system that has little more space than the database takes."""
    if os.getuid() != 0:
        pytest.skip("only root may mount a small file system")
    directory = tmp_path_factory.mktemp("small-disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "nopal-tests", str(directory)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(directory: Path) -> Path:
    """Leave no byte free; the file that takes all the space."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return filler


@pytest.fixture
async def small_node(small_disk: Path, template: Path) -> AsyncIterator[Node]:
    node = Node(small_disk, template=template)
    await asyncio.to_thread(node.start)
    yield node
    await asyncio.to_thread(node.stop)


async def test_a_full_disk_is_507_until_there_is_space(small_node: Node, small_disk: Path, new_api: NewApi) -> None:
    node = small_node
    api = await new_api(node=node)
    credential = create_credential(node)
    client = await api.connect()
    filler = fill(small_disk)
    await eventually(lambda: fails_to_write(node, credential), "a write that finds no space")
    await check_writes_fail(node, credential, 507, "InsufficientStorageException")
    page = await asyncio.to_thread(request, node, "/apis", headers=credential.session)
    assert page.status == 200
    assert await client.ask("hello") == "hello"
    async with api.callbacks() as callbacks:
        assert (await callbacks.post(client.connection_id, "pushed")).status == 200
    assert await client.socket.recv() == "pushed"
    check_log(node)
    filler.unlink()
    created = await asyncio.to_thread(write_on_management_api, node, credential)
    assert created.status == 201
    database = sqlite3.connect(small_disk / "nopal.sqlite3")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    await client.socket.close()


def fails_to_write(node: Node, credential: Credential) -> bool:
    """Space inside the database's own files is used up first."""
    return write_on_management_api(node, credential).status == 507


# a database that is away


async def test_a_database_that_is_away_is_503_until_it_is_back(
    start_node: StartNode, new_api: NewApi, server: PostgreSQL
) -> None:
    node = await start_node(NOPAL_DATABASE_URL=server.url)
    api, unused = await new_api(node=node), await new_api(node=node)
    credential = create_credential(node)
    client = await api.connect()
    server.stop()
    await check_writes_fail(node, credential, 503, "ServiceUnavailableException")
    for target in ("/apis", "/signin", "/"):
        page = await asyncio.to_thread(request, node, target, headers=credential.session)
        assert (page.status, b"<h1>" in page.body, "retry-after" in page.headers) == (503, True, True)
    large = [*credential.bearer, ("Content-Length", "100000")]  # its sender is looked up before the body is read
    refused = await asyncio.to_thread(request, node, "/api/v1/import", method="POST", headers=large)
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    live = await asyncio.to_thread(open_live_view, node, credential)
    assert (live.status, live.headers["retry-after"]) == (503, "5")
    assert (await asyncio.to_thread(request, node, "/readyz")).status == 200
    assert await client.ask("hello") == "hello"
    denied = await unused.handshake()  # its stage was never loaded
    assert (denied.status, denied.headers["retry-after"]) == (503, "5")
    async with unused.callbacks() as callbacks:
        pushed = await callbacks.post(client.connection_id, "?")
    assert (pushed.status, pushed.headers["x-amzn-errortype"]) == (503, "ServiceUnavailableException")
    check_log(node)
    server.start()
    created = await asyncio.to_thread(write_on_management_api, node, credential)
    assert created.status == 201
    assert (await asyncio.to_thread(open_live_view, node, credential)).status == 101
    await client.socket.close()
    await api.disconnected(1)


async def test_a_gateway_that_starts_without_its_database_says_so(
    start_node: StartNode, server: PostgreSQL, tmp_path: Path
) -> None:
    server.stop()
    node = Node(tmp_path, NOPAL_DATABASE_URL=server.url)
    node.launch()
    assert await asyncio.to_thread(node.wait) == 1
    output = "".join(node.lines)
    assert "Nopal cannot start: " in output
    assert "Traceback" not in output


async def test_a_database_that_never_responds_is_not_waited_for(tmp_path: Path) -> None:
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://nopal@127.0.0.1:{silent.getsockname()[1]}/nopal"
        node = Node(tmp_path, NOPAL_DATABASE_URL=url)
        node.launch()
        assert await asyncio.to_thread(node.wait) == 1
    assert "Nopal cannot start: " in "".join(node.lines)


NUL_TARGETS = ("/apis/%00", "/connections?q=%00", "/signin?next=%00", "/api/v1/connections?apiId=%00", "/v2/apis/%00")


async def test_nul_characters_do_not_reach_postgresql(start_node: StartNode, server: PostgreSQL) -> None:
    node = await start_node(NOPAL_DATABASE_URL=server.url)
    credential = await asyncio.to_thread(create_credential, node)
    for target in NUL_TARGETS:
        response = await asyncio.to_thread(request, node, target, headers=credential.session)
        assert response.status == 400, target
    headers = [("Cookie", 'nopal_session="abcdefgh\\000"'), ("Content-Length", "100000")]
    refused = await asyncio.to_thread(request, node, "/apis/new", method="POST", headers=headers)
    assert refused.status == 302
    assert not node.complaints()


def open_live_view(node: Node, credential: Credential) -> Response:
    headers = [("Cookie", credential.cookies), ("Origin", "http://localhost")]
    with node.client() as client:
        client.send(handshake("/live/home/", headers))
        return client.response()
