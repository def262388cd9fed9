"""HTTP over real sockets, both ways it is served: directly, and through Daphne's HTTP protocol.

A path with `/@connections/` in it is answered directly, any other goes through Daphne.
"""

from __future__ import annotations

import json
import time
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from gatewayapp.memory_budget import UNLIMITED, MemoryBudget
from gatewayapp.server.front import MAX_PIPELINED_BYTES, Front
from gatewayapp.server.limits import ServerOptions
from tests.server.conftest import ServerProcess
from tests.support.rawsocket import RawClient, http_request

DIRECT = "/@connections"
BOTH_WAYS = pytest.mark.parametrize("way", [DIRECT, "/%40connections", ""], ids=["direct", "encoded", "daphne"])
DIRECT_AND_DAPHNE = pytest.mark.parametrize("way", [DIRECT, ""], ids=["direct", "daphne"])

CHUNKED = (("Transfer-Encoding", "chunked"),)


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


# answers


@BOTH_WAYS
def test_a_request_is_answered(server: ServerProcess, way: str) -> None:
    response = server.get(way + "/hello")
    assert (response.status, response.body) == (200, b"hello")
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["date"].endswith(" GMT")


@DIRECT_AND_DAPHNE
def test_a_connection_serves_many_requests_of_all_kinds(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        for target in (way + "/hello", DIRECT + "/hello", "/hello", way + "/hello"):
            assert client.request(target).body == b"hello"
            assert client.request(target, method="POST", body=b"x" * 1000).body == b"hello"
        assert client.upgrade("/echo").status == 101


@DIRECT_AND_DAPHNE
def test_pipelined_requests_are_answered_in_order(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        client.send(b"".join(http_request(f"{way}/slowly?seconds={seconds}") for seconds in (0.3, 0.1, 0)))
        client.send(http_request("/hello") + http_request(DIRECT + "/hello"))
        bodies = [client.response().body for _ in range(5)]
    assert bodies == [b"0.3", b"0.1", b"0", b"hello", b"hello"]


def test_a_flood_of_pipelined_requests_is_answered_whole(server: ServerProcess) -> None:
    with server.client() as client:
        client.send(http_request(DIRECT + "/mirror", method="POST", body=b"x" * 500) * 500)
        assert [client.response().body for _ in range(500)] == [b"x" * 500] * 500


@DIRECT_AND_DAPHNE
def test_an_answer_of_unknown_length_is_chunked(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        response = client.request(way + "/stream")
        assert response.headers["transfer-encoding"] == "chunked"
        assert response.body == b"one two three"
        assert client.request(way + "/hello").body == b"hello"


@DIRECT_AND_DAPHNE
def test_http_1_0_gets_no_chunks(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        response = client.request(way + "/stream", version="HTTP/1.0")
        assert "transfer-encoding" not in response.headers
        assert response.body == b"one two three"
        assert client.is_closed()


def test_http_1_0_keeps_alive_if_asked(server: ServerProcess) -> None:
    with server.client() as client:
        for _ in range(2):
            response = client.request(DIRECT + "/hello", version="HTTP/1.0", headers=[("Connection", "keep-alive")])
            assert response.headers["connection"] == "keep-alive"


@DIRECT_AND_DAPHNE
def test_a_head_request_gets_no_body(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        response = client.request(way + "/hello", method="HEAD")
        assert (response.status, response.body) == (200, b"")
        assert client.request(way + "/hello").body == b"hello"


@DIRECT_AND_DAPHNE
def test_no_content_has_no_body(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        response = client.request(way + "/no-content")
        assert response.status == 204
        assert "content-length" not in response.headers or way == ""
        assert client.request(way + "/hello").body == b"hello"


@DIRECT_AND_DAPHNE
def test_connection_close_is_obeyed(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        response = client.request(way + "/hello", headers=[("Connection", "close")])
        assert response.body == b"hello"
        assert client.is_closed()


def test_empty_lines_between_requests_are_skipped(server: ServerProcess) -> None:
    with server.client() as client:
        client.send(b"\r\n" + http_request(DIRECT + "/hello") + b"\r\n" + http_request(DIRECT + "/hello"))
        assert [client.response().body for _ in range(2)] == [b"hello"] * 2


@DIRECT_AND_DAPHNE
def test_the_scope_describes_the_request(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        headers = [("X-MiXeD", "\xe9"), ("X-Twice", "1"), ("X-Twice", "2"), ("Daphne-Root-Path", "/evil")]
        response = client.request(way + "/a%2Fb%C3%A9/scope-as-json?x=%201&y", headers=headers)
    scope = json.loads(response.body)
    assert scope["method"] == "GET"
    assert scope["http_version"] == "1.1"
    assert scope["scheme"] == "http"
    assert scope["path"] == way + "/a/b\u00e9/scope-as-json"
    assert scope["raw_path"] == way + "/a%2Fb%C3%A9/scope-as-json"
    assert scope["query_string"] == "x=%201&y"
    assert scope["root_path"] == ""
    assert scope["client"][0] == "127.0.0.1"
    assert scope["server"] == ["127.0.0.1", server.port]
    assert ["x-mixed", "\xe9"] in scope["headers"]
    assert [value for name, value in scope["headers"] if name == "x-twice"] == ["1", "2"]


def test_an_absolute_target_is_taken_apart(server: ServerProcess) -> None:
    response = server.get(f"http://localhost{DIRECT}/scope-as-json?x=1")
    scope = json.loads(response.body)
    assert (scope["path"], scope["query_string"]) == (DIRECT + "/scope-as-json", "x=1")


# bodies


@DIRECT_AND_DAPHNE
@pytest.mark.parametrize("size", [0, 1, 1000, 100_000, 1024 * 1024])
def test_a_body_comes_back(server: ServerProcess, way: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    with server.client() as client:
        assert client.request(way + "/mirror", method="POST", body=body).body == body


@DIRECT_AND_DAPHNE
def test_a_chunked_body_comes_back(server: ServerProcess, way: str) -> None:
    chunks = b"5\r\nhello\r\n1;extension=1\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: dropped\r\n\r\n"
    with server.client() as client:
        client.drip(http_request(way + "/mirror", method="POST", headers=CHUNKED) + chunks, 5)
        assert client.response().body == b"hello 0123456789"
        assert client.request(way + "/hello").body == b"hello"


@DIRECT_AND_DAPHNE
def test_a_body_may_wait_for_100_continue(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        headers = [("Expect", "100-continue"), ("Content-Length", "5")]
        client.send(http_request(way + "/mirror", method="POST", headers=headers))
        assert client.response().status == 100
        client.send(b"hello")
        assert client.response().body == b"hello"


def test_a_body_nobody_reads_is_not_asked_for(server: ServerProcess) -> None:
    with server.client() as client:
        headers = [("Expect", "100-continue"), ("Content-Length", "5")]
        response = client.request(DIRECT + "/ignore-body", method="POST", headers=headers)
        assert response.status == 200
        assert response.headers["connection"] == "close"


def test_an_answer_before_the_end_of_the_body_closes(server: ServerProcess) -> None:
    with server.client() as client:
        client.send(http_request(DIRECT + "/ignore-body", method="POST", headers=[("Content-Length", "100000")]))
        assert client.response().body == b"not read"
        client.send_while_open(bytes(100_000))
        assert client.is_closed()


@DIRECT_AND_DAPHNE
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_too_large_is_refused(impatient: ServerProcess, way: str, declared: bool) -> None:
    with impatient.client() as client:
        if declared:
            client.send(http_request(way + "/mirror", method="POST", headers=[("Content-Length", "3000000")]))
        else:
            client.send(http_request(way + "/mirror", method="POST", headers=CHUNKED))
            client.send_while_open(b"200\r\n" + b"x" * 512 + b"\r\n")
            client.send_while_open(b"1000\r\n" + b"x" * 4096 + b"\r\n" * 2)
        response = client.response()
        assert response.status == 413
        assert response.headers["connection"] == "close"
        assert client.is_closed()


@DIRECT_AND_DAPHNE
@pytest.mark.parametrize("start", [b"", b"12345"])
def test_a_body_that_does_not_arrive_times_out(impatient: ServerProcess, way: str, start: bytes) -> None:
    with impatient.client() as client:
        client.send(http_request(way + "/mirror", method="POST", headers=[("Content-Length", "10")]) + start)
        assert client.response().status == 408
        assert client.is_closed()


@DIRECT_AND_DAPHNE
def test_a_slow_body_may_take_its_time_while_it_moves(impatient: ServerProcess, way: str) -> None:
    with impatient.client() as client:
        client.drip(http_request(way + "/mirror", method="POST", body=b"x" * 10)[:-5], 1000)
        client.drip(b"xxxxx", 1, pause=0.4)
        assert client.response().body == b"x" * 10


@DIRECT_AND_DAPHNE
@pytest.mark.parametrize(
    "body", [b"x\r\nhello\r\n", b"5\r\nhello!\r\n", b"-5\r\nhello\r\n", b"0x5\r\nhello\r\n", b"5" * 2000, b"\r\n"]
)
def test_malformed_chunks_are_refused(server: ServerProcess, way: str, body: bytes) -> None:
    with server.client() as client:
        client.send(http_request(way + "/mirror", method="POST", headers=CHUNKED) + body)
        assert client.response().status == 400
        assert client.is_closed()


# applications that fail, peers that leave


@DIRECT_AND_DAPHNE
@pytest.mark.parametrize("target", ["/crash-in-http", "/return-nothing"])
def test_a_failing_application_is_answered_for(server: ServerProcess, way: str, target: str) -> None:
    assert server.get(way + target).status == 500


@DIRECT_AND_DAPHNE
def test_half_an_answer_does_not_look_like_a_whole_one(server: ServerProcess, way: str) -> None:
    with server.client() as client:
        client.send(http_request(way + "/crash-in-body"))
        with pytest.raises((EOFError, ConnectionResetError)):
            client.response()


@DIRECT_AND_DAPHNE
def test_a_header_with_a_line_break_is_not_sent(server: ServerProcess, way: str) -> None:
    response = server.get(way + "/split-header")
    assert "x-injected" not in response.headers
    assert response.status == (500 if way else 200)  # Twisted replaces the line break instead


@DIRECT_AND_DAPHNE
def test_an_application_hears_that_its_client_left(server: ServerProcess, way: str, key: str) -> None:
    with server.client() as client:
        client.send(http_request(f"{way}/until-disconnect?key={key}"))
        time.sleep(0.2)  # long enough for the request to reach the application; without it the test still holds
    assert server.observed(key) == "http.disconnect"


@DIRECT_AND_DAPHNE
def test_a_slow_reader_holds_its_answer_back(server: ServerProcess, way: str, key: str) -> None:
    with server.client(receive_buffer=4096) as client:
        client.send(http_request(f"{way}/endless?key={key}"))
        assert 0 < server.observed(key) < 200


def test_an_idle_connection_is_closed(impatient: ServerProcess) -> None:
    for target in (DIRECT + "/hello", "/hello"):
        with impatient.client() as client:
            client.request(target)
            assert client.is_closed()


def test_a_slow_application_is_waited_for(impatient: ServerProcess) -> None:
    for way in (DIRECT, ""):
        assert impatient.get(way + "/slowly?seconds=1.5").body == b"1.5"


@DIRECT_AND_DAPHNE
def test_a_reader_that_takes_nothing_is_dropped(impatient: ServerProcess, way: str, key: str) -> None:
    with impatient.client(receive_buffer=4096) as client:
        client.send(http_request(f"{way}/endless?key={key}"))
        impatient.observed(key)
        time.sleep(1.5)  # the time-out is a second
        with pytest.raises((EOFError, ConnectionResetError)):
            client.receive(2000 * 65536)


def test_requests_do_not_mix(server: ServerProcess) -> None:
    clients: list[tuple[str, RawClient]] = [(uuid.uuid4().hex, server.client()) for _ in range(40)]
    for _ in range(10):
        for name, client in clients:
            client.send(http_request(DIRECT + "/mirror", method="POST", body=name.encode()))
        for name, client in clients:
            assert client.response().body == name.encode()
    for _, client in clients:
        client.socket.close()


class RecordingTransport:
    """Knows whether it reads, and drops what is written."""

    reads = True

    def pauseProducing(self) -> None:
        self.reads = False

    def resumeProducing(self) -> None:
        self.reads = True

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def test_a_peer_is_not_read_while_many_pipelined_requests_wait() -> None:
    """It could send without end what is answered one request at a time."""
    answering = SimpleNamespace(
        options=ServerOptions(),
        answer_now=lambda *_: (200, [], b""),
        date_header=b"date: now\r\n",
        timed=set(),
        memory=MemoryBudget(UNLIMITED),
        spare_descriptors=lambda _: 1,
    )
    front: Any = Front(answering)  # type: ignore[arg-type]
    transport = RecordingTransport()
    front.makeConnection(transport)
    front.dataReceived(http_request("/@connections/x") * 2_000)
    waiting = [len(front._data)]
    while not transport.reads:
        front._read_head()
        waiting.append(len(front._data))
    assert waiting[0] > MAX_PIPELINED_BYTES >= waiting[-1] > 0


def test_large_requests_behind_many_small_ones_are_answered(server: ServerProcess) -> None:
    with server.client() as client:
        client.send(http_request("/@connections/hello") * 2_100)
        client.send(http_request("/@connections/mirror", method="POST", body=b"x" * 500_000))
        client.send(http_request("/mirror", method="POST", body=b"y" * 500_000))
        assert {client.response().body for _ in range(2_100)} == {b"hello"}
        assert client.response().body == b"x" * 500_000
        assert client.response().body == b"y" * 500_000
