"""What a request's head must look like, whoever serves the request, and how long it may take."""

from __future__ import annotations

import json
import random
import time

import pytest

from tests.server.conftest import ServerProcess
from tests.support.rawsocket import KEY, handshake

HANDSHAKE = handshake("/echo").decode()
DIRECT = "GET /@connections/hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
PLAIN = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
EVERY_KIND = pytest.mark.parametrize("request_head", [HANDSHAKE, DIRECT, PLAIN], ids=["websocket", "direct", "plain"])


def with_header(head: str, header: str) -> bytes:
    return head.replace("\r\n\r\n", f"\r\n{header}\r\n\r\n").encode("latin-1")


def status_of(server: ServerProcess, data: bytes) -> int:
    with server.client() as client:
        client.send_while_open(data)
        response = client.response()
        if response.status != 200 and response.status != 101:
            assert response.headers["connection"] == "close"
            assert response.headers["content-type"] == "text/plain; charset=utf-8"
            assert response.body
            assert client.is_closed()
        return response.status


@EVERY_KIND
@pytest.mark.parametrize("byte", list(b"\x00\n\r\x0b\x0c\x1c\x1d\x1e\x85"))
@pytest.mark.parametrize("header", ["X-Control: a{}b", "X-Con{}trol: a"])
def test_control_bytes_are_refused(server: ServerProcess, request_head: str, byte: int, header: str) -> None:
    assert status_of(server, with_header(request_head, header.format(chr(byte)))) == 400


@EVERY_KIND
@pytest.mark.parametrize(
    "header",
    [
        "X_Forwarded_For: 1.2.3.4",
        "Host: again",
        "No colon",
        "Space : before",
        ": nameless",
        "X: a\r\n folded",
        "\xe9: a",
    ],
)
def test_malformed_headers_are_refused(server: ServerProcess, request_head: str, header: str) -> None:
    assert status_of(server, with_header(request_head, header)) == 400


@EVERY_KIND
@pytest.mark.parametrize(
    "header",
    [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Content-Length: -1",
        "Content-Length: 1,1",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: xchunked",
    ],
)
def test_contradicting_lengths_are_refused(server: ServerProcess, request_head: str, header: str) -> None:
    assert status_of(server, with_header(request_head, header)) in (400, 501)


@EVERY_KIND
def test_the_host_must_be_named(server: ServerProcess, request_head: str) -> None:
    assert status_of(server, request_head.replace("Host: localhost\r\n", "").encode()) == 400


@EVERY_KIND
def test_non_ascii_header_values_are_taken(server: ServerProcess, request_head: str) -> None:
    assert status_of(server, with_header(request_head, "X-Name: \xe9\xff\xf0\xa4")) in (200, 101)


@EVERY_KIND
@pytest.mark.parametrize(
    ("count", "size", "status"),
    [(90, 10, None), (99, 300, None), (101, 10, 431), (5000, 10, 431), (4, 8000, None), (1, 8200, 431), (5, 8000, 431)],
)
def test_headers_are_limited(
    server: ServerProcess, request_head: str, count: int, size: int, status: int | None
) -> None:
    count -= request_head.count(": ") if count == 99 else 0
    many = "\r\n".join(f"X-{number}: {'x' * size}" for number in range(count))
    answered = status_of(server, with_header(request_head, many))
    assert answered == status if status else answered in (200, 101)


@EVERY_KIND
@pytest.mark.parametrize(("size", "status"), [(4000, None), (4097, 414), (20_000, 414), (1_000_000, 414)])
def test_urls_are_limited(server: ServerProcess, request_head: str, size: int, status: int | None) -> None:
    method, target, rest = request_head.split(" ", 2)
    target += "?" + "x" * (size - len(target) - 1)
    answered = status_of(server, f"{method} {target} {rest}".encode())
    assert answered == status if status else answered in (200, 101)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /hello", 505),
        ("GET /hello HTTP/1.1 more", 400),
        ("NONSENSE /hello HTTP/1.1", 400),
        ("GET /h\xe9llo HTTP/1.1", 400),
        ("GET hello HTTP/1.1", 400),
        ("GET /hello HTTP/2.0", 505),
        ("GET /hello SPAM/1.1", 400),
        ("\x16\x03\x01\x02\x00\x01", 400),
    ],
)
def test_malformed_request_lines_are_refused(server: ServerProcess, line: str, status: int) -> None:
    assert status_of(server, f"{line}\r\nHost: localhost\r\n\r\n".encode("latin-1")) == status


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("GET", "POST", 405),
        ("HTTP/1.1", "HTTP/1.0", 405),
        ("Connection: Upgrade", "Connection: keep-alive", 400),
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade", 101),
        ("Upgrade: websocket", "Upgrade: h2c, WebSocket", 101),
        (f"Sec-WebSocket-Key: {KEY}\r\n", "", 400),
        (KEY, "c2hvcnQ=", 400),
        (KEY, "x" * 24, 400),
        (KEY, f"{KEY}\r\nSec-WebSocket-Key: {KEY}", 400),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8", 426),
        ("Sec-WebSocket-Version: 13\r\n", "", 426),
    ],
)
def test_a_handshake_must_be_one(server: ServerProcess, old: str, new: str, status: int) -> None:
    assert old in HANDSHAKE
    assert status_of(server, HANDSHAKE.replace(old, new).encode()) == status


def test_the_version_we_speak_is_told(server: ServerProcess) -> None:
    with server.client() as client:
        client.send(HANDSHAKE.replace("Version: 13", "Version: 7").encode())
        assert client.response().headers["sec-websocket-version"] == "13"


def test_an_upgrade_to_something_else_is_ignored(server: ServerProcess) -> None:
    assert status_of(server, with_header(PLAIN, "Upgrade: h2c\r\nConnection: Upgrade")) == 200


@EVERY_KIND
def test_a_head_may_arrive_in_pieces(server: ServerProcess, request_head: str) -> None:
    with server.client() as client:
        client.drip(request_head.encode())
        assert client.response().status in (200, 101)


# time


def test_silent_clients_are_closed_and_others_served(impatient: ServerProcess) -> None:
    started = time.monotonic()
    silent = [impatient.client() for _ in range(100)]
    for client in silent[::2]:
        client.send(b"GET / HTTP/1.1\r\nHost:")
    assert impatient.get("/hello").status == 200
    for client in silent:
        assert client.response().status == 408
        assert client.is_closed()
        client.socket.close()
    assert 0.7 < time.monotonic() - started < 8


@EVERY_KIND
def test_dripping_does_not_buy_time(impatient: ServerProcess, request_head: str) -> None:
    with impatient.client() as client, pytest.raises((ConnectionResetError, BrokenPipeError)):
        client.drip(request_head.encode()[:-2] + b"X-Drip: " + b"x" * 1000, 1, pause=0.05)


def test_a_second_request_must_be_quick_as_well(impatient: ServerProcess) -> None:
    with impatient.client() as client:
        client.request("/hello")
        client.send(b"GET /hello HTTP/1.1\r\n")
        assert client.response().status == 408


# whatever comes


def test_random_heads_neither_crash_nor_split(server: ServerProcess) -> None:
    dice = random.Random(6455)
    for _ in range(300):
        junk = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 60)))
        name = bytes(dice.choice(b"abcXYZ-_\x0b\xe9: ") for _ in range(dice.randrange(1, 8)))
        header = b"\r\n" + name + b": " + junk + b"\r\n\r\n"
        with server.client() as client:
            client.send((b"GET /scope-as-json HTTP/1.1\r\nHost: a\r\nX-Last: 1") + header)
            response = client.response()
            assert response.status in (200, 400)
            if response.status == 200:
                headers = json.loads(response.body)["headers"]
                assert [found for found, _ in headers][:2] == ["host", "x-last"]
                assert len(headers) <= 3 + junk.count(b"\r\n")
    assert server.get("/hello").status == 200
