"""An application's `answer_now`: asked for whole requests on direct paths, and never for anything else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.conftest import ServerProcess, start
from tests.support.rawsocket import RawClient, http_request

PATH = "/@connections/x"
HEAD = b"POST /@connections/x HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def at_once() -> Iterator[ServerProcess]:
    process = start("tests.server.apps:answering_at_once", max_body=1000, body_timeout=30)
    try:
        process.wait_until_listening()
        yield process
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("pieces", "status", "by", "body"),
    [
        ([HEAD + b"Content-Length: 3\r\n\r\nabc"], 201, "now", b"abc"),
        ([HEAD + b"\r\n"], 201, "now", b""),
        ([HEAD[:20], HEAD[20:] + b"Content-Length: 3\r\n\r\nabc"], 201, "now", b"abc"),
        ([HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"], 201, "now", b"abc"),
        ([HEAD + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000], 201, "now", b"x" * 1000),
        ([HEAD + b"Content-Length: 3\r\n\r\n", b"abc"], 200, "asgi", b"abc"),
        ([HEAD + b"Content-Length: 3\r\n\r\nab", b"c"], 200, "asgi", b"abc"),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"], 200, "asgi", b"abc"),
        ([HEAD.replace(b"/x", b"/x?later") + b"Content-Length: 3\r\n\r\nabc"], 200, "asgi", b"abc"),
        ([HEAD.replace(b"/x", b"/x?none") + b"Content-Length: 3\r\n\r\nabc"], 204, "now", b""),
        ([HEAD.replace(b"/@connections", b"") + b"Content-Length: 3\r\n\r\nabc"], 200, "asgi", b"abc"),
        ([HEAD + b"Content-Length: 1001\r\n\r\n" + b"x" * 1001], 413, None, None),
        ([HEAD.replace(b"/x", b"/\xff") + b"Content-Length: 3\r\n\r\nabc"], 400, None, None),
        ([HEAD.replace(b"/x", b"/x?fail") + b"Content-Length: 3\r\n\r\nabc"], 500, None, b"Internal server error\n"),
    ],
    ids=[
        "a body",
        "no body",
        "a head in two pieces",
        "a body that was not waited with",
        "the longest body",
        "a body that comes later",
        "a body of which a part comes later",
        "chunks",
        "the application wants it by ASGI",
        "no content",
        "another path",
        "too long a body",
        "a path that is not ASCII",
        "a failure",
    ],
)  # fmt: skip
def test_a_request_is_answered_by(
    at_once: ServerProcess, pieces: list[bytes], status: int, by: str | None, body: bytes | None
) -> None:
    with at_once.client() as client:
        for number, piece in enumerate(pieces):
            if number:  # the server has read what came before: it has answered another connection since
                assert at_once.get("/other").status == 200
            client.send(piece)
        response = client.response()
        assert (response.status, response.headers.get("by")) == (status, by)
        assert body is None or response.body == body
        if status < 300:
            assert client.request(PATH).headers["by"] == "now"
        else:
            assert client.is_closed()


@pytest.mark.parametrize(
    ("version", "headers", "stays"),
    [
        ("HTTP/1.1", [], True),
        ("HTTP/1.1", [("Connection", "close")], False),
        ("HTTP/1.0", [], False),
        ("HTTP/1.0", [("Connection", "keep-alive")], True),
    ],
)
def test_the_connection_stays_as_the_client_asks(
    at_once: ServerProcess, version: str, headers: list[tuple[str, str]], stays: bool
) -> None:
    with at_once.client() as client:
        response = client.request(PATH, method="POST", body=b"abc", version=version, headers=headers)
        assert (response.body, response.headers["content-length"]) == (b"abc", "3")
        assert response.headers["date"].endswith(" GMT")
        if stays:
            assert client.request(PATH, method="HEAD").body == b""
            assert client.request(PATH).headers["by"] == "now"
        else:
            assert client.is_closed()


def test_pipelined_requests_are_answered_in_order_whoever_answers(at_once: ServerProcess) -> None:
    texts = [b"%d" % number for number in range(100)]
    targets = (PATH, PATH + "?later", PATH, "/other")
    with at_once.client() as client:
        client.send(b"".join(http_request(targets[int(text) % 4], method="POST", body=text) for text in texts))
        answered = [client.response() for _ in texts]
    assert [response.body for response in answered] == texts
    assert [response.headers["by"] for response in answered] == ["now", "asgi", "now", "asgi"] * 25


def test_a_peer_that_does_not_read_is_not_answered_at_once(at_once: ServerProcess) -> None:
    """Otherwise its answers would pile up; they wait as ASGI's do, and come in order once it reads."""
    count, size = 100, 200_000
    with RawClient(at_once.port, receive_buffer=4096) as client:
        for number in range(count):
            client.send(http_request(f"{PATH}?size={size}", method="POST", body=b"%d" % (number % 10)))
        assert at_once.get("/other").status == 200
        answered = [client.response() for _ in range(count)]
    by_asgi = [number for number, response in enumerate(answered) if response.headers["by"] == "asgi"]
    assert by_asgi
    for number, response in enumerate(answered):
        text = b"%d" % (number % 10)
        assert response.body == (text if number in by_asgi else text * size)
