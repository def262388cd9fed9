"""Frames as bytes: what we build, and what the short cut for common frames takes and leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayapp.server import frames
from tests.support.rawsocket import (
    ACCEPT,
    BINARY,
    CLOSE,
    CONTINUATION,
    KEY,
    PING,
    PONG,
    TEXT,
    frame_header,
    masked_frame,
)


@pytest.mark.parametrize(
    ("size", "header"),
    [(0, "8100"), (125, "817d"), (126, "817e007e"), (65535, "817effff"), (65536, "817f0000000000010000")],
)
def test_a_frame_says_its_length_in_the_shortest_form(size: int, header: str) -> None:
    assert frames.frame(frames.TEXT, bytes(size)) == bytes.fromhex(header) + bytes(size)


@given(st.binary(max_size=70_000), st.sampled_from([TEXT, BINARY]), st.binary(min_size=4, max_size=4), st.binary())
def test_a_whole_frame_is_taken(payload: bytes, opcode: int, mask: bytes, after: bytes) -> None:
    data = b"before" + masked_frame(opcode, payload, mask=mask) + after
    found = frames.whole_frame(data, 6, 65535)
    if len(payload) > 65535:
        assert found is None
    else:
        assert found == (0x80 | opcode, payload, len(data) - len(after))


@given(st.binary(max_size=125), st.sampled_from([PING, PONG]), st.binary())
def test_a_whole_control_frame_is_taken(payload: bytes, opcode: int, after: bytes) -> None:
    data = masked_frame(opcode, payload) + after
    assert frames.whole_frame(data, 0, 10) == (0x80 | opcode, payload, len(data) - len(after))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        masked_frame(TEXT, b"hello")[:-1],
        masked_frame(TEXT, b"x" * 200)[:7],
        masked_frame(TEXT, b"hello", fin=False),
        masked_frame(CONTINUATION, b"hello"),
        masked_frame(CLOSE, b""),
        masked_frame(PING, b"x" * 126),
        masked_frame(PING, b"hello", fin=False),
        b"\xc1" + masked_frame(TEXT, b"hello")[1:],
        b"\x81\x05hello and more",
        b"\x81\xfe\x00\x05maskhello",
        masked_frame(TEXT, b"x" * 1001),
        frame_header(TEXT, 2**40) + bytes(100),
    ],
)
def test_anything_else_is_left_to_the_parser(data: bytes) -> None:
    assert frames.whole_frame(data, 0, 1000) is None


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [
        (None, "", b""),
        (1000, "", b"\x03\xe8"),
        (1001, "Going away", b"\x03\xe9Going away"),
        (4000, "\u20ac" * 100, b"\x0f\xa0" + "\u20ac".encode() * 41),
        (4000, "\ud800", b"\x0f\xa0?"),
    ],
)
def test_a_close_frame_holds_code_and_reason(code: int | None, reason: str, payload: bytes) -> None:
    assert frames.close_payload(code, reason) == payload


def test_the_accept_key_is_the_one_of_the_rfc() -> None:
    assert frames.accept_key(KEY.encode()).decode() == ACCEPT


FLOOD = masked_frame(PING, b"x") + masked_frame(TEXT, b"y" * 70_000, fin=False) + masked_frame(CONTINUATION, b"z" * 300)


@given(st.lists(st.integers(1, 30_000), max_size=40), st.integers(0, 100_000))
def test_a_close_frame_is_found_wherever_the_bytes_are_cut(cuts: list[int], unread: int) -> None:
    data = bytes(unread) + FLOOD + masked_frame(CLOSE, b"\x03\xe8") + FLOOD
    skipper = frames.FrameSkipper(unread)
    rest, found = b"", False
    for cut in [*cuts, len(data)]:
        rest, found = skipper.feed(rest + data[:cut], 1000)
        data = data[cut:]
        if found:
            break
    assert found
    assert rest.startswith(masked_frame(CLOSE, b"\x03\xe8")[:1])


def test_frames_are_skipped_up_to_a_number() -> None:
    skipper = frames.FrameSkipper(0)
    rest, found = skipper.feed(masked_frame(PING, b"abc") * 10, 4)
    assert (rest, found) == (masked_frame(PING, b"abc") * 6, False)
