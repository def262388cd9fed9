"""Frames as bytes: what we build, and what the short cut for common frames takes and leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayapp.server import frames
from tests.support.rawsocket import ACCEPT, BINARY, CONTINUATION, KEY, PING, TEXT, frame_header, masked_frame


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


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        masked_frame(TEXT, b"hello")[:-1],
        masked_frame(TEXT, b"x" * 200)[:7],
        masked_frame(TEXT, b"hello", fin=False),
        masked_frame(CONTINUATION, b"hello"),
        masked_frame(PING, b"hello"),
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
