"""Peers that send more frames than anybody can want: what a turn of the event loop reads of them is bounded."""

from __future__ import annotations

import contextlib
import struct
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.server.conftest import Serve, ServerProcess
from tests.support.rawsocket import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    RawClient,
    frame_header,
    handshake,
    masked_frame,
)

FRAMES_PER_TURN = 16
FLOODS = {
    "pings": masked_frame(PING, b"x"),
    "pongs": masked_frame(PONG, b"x"),
    "texts": masked_frame(TEXT, b"x"),
}


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def opened(server: ServerProcess, target: str, **options: object) -> RawClient:
    client = server.client(**options)
    assert client.upgrade(target).status == 101
    return client


@pytest.mark.parametrize("kind", FLOODS)
def test_a_turn_reads_few_frames_of_a_flood_and_all_are_read_in_the_end(
    server: ServerProcess, key: str, kind: str
) -> None:
    """On a slow machine the backlog's timer is due before what the read has called soon: then a turn is two of them."""
    with opened(server, f"/counting-frames?key={key}") as client:
        client.send(FLOODS[kind] * 5_000 + masked_frame(TEXT, b"end"))
        most, total = server.observed(key)
        assert most <= 2 * FRAMES_PER_TURN
        assert total == 5_001


def test_a_flood_of_fragments_holds_nobody_up(server: ServerProcess) -> None:
    """The bystander's echo comes while the flood is far from read."""
    fragments = masked_frame(TEXT, b"x", fin=False) + masked_frame(CONTINUATION, b"y", fin=False) * 1_000
    message = fragments + masked_frame(CONTINUATION, b"")
    with opened(server, "/echo") as flooding, opened(server, "/echo") as bystander:
        flooding.send(message * 3)
        bystander.send(masked_frame(TEXT, b"hello"))
        assert bystander.receive_frame() == (TEXT, b"hello")
        assert [len(flooding.receive_frame()[1]) for _ in range(3)] == [1_001] * 3


def test_a_message_may_have_as_many_fragments_as_are_allowed(server: ServerProcess) -> None:
    with opened(server, "/echo") as client:
        client.send(masked_frame(TEXT, b"x", fin=False) + masked_frame(CONTINUATION, b"y", fin=False) * 1_022)
        client.send(masked_frame(CONTINUATION, b"z"))
        assert len(client.receive_frame()[1]) == 1_024


def test_nothing_but_the_close_frame_is_read_after_ours_was_sent(server: ServerProcess, key: str) -> None:
    """RFC 6455 section 5.5.1; what comes meanwhile is discarded by its headers, also in the midst of a frame."""
    with opened(server, f"/closing-at-a-text?key={key}") as client:
        client.send(masked_frame(PING, b"") * 3 + masked_frame(TEXT, b"close"))
        assert client.receive_frame()[0] == PONG
        while (frame := client.receive_frame())[0] != CLOSE:
            assert frame[0] == PONG
        assert frame[1] == struct.pack("!H", 4000)
        for _ in range(10):
            client.send(masked_frame(PING, b"flood") * 200 + masked_frame(TEXT, b"x" * 70_000))
        client.send_close(1000)
        assert client.receive_rest() == b""
    assert server.get(f"/counted-pings?key={key}").body == b"3"


def test_the_close_frame_is_found_behind_a_frame_that_was_being_read(server: ServerProcess, key: str) -> None:
    with opened(server, f"/closing-at-a-text?key={key}") as client:
        client.send(masked_frame(TEXT, b"close") + frame_header(TEXT, 30_000) + b"mask" + b"x" * 10_000)
        assert client.receive_close() == (4000, "")
        client.send(b"\x88" * 20_000)  # payload that looks like close frames
        client.send_close(1000)
        assert client.receive_rest() == b""


def test_a_peer_that_floods_after_our_close_frame_is_dropped(serve: Serve, key: str) -> None:
    server = serve(linger_bytes=100_000, close_timeout=60)
    with opened(server, f"/closing-at-a-text?key={key}") as client:
        client.send(masked_frame(TEXT, b"close"))
        assert client.receive_close() == (4000, "")
        client.send_while_open(masked_frame(PING, b"flood") * 50_000)
        assert client.is_closed()


def test_a_pong_nobody_asked_for_is_told_to_the_application(server: ServerProcess, key: str) -> None:
    with opened(server, f"/counting-frames?key={key}") as client:
        client.send(masked_frame(PONG, b"hello") + masked_frame(TEXT, b"end"))
        assert server.observed(key)[1] == 2


def test_a_connection_that_fails_in_the_backlog_ends_and_the_others_are_read(server: ServerProcess, key: str) -> None:
    """As it does when it fails where the socket is read."""
    with opened(server, "/taking-texts") as failing, opened(server, f"/counting-frames?key={key}") as other:
        failing.send(masked_frame(TEXT, b"x") * 1_000 + masked_frame(TEXT, b"fail"))
        other.send(FLOODS["texts"] * 5_000 + masked_frame(TEXT, b"end"))
        with contextlib.suppress(ConnectionResetError):
            failing.receive_rest()
        assert server.observed(key)[1] == 5_001


# handshakes


def test_a_storm_of_handshakes_is_admitted_at_a_rate_and_the_rest_told_when_to_come_back(serve: Serve) -> None:
    server = serve(handshakes_per_second=1)

    def shake(_: int) -> tuple[int, int]:
        with server.client() as client:
            response = client.upgrade("/echo")
            return response.status, int(response.headers.get("retry-after", 0))

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(shake, range(20)))
    statuses = [status for status, _ in answers]
    # One at once and one from the queue; more only if the machine takes seconds for twenty handshakes.
    assert 2 <= statuses.count(101) < 20
    assert set(statuses) == {101, 429}
    waits = sorted(wait for status, wait in answers if status == 429)
    assert waits[0] >= 1
    # Each gets a different delay, so that the clients return one by one.
    assert len(set(waits)) > len(waits) // 2


def test_who_comes_back_as_told_is_admitted(serve: Serve) -> None:
    server = serve(handshakes_per_second=5)
    pending, admitted = 15, 0
    while admitted < pending:
        with server.client() as client:
            response = client.upgrade("/echo")
            if response.status == 101:
                admitted += 1
            else:
                time.sleep(int(response.headers["retry-after"]))


def test_a_client_that_leaves_the_queue_is_forgotten(serve: Serve) -> None:
    server = serve(handshakes_per_second=1)
    with opened(server, "/echo"), server.client() as leaving:
        leaving.send(b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        leaving.send(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        leaving.reset()
        status = 429
        while status != 101:
            with server.client() as next_one:
                response = next_one.upgrade("/echo")
                status = response.status
                time.sleep(int(response.headers.get("retry-after", 0)))
    assert not [line for line in server.lines if "Traceback" in line]


def test_a_handshake_refused_in_the_queue_does_not_hold_up_those_behind_it(serve: Serve) -> None:
    server = serve(handshakes_per_second=4)
    with opened(server, "/echo"), server.client(timeout=5) as refused, server.client(timeout=5) as next_one:
        refused.send(handshake("foo://elsewhere/echo"))
        next_one.send(handshake("/echo"))
        assert refused.response().status == 400
        assert next_one.response().status == 101


def test_a_reset_behind_unread_data_is_noticed_by_the_next_ping(impatient: ServerProcess, key: str) -> None:
    """The event loop tells a reader of a reset once, with the data that came before it, and never again."""
    with opened(impatient, f"/blocking?key={key}") as client:
        client.send(masked_frame(TEXT, b"block") + masked_frame(TEXT, b"x" * 30_000) * 10)
        client.reset()
    assert impatient.observed(key) == {"type": "websocket.disconnect", "code": 1006, "reason": ""}
    assert not [line for line in impatient.lines if "Traceback" in line]
