"""Bodies as bytes: however they are cut, they come out whole and leave the next request alone."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayapp.server.bodies import BodyReader, ChunkedBody, SizedBody, body_reader
from gatewayapp.server.heads import Refusal, RequestHead, parse_head
from gatewayapp.server.limits import ServerOptions


def head(*fields: str) -> RequestHead:
    lines = ["POST / HTTP/1.1", "Host: a", *fields, "", ""]
    return parse_head("\r\n".join(lines).encode(), ServerOptions())


def read(reader: BodyReader, data: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """Feed `data` cut at `cuts`: (body, what follows it)."""
    body, rest = b"", b""
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        if reader.finished:
            rest += data[start:end]
        else:
            piece, after = reader.feed(data[start:end])
            body += piece
            rest += after
    return body, rest


CUTS = st.lists(st.integers(0, 300), max_size=20)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), CUTS, st.booleans())
def test_chunks_are_joined(chunks: list[bytes], cuts: list[int], trailers: bool) -> None:
    end = b"0\r\n" + (b"A: b\r\n" if trailers else b"") + b"\r\n"
    data = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end
    cuts = [min(cut, len(data)) for cut in cuts]
    assert read(ChunkedBody(1000), data + b"next", cuts) == (b"".join(chunks), b"next")


@given(st.binary(min_size=1, max_size=200), CUTS)
def test_a_length_is_counted(body: bytes, cuts: list[int]) -> None:
    cuts = [min(cut, len(body)) for cut in cuts]
    assert read(SizedBody(len(body), 1000), body + b"next", cuts) == (body, b"next")


@given(st.binary(max_size=100))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(Refusal):
        body, _ = ChunkedBody(100).feed(data)
        assert len(body) <= 100


@pytest.mark.parametrize(
    "data", [b"5\r\nhello\r\n6\r\nhello!\r\n", b"b\r\n", b"ffffffffffffffff\r\n", b"a\r\n0123456789\r\n1\r\n"]
)
def test_chunks_above_the_limit_are_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        ChunkedBody(10).feed(data)
    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("fields", "kind", "finished"),
    [
        ((), SizedBody, True),
        (("Content-Length: 0",), SizedBody, True),
        (("Content-Length: 5",), SizedBody, False),
        (("Transfer-Encoding: Chunked",), ChunkedBody, False),
    ],
)
def test_the_headers_choose_the_reader(fields: tuple[str, ...], kind: type, finished: bool) -> None:
    reader = body_reader(head(*fields), 1000)
    assert isinstance(reader, kind)
    assert reader.finished is finished


@pytest.mark.parametrize(
    ("field", "status"), [("Content-Length: 1001", 413), ("Transfer-Encoding: gzip, chunked", 501)]
)
def test_a_body_that_cannot_be_read_is_refused(field: str, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        body_reader(head(field), 1000)
    assert refused.value.status == status


def test_endless_trailers_are_refused() -> None:
    with pytest.raises(Refusal):
        ChunkedBody(10).feed(b"0\r\n" + (b"A: " + b"x" * 100 + b"\r\n") * 1000)
