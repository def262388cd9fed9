"""The hooks beside ASGI's events: text taken and sent at once, in order with everything that goes the usual way."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.server.conftest import ServerProcess
from tests.support.gateway import wait_until
from tests.support.rawsocket import BINARY, CONTINUATION, TEXT, RawClient, masked_frame


def text(content: str) -> bytes:
    return masked_frame(TEXT, content.encode())


def opened(server: ServerProcess, target: str, **options: Any) -> RawClient:
    client = server.client(**options)
    assert client.upgrade(target).status == 101
    return client


ARRIVALS = {
    "a text": ([text("a")], ["now a"]),
    "texts that arrive together": ([text("a"), text("b"), text("c")], ["now a", "now b", "now c"]),
    "a text that is not taken": ([text("no")], ["event no"]),
    "a text behind one that is not taken": ([text("no"), text("a"), text("b")], ["event no", "event a", "event b"]),
    "one that is not taken behind a text": ([text("a"), text("no"), text("b")], ["now a", "event no", "event b"]),
    "bytes": ([masked_frame(BINARY, b"a")], ["event a"]),
    "a text behind bytes": ([masked_frame(BINARY, b"a"), text("b")], ["event a", "event b"]),
    "a text in two fragments": (
        [masked_frame(TEXT, b"a", fin=False), masked_frame(CONTINUATION, b"b")],
        ["now ab"],
    ),
    "more than may wait": ([text("no"), *[text("a")] * 40], ["event no", *["event a"] * 40]),
    "an empty text": ([text("")], ["now "]),
}


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_text_is_taken_at_once_but_never_before_what_came_earlier(server: ServerProcess, arrival: str) -> None:
    frames, told = ARRIVALS[arrival]
    with opened(server, "/taking-texts") as client:
        for _ in range(3):
            client.send(b"".join(frames))
            replies = [client.receive_frame()[1].decode() for _ in told]
            # Where events wait, the application may come to wait for text between two pieces of what arrived.
            assert [reply.partition(" ")[2] for reply in replies] == [reply.partition(" ")[2] for reply in told]
            assert replies[:16] == told[:16]
        client.send(text("z"))
        assert client.receive_frame() == (TEXT, b"now z")


def test_text_that_comes_in_pieces_is_taken_once_it_is_whole(server: ServerProcess) -> None:
    with opened(server, "/taking-texts") as client:
        client.drip(text("a") + text("b"), pause=0.005)
        assert [client.receive_frame()[1] for _ in range(2)] == [b"now a", b"now b"]


def test_an_application_that_fails_at_once_loses_that_connection_only(server: ServerProcess) -> None:
    with opened(server, "/taking-texts") as bystander, opened(server, "/taking-texts") as client:
        client.send(text("fail"))
        assert client.is_closed()
        bystander.send(text("a"))
        assert bystander.receive_frame() == (TEXT, b"now a")
    wait_until(lambda: any("it failed at once" in line for line in server.lines))


def test_what_is_sent_at_once_keeps_its_place_and_is_refused_while_the_client_is_slow(server: ServerProcess) -> None:
    key = uuid.uuid4().hex
    with opened(server, f"/sending-now?key={key}", receive_buffer=4096) as client:
        assert server.observed(key) == "RuntimeError"  # before the connection was accepted
        assert [server.observed(key), server.observed(key)] == [True, True]
        assert [client.receive_frame(), client.receive_frame()] == [(TEXT, b"text"), (BINARY, b"bytes")]
        client.send(text("go"))
        assert server.observed(key) is True  # it was refused with bytes in the buffer
        received = []
        while (payload := client.receive_frame()[1]) != b"last":
            received.append(payload)
        assert [int(payload[:6]) for payload in received] == list(range(len(received)))
        assert {len(payload) for payload in received} == {10_000}
        client.send(text("again"))
        assert server.observed(key) is True
        assert client.receive_frame() == (TEXT, b"no one waits any more")
        client.send_close(1000)
        assert server.observed(key) == "ConnectionResetError"
