"""WebSocket connections over real sockets: messages, closing, limits, slow and dead peers."""

from __future__ import annotations

import json
import socket
import struct
import time
import uuid

import pytest
from websockets.sync.client import connect

from tests.server.conftest import Serve, ServerProcess
from tests.support.rawsocket import (
    ACCEPT,
    BINARY,
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

LOST = {"type": "websocket.disconnect", "code": 1006, "reason": ""}


@pytest.fixture
def key() -> str:
    return uuid.uuid4().hex


def opened(server: ServerProcess, target: str, **options: object) -> RawClient:
    client = server.client(**options)
    response = client.upgrade(target)
    assert response.status == 101
    return client


def disconnect(code: int, reason: str = "") -> dict[str, object]:
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


# messages


@pytest.mark.parametrize("payload", ["hello", "", "x" * 32768, "\u00e4\u20ac\U0001f600"])
def test_text_comes_back(server: ServerProcess, payload: str) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/echo", compression=None) as client:
        client.send(payload)
        assert client.recv() == payload


@pytest.mark.parametrize("payload", [b"", b"\x00\xff", bytes(200), bytes(32768)])
def test_binary_comes_back_as_bytes(server: ServerProcess, payload: bytes) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/echo", compression=None) as client:
        client.send(payload)
        assert client.recv() == payload


@pytest.mark.parametrize(
    ("pieces", "whole"), [(["a", "b"], "ab"), ([b"a", b"b", b""], b"ab"), (["x" * 32768] * 4, None)]
)
def test_fragments_become_one_message(server: ServerProcess, pieces: list[str], whole: str | None) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/echo", compression=None) as client:
        client.send(pieces)
        assert client.recv() == (whole or "".join(pieces))


def test_messages_keep_their_order_however_they_are_cut(server: ServerProcess) -> None:
    stream = b"".join(
        masked_frame(TEXT if number % 3 else BINARY, str(number).encode() * (number % 50)) for number in range(300)
    )
    with opened(server, "/echo") as client:
        for size in (7, 1000, 33):
            client.drip(stream, size)
            for number in range(300):
                opcode, payload = client.receive_frame()
                assert (opcode, payload) == (TEXT if number % 3 else BINARY, str(number).encode() * (number % 50))


def test_a_control_frame_may_come_between_fragments(server: ServerProcess) -> None:
    with opened(server, "/echo") as client:
        client.send_frame(TEXT, b"a", fin=False)
        client.send_frame(PING, b"now")
        client.send_frame(CONTINUATION, b"b")
        assert client.receive_frame() == (PONG, b"now")
        assert client.receive_frame() == (TEXT, b"ab")


def test_frames_sent_before_the_handshake_is_answered_are_kept(server: ServerProcess) -> None:
    with server.client() as client:
        client.send(handshake("/accept-later?seconds=0.3") + masked_frame(TEXT, b"early"))
        assert client.response().status == 101
        assert client.receive_frame() == (TEXT, b"early")


# the handshake


def test_the_handshake_is_answered_as_rfc_6455_wants(server: ServerProcess) -> None:
    with server.client() as client:
        response = client.upgrade("/echo", [("Sec-WebSocket-Extensions", "permessage-deflate")])
        assert response.status == 101
        assert response.headers["sec-websocket-accept"] == ACCEPT
        assert response.headers["upgrade"].lower() == "websocket"
        assert response.headers["connection"].lower() == "upgrade"
        assert "sec-websocket-extensions" not in response.headers
        assert "sec-websocket-protocol" not in response.headers


def test_an_application_may_add_headers_and_any_subprotocol(server: ServerProcess) -> None:
    with server.client() as client:
        response = client.upgrade("/accept-with-headers")
        assert response.headers["x-route"] == "chat"
        assert response.headers["set-cookie"] == "a=b"
        assert response.headers["sec-websocket-protocol"] == "never-offered"


def test_a_header_with_a_line_break_is_not_sent(server: ServerProcess) -> None:
    with server.client() as client:
        response = client.upgrade("/accept-with-split-header")
        assert response.status == 500
        assert "x-injected" not in response.headers


def test_an_application_may_deny_with_its_own_answer(server: ServerProcess, key: str) -> None:
    with server.client() as client:
        response = client.upgrade(f"/deny?key={key}")
        assert response.status == 429
        assert response.headers["content-type"] == "application/json"
        assert response.headers["x-amzn-errortype"] == "LimitExceededException"
        assert response.body == b'{"message":"Too Many Requests"}'
    assert server.observed(key) == LOST


@pytest.mark.parametrize(
    ("target", "status"), [("/deny-at-once", 401), ("/close-before-accept", 403), ("/crash-before-accept", 500)]
)
def test_a_denial_ends_the_connection(server: ServerProcess, target: str, status: int) -> None:
    with server.client() as client:
        response = client.upgrade(target)
        assert response.status == status
        assert response.headers["connection"] == "close"
        assert client.is_closed()


def test_half_a_denial_ends_the_connection(server: ServerProcess) -> None:
    with server.client() as client:
        client.send(handshake("/crash-in-denial"))
        assert client.response().status == 429
        assert client.is_closed()


def test_a_handshake_may_stay_pending(server: ServerProcess, key: str) -> None:
    with server.client() as client:
        client.send(handshake(f"/accept-later?seconds=1&key={key}"))
        assert client.response().status == 101
        client.send_close(1000)
        assert client.receive_close() == (1000, "")


def test_an_unanswered_handshake_is_refused_in_time(impatient: ServerProcess, key: str) -> None:
    with impatient.client() as client:
        assert client.upgrade(f"/never-answer?key={key}").status == 504
    assert impatient.observed(key) == LOST


def test_a_client_that_leaves_during_the_handshake_is_noticed(server: ServerProcess, key: str) -> None:
    with server.client() as client:
        client.send(handshake(f"/never-answer?key={key}"))
    assert server.observed(key) == LOST


def test_the_scope_describes_the_handshake(server: ServerProcess) -> None:
    with server.client() as client:
        client.upgrade("/a%2Fb/scope-as-json?x=%201&y", [("X-MiXeD", "\xe9"), ("Sec-WebSocket-Protocol", "one, two")])
        _, payload = client.receive_frame()
    scope = json.loads(payload)
    assert scope["path"] == "/a/b/scope-as-json"
    assert scope["raw_path"] == "/a%2Fb/scope-as-json"
    assert scope["query_string"] == "x=%201&y"
    assert scope["scheme"] == "ws"
    assert scope["subprotocols"] == ["one", "two"]
    assert ["x-mixed", "\xe9"] in scope["headers"]
    assert ["X-MiXeD", "\xe9"] in scope["extensions"]["nopal.raw_headers"]
    assert scope["extensions"]["websocket.http.response"] == {}
    assert scope["client"][0] == "127.0.0.1"
    assert scope["server"] == ["127.0.0.1", server.port]


# closing


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "tab closed"), (3999, "\u00fcber"), (4999, "r" * 123)])
def test_a_clients_close_is_echoed_and_reported(server: ServerProcess, key: str, code: int, reason: str) -> None:
    reason = reason[: 123 - len(reason.encode()) + len(reason)]
    with opened(server, f"/echo?key={key}") as client:
        client.send_close(code, reason)
        assert client.receive_close() == (code, reason)
        assert client.is_closed()
    assert server.observed(key) == disconnect(code, reason)


def test_a_close_without_a_code_is_answered_without_one(server: ServerProcess, key: str) -> None:
    with opened(server, f"/echo?key={key}") as client:
        client.send_close()
        assert client.receive_close() == (None, "")
        assert client.is_closed()
    assert server.observed(key) == disconnect(1005)


@pytest.mark.parametrize("abruptly", [False, True])
def test_a_lost_connection_is_reported_as_1006(server: ServerProcess, key: str, abruptly: bool) -> None:
    client = opened(server, f"/echo?key={key}")
    if abruptly:
        client.reset()
    client.socket.close()
    assert server.observed(key) == LOST


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1008, 1009, 1011, 1012, 1013, 3000, 4999])
def test_an_application_may_close_with_any_code(server: ServerProcess, key: str, code: int) -> None:
    with opened(server, f"/close-with?key={key}&code={code}&reason=since") as client:
        client.send_frame(TEXT, b"go")
        assert client.receive_close() == (code, "since")
        assert server.observed(key) == disconnect(code, "since")
        client.send_close(code)
        assert client.is_closed()


@pytest.mark.parametrize("code", [1, 999, 1004, 1005, 1006, 1015, 5000, 70000])
def test_a_code_that_must_not_be_sent_is_the_applications_error(server: ServerProcess, code: int) -> None:
    with opened(server, f"/close-with?code={code}") as client:
        client.send_frame(TEXT, b"go")
        assert client.receive_close()[0] == 1011


def test_a_reason_too_long_is_cut_between_characters(server: ServerProcess, key: str) -> None:
    with opened(server, f"/close-with?key={key}&code=4000&reason={'%E2%82%AC' * 60}") as client:
        client.send_frame(TEXT, b"go")
        assert client.receive_close() == (4000, "\u20ac" * 41)


def test_a_peer_that_does_not_answer_a_close_is_dropped(impatient: ServerProcess) -> None:
    with opened(impatient, "/close-with?code=1000") as client:
        client.send_frame(TEXT, b"go")
        assert client.receive_close() == (1000, "")
        assert client.is_closed()


@pytest.mark.parametrize(("target", "code"), [("/crash", 1011), ("/return-early", 1000)])
def test_an_application_that_ends_closes_its_connection(server: ServerProcess, target: str, code: int) -> None:
    with opened(server, target) as client:
        client.send_while_open(masked_frame(TEXT, b"go"))
        assert client.receive_close()[0] == code
    if code == 1011:
        server.wait_for_line("planned crash")


def test_send_raises_once_the_peer_is_gone(server: ServerProcess, key: str) -> None:
    client = opened(server, f"/send-until-error?key={key}")
    client.reset()
    assert server.observed(key) == [LOST, "ConnectionResetError"]


def test_work_goes_on_after_the_disconnect(server: ServerProcess, key: str) -> None:
    with opened(server, f"/work-after-disconnect?key={key}") as client:
        client.send_frame(TEXT, b"go")
    assert server.observed(key) == "finished its work"


# what breaks the protocol


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        pytest.param(frame_header(TEXT, 32769) + b"mask", 1009, id="frame declared too long"),
        pytest.param(frame_header(TEXT, 2**62) + b"mask", 1009, id="frame declared huge"),
        pytest.param(masked_frame(TEXT, b"x" * 40000), 1009, id="frame too long"),
        pytest.param(masked_frame(TEXT, b"\xff"), 1007, id="not UTF-8"),
        pytest.param(masked_frame(TEXT, "\u20ac".encode()[:2]), 1007, id="UTF-8 cut off"),
        pytest.param(b"\x81\x01x", 1002, id="not masked"),
        pytest.param(b"\x83\x80\0\0\0\0", 1002, id="reserved opcode"),
        pytest.param(b"\xc1\x80\0\0\0\0", 1002, id="reserved bit"),
        pytest.param(masked_frame(CONTINUATION, b"x"), 1002, id="continuation of nothing"),
        pytest.param(masked_frame(TEXT, b"a", fin=False) + masked_frame(TEXT, b"b"), 1002, id="message in message"),
        pytest.param(masked_frame(PING, b"x" * 126), 1002, id="long control frame"),
        pytest.param(masked_frame(PING, b"x", fin=False), 1002, id="fragmented control frame"),
        pytest.param(masked_frame(CLOSE, b"x"), 1002, id="close with half a code"),
        pytest.param(masked_frame(CLOSE, struct.pack("!H", 1005)), 1002, id="close code that is never sent"),
        pytest.param(masked_frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007, id="close reason not UTF-8"),
        pytest.param(b"\x81\xfe\x00\x05\0\0\0\0hello", 1002, id="length not in its shortest form"),
    ],
)
def test_a_violation_is_answered_with_its_code(server: ServerProcess, key: str, frames: bytes, code: int) -> None:
    with opened(server, f"/echo?key={key}") as client:
        client.send(frames)
        sent, reason = client.receive_close()
        assert sent == code
        assert reason
        assert client.is_closed()
    observed = server.observed(key)
    assert observed == disconnect(code, reason)
    if code == 1009:
        assert reason == "Message too big"


def test_a_message_in_many_frames_is_too_big_as_well(server: ServerProcess, key: str) -> None:
    with opened(server, f"/echo?key={key}") as client:
        for number in range(5):
            client.send_while_open(masked_frame(CONTINUATION if number else TEXT, b"x" * 30000, fin=False))
        assert client.receive_close() == (1009, "Message too big")


def test_the_close_frame_arrives_although_the_peer_is_still_sending(server: ServerProcess) -> None:
    with opened(server, "/echo") as client:
        client.send(frame_header(TEXT, 1_000_000) + b"mask")
        client.send_while_open(bytes(1_000_000))
        assert client.receive_close() == (1009, "Message too big")


def test_a_peer_that_never_stops_sending_is_dropped(impatient: ServerProcess) -> None:
    with opened(impatient, "/echo") as client:
        client.send(frame_header(TEXT, 2**40) + b"mask")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            client.socket.sendall(bytes(64_000_000))


def test_too_many_fragments_are_refused(impatient: ServerProcess) -> None:
    with opened(impatient, "/echo") as client:
        client.send_frame(TEXT, b"", fin=False)
        for _ in range(8):
            client.send_frame(CONTINUATION, b"", fin=False)
        assert client.receive_close()[0] == 1008


def test_a_connection_may_have_its_own_limits(server: ServerProcess) -> None:
    with opened(server, "/own-limits") as client:
        client.send_frame(TEXT, b"x" * 10)
        assert client.receive_frame() == (TEXT, b"x" * 10)
        assert client.receive_frame() == (PING, b"")
        client.send_frame(TEXT, b"x" * 11)
        while (frame := client.receive_frame())[0] == PING:
            pass
        assert frame == (CLOSE, struct.pack("!H", 1009) + b"Message too big")


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param([frame_header(TEXT, 2**40) + b"mask", bytes(3_000_000)], id="declared huge"),
        pytest.param(
            [masked_frame(CONTINUATION if n else TEXT, b"ab", fin=False) for n in range(1000)], id="fragments"
        ),
    ],
)
def test_memory_does_not_grow_with_what_is_refused(server: ServerProcess, attack: list[bytes]) -> None:
    def attack_once() -> None:
        with opened(server, "/echo") as client:
            for part in attack:
                client.send_while_open(part)

    attack_once()
    before = server.memory()
    for _ in range(10):
        attack_once()
    assert server.memory() - before < 3 * 1024  # KiB


def test_a_dripped_message_takes_no_more_memory_than_a_whole_one(server: ServerProcess) -> None:
    message = masked_frame(TEXT, b"x" * 32768)
    with opened(server, "/echo") as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before = server.memory()
        client.drip(message[:-1], size=3)
        assert server.memory() - before < 1024
        client.send(message[-1:])
        assert client.receive_frame() == (TEXT, b"x" * 32768)


# pings


def test_a_ping_is_answered_and_told_to_the_application(server: ServerProcess, key: str) -> None:
    with opened(server, f"/count-pings?key={key}") as client:
        client.send_frame(PING, b"payload")
        assert client.receive_frame() == (PONG, b"payload")
        assert server.observed(key) == "ping"


def test_an_unsolicited_pong_is_ignored(server: ServerProcess) -> None:
    with opened(server, "/echo") as client:
        client.send_frame(PONG, b"unasked")
        client.send_frame(TEXT, b"still here")
        assert client.receive_frame() == (TEXT, b"still here")


def test_a_silent_peer_is_pinged_and_dropped(impatient: ServerProcess, key: str) -> None:
    with opened(impatient, f"/echo?key={key}") as client:
        assert client.receive_frame() == (PING, b"")
        assert client.is_closed()
    assert impatient.observed(key) == LOST


def test_a_peer_that_answers_pings_stays(impatient: ServerProcess) -> None:
    with opened(impatient, "/echo") as client:
        for _ in range(4):
            assert client.receive_frame() == (PING, b"")
            client.send_frame(PONG)
        client.send_frame(TEXT, b"still here")
        while (frame := client.receive_frame())[0] == PING:
            client.send_frame(PONG)
        assert frame == (TEXT, b"still here")


def test_pings_of_a_peer_that_reads_nothing_do_not_fill_memory(server: ServerProcess) -> None:
    with opened(server, "/echo", receive_buffer=4096) as client:
        pings = masked_frame(PING, b"x" * 125) * 400
        before = server.memory()
        client.socket.settimeout(1)
        try:
            for _ in range(200):
                client.socket.sendall(pings)
        except TimeoutError:
            pass
        assert server.memory() - before < 2 * 1024


# slow sides


def test_send_waits_while_the_peer_does_not_read(server: ServerProcess, key: str) -> None:
    before = server.memory()
    with opened(server, f"/flood?key={key}", receive_buffer=4096) as client:
        sent, buffered = server.observed(key)
        assert 0 < sent < 200
        assert 0 < buffered < 200 * 1024
        assert server.memory() - before < 2 * 1024
        assert client.receive_frame() == (TEXT, b"x" * 65536)


def test_how_much_may_wait_to_be_sent_is_an_option(serve: Serve, key: str) -> None:
    generous = serve(write_high_water=1_000_000)
    with opened(generous, f"/flood?key={key}", receive_buffer=4096):
        assert 900_000 < generous.observed(key)[1] < 1_200_000


def test_send_goes_on_when_the_peer_reads_again(server: ServerProcess, key: str) -> None:
    with opened(server, f"/flood?key={key}&until=300", receive_buffer=4096) as client:
        server.observed(key)
        for _ in range(300):
            assert client.receive_frame() == (TEXT, b"x" * 65536)


def test_send_does_not_suspend_while_there_is_room(server: ServerProcess, key: str) -> None:
    with opened(server, f"/send-without-suspending?key={key}"):
        assert server.observed(key) == "finished"


def test_the_socket_is_not_read_while_messages_wait(server: ServerProcess, key: str) -> None:
    with opened(server, f"/read-nothing?key={key}") as client:
        before = server.memory()
        client.socket.settimeout(1)
        message, sent = masked_frame(TEXT, b"x" * 1000) * 1000, 0
        try:
            while sent < 100_000_000:
                sent += client.socket.send(message[sent % len(message) :])
        except TimeoutError:
            pass
        assert sent < 50_000_000
        assert server.memory() - before < 2 * 1024


def test_messages_that_waited_are_all_delivered_in_order(server: ServerProcess, key: str) -> None:
    messages = [f"{number}" for number in range(500)] + ["last"]
    with opened(server, f"/read-nothing?key={key}") as client:
        client.send(b"".join(masked_frame(TEXT, message.encode()) for message in messages))
        server.get(f"/go?key={key}")
        assert server.observed(key) == messages


def test_a_peer_we_do_not_read_is_not_taken_for_dead(impatient: ServerProcess, key: str) -> None:
    with opened(impatient, f"/read-nothing?key={key}") as client:
        for number in range(40):
            client.send_frame(TEXT, f"{number}".encode())
        time.sleep(1.5)  # three ping intervals
        client.send_frame(TEXT, b"last")
        impatient.get(f"/go?key={key}")
        assert len(impatient.observed(key)) == 41
