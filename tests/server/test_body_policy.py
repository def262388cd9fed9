"""An application's `body_policy` decides from the head how large a body may be; nothing more is read before it has."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatewayapp.server.tls import development_certificate
from tests.server.conftest import Serve, ServerProcess, start
from tests.support.rawsocket import RawClient, http_request

KIB = 1024
CHUNKED = ("Transfer-Encoding", "chunked")

Connect = Callable[[], RawClient]


@pytest.fixture(scope="module", params=["http", "https"])
def connect(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    """Clients of a server whose application has a body policy, in the clear and over TLS."""
    options, tls = {"max_upload": 1000}, None
    if request.param == "https":
        directory: Path = tmp_path_factory.mktemp("policy")
        options["certificate"], options["key"] = development_certificate(directory, ["127.0.0.1"])
        tls = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    server = start("tests.server.apps:with_body_policy", **options)
    try:
        server.wait_until_listening()
        yield lambda: server.client(tls=tls)
    finally:
        server.stop()


def post(client: RawClient, target: str, *headers: tuple[str, str], body: bytes = b"") -> None:
    client.send(http_request(target, method="POST", headers=headers, body=body))


@pytest.mark.parametrize("seconds", ["0", "0.2"])
def test_a_large_body_is_read_once_it_is_allowed(connect: Connect, seconds: str) -> None:
    body = b"x" * 200_000
    with connect() as client:
        for _ in range(2):  # the connection is kept
            post(client, f"/large/mirror?key=secret&seconds={seconds}", body=body)
            assert client.response().body == body


def test_a_chunked_body_is_read_once_it_is_allowed(connect: Connect) -> None:
    with connect() as client:
        post(client, "/large/mirror?key=secret&seconds=0.1", CHUNKED)
        for _ in range(10):
            client.send(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
        client.send(b"0\r\n\r\n")
        assert client.response().body == b"x" * 100_000


def test_a_client_that_waits_for_100_continue_gets_it_once_it_is_allowed(connect: Connect) -> None:
    with connect() as client:
        post(client, "/large/mirror?key=secret", ("Content-Length", "5000"), ("Expect", "100-continue"))
        assert client.response().status == 100
        client.send(b"x" * 5000)
        assert client.response().body == b"x" * 5000
        post(client, "/large/mirror", ("Content-Length", "5000"), ("Expect", "100-continue"))
        assert client.response().status == 401


@pytest.mark.parametrize(
    ("target", "length", "status", "body"),
    [
        ("/large/mirror?key=secret", 200_001, 413, b"designed"),
        ("/large/mirror", 1001, 401, b"Who are you?"),
        ("/small/mirror", 1001, 413, b"designed"),
        ("/broken/mirror", 1001, 500, b"Internal server error\n"),
        ("/unspeakable/mirror", 1001, 500, b"Internal server error\n"),
        ("ftp://localhost/mirror", 1001, 400, b"The request target must be a path\n"),
        ("/@connections/mirror", 2**20 + 1, 413, b"designed"),
    ],
)
def test_a_body_is_refused_by_its_head(connect: Connect, target: str, length: int, status: int, body: bytes) -> None:
    with connect() as client:
        post(client, target, ("Content-Length", str(length)))
        response = client.response()
        assert (response.status, response.body) == (status, body)
        assert response.headers["connection"] == "close"


@pytest.mark.parametrize("target", ["/small/mirror", "/@connections/mirror"])
def test_chunks_are_refused_when_they_exceed_the_limit(connect: Connect, target: str) -> None:
    limit = 1000 if "small" in target else 2**20
    with connect() as client:
        post(client, target, CHUNKED)
        client.send(b"%x\r\n" % limit + b"x" * limit + b"\r\n")
        client.send_while_open(b"1\r\nx")
        response = client.response()
        assert (response.status, response.headers["x-limit"]) == (413, str(limit))


def test_small_bodies_are_not_asked_about(connect: Connect) -> None:
    with connect() as client:
        post(client, "/broken/mirror", body=b"x" * 1000)
        assert client.response().body == b"x" * 1000


def test_a_client_that_leaves_while_the_application_decides_does_no_harm(connect: Connect) -> None:
    for _ in range(5):
        with connect() as client:
            post(client, "/large/mirror?key=secret&seconds=0.3", ("Content-Length", "5000"))
            client.reset()
    with connect() as client:
        post(client, "/large/mirror?key=secret&seconds=0.4", body=b"x" * 5000)
        assert client.response().status == 200


def test_a_body_that_the_application_does_not_take_stays_in_the_kernel(serve: Serve) -> None:
    server = serve()
    with server.client() as client:
        client.socket.settimeout(30)
        post(client, "/@connections/read-when-told?key=body", ("Content-Length", str(1000 * KIB)))
        client.send(b"x" * 1000 * KIB)
        held = [1000 * KIB - unread(server, client) for _ in range(20) if time.sleep(0.02) is None]
        assert max(held) <= 3 * 64 * KIB
        server.get("/go?key=body")
        assert client.response().body == b"%d" % (1000 * KIB)


def unread(server: ServerProcess, client: RawClient) -> int:
    """Bytes that the client has sent and the server has not read, as the kernel counts them."""
    local = client.socket.getsockname()[1]
    total = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, source, target, _, queues, *_ = line.split()
        ports = {int(each.rpartition(":")[2], 16) for each in (source, target)}
        if ports == {local, server.port}:
            sent, received = (int(each, 16) for each in queues.split(":"))
            total += sent + received
    return total
