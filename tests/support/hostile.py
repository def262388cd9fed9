"""Backends that break the rules: one script for each way, and what a call must make of it.

A script writes raw bytes on an accepted connection after the request was read.
"""

from dataclasses import dataclass

from gatewayapp.core.errors import BackendUnreachable, BadIntegrationResult, GatewayError, IntegrationTimeout
from tests.support.backend import RawHandler, Wire

KIB = 1024
MAX_BODY = 256 * KIB
"""The limit that `MODES` expects a client to have set."""
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Mode:
    """`outcome` is the error that a call must raise, or the status and body that it must return."""

    script: RawHandler
    outcome: type[GatewayError] | tuple[int, bytes]


def says(*pieces: bytes) -> RawHandler:
    """Send the pieces and close."""

    async def script(wire: Wire) -> None:
        for piece in pieces:
            await wire.send(piece)

    return script


def says_and_goes_on(*pieces: bytes) -> RawHandler:
    """Send the pieces, then serve the connection's next request properly."""

    async def script(wire: Wire) -> bool:
        await says(*pieces)(wire)
        return True

    return script


def says_and_stays(*pieces: bytes) -> RawHandler:
    """Send the pieces, then keep the connection until the other side closes it."""

    async def script(wire: Wire) -> None:
        await says(*pieces)(wire)
        await wire.closed_by_peer()

    return script


def never_stops(start: bytes, again: bytes) -> RawHandler:
    """Send the start, then the same again and again, as fast as it is taken."""

    async def script(wire: Wire) -> None:
        await wire.send(start)
        while True:
            await wire.send(again)

    return script


def drips(start: bytes, drop: bytes) -> RawHandler:
    """Send the start, then a drop every few milliseconds for ever."""

    async def script(wire: Wire) -> None:
        await wire.send(start)
        while True:
            await wire.send(drop)
            await wire.pause(0.005)

    return script


def resets_after(*pieces: bytes) -> RawHandler:
    async def script(wire: Wire) -> None:
        await says(*pieces)(wire)
        wire.reset()

    return script


def with_length(body: bytes, *more: bytes) -> bytes:
    """A proper answer with further header lines."""
    return OK + b"".join(more) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def many_headers(count: int) -> bytes:
    return OK + b"".join(b"X-%d: y\r\n" % number for number in range(count)) + b"Content-Length: 0\r\n\r\n"


BAD = BadIntegrationResult
GZIP_BOMB = b"\x1f\x8b\x08\x00" + b"\x00" * 4096

MODES: dict[str, Mode] = {
    # no HTTP at all
    "silence": Mode(says_and_stays(), IntegrationTimeout),
    "closes without a byte": Mode(says(), BackendUnreachable),
    "resets without a byte": Mode(resets_after(), BackendUnreachable),
    "garbage": Mode(says(bytes(range(256)) * 16), BAD),
    "a greeting of another protocol": Mode(says_and_stays(b"220 mail.example ESMTP\r\n"), BAD),
    "HTTP/0.9": Mode(says(b"<html>hello</html>"), BAD),
    "HTTP/2 preface": Mode(says_and_stays(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), BAD),
    "HTTP/2 settings frame": Mode(says_and_stays(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"), BAD),
    "a TLS alert": Mode(says_and_stays(b"\x15\x03\x01\x00\x02\x02\x28"), BAD),
    "a status that is no number": Mode(says(b"HTTP/1.1 abc OK\r\n\r\n"), BAD),
    "status 000": Mode(says_and_stays(b"HTTP/1.1 000 Nothing\r\n\r\n"), BAD),
    "status 99": Mode(says_and_stays(b"HTTP/1.1 099 Nothing\r\n\r\n"), BAD),
    # headers
    "one huge header": Mode(says_and_stays(OK + b"X: " + b"a" * (100 * KIB) + b"\r\n\r\n"), BAD),
    "an endless header": Mode(never_stops(OK + b"X: ", b"a" * 16 * KIB), BAD),
    "endless headers": Mode(never_stops(OK, b"X: y\r\n" * 1000), BAD),
    "endless empty header names": Mode(never_stops(OK, b":\r\n" * 1000), BAD),
    "an endless reason": Mode(never_stops(b"HTTP/1.1 200 ", b"O" * 16 * KIB), BAD),
    "10,000 headers": Mode(says_and_stays(many_headers(10_000)), BAD),
    "one header too many": Mode(says_and_stays(many_headers(200)), BAD),
    "dripping headers": Mode(drips(OK, b"X: y\r\n"), IntegrationTimeout),
    "NUL in a header": Mode(says_and_stays(with_length(b"x", b"X: a\0b\r\n")), BAD),
    "a bare CR in a header": Mode(says_and_stays(with_length(b"x", b"X: a\rY: b\r\n")), BAD),
    "a blank before the colon": Mode(says_and_stays(with_length(b"x", b"Transfer-Encoding : chunked\r\n")), BAD),
    "no colon": Mode(says_and_stays(with_length(b"x", b"nonsense\r\n")), BAD),
    "closes in the header": Mode(says(OK + b"Content-"), BAD),
    # lengths that contradict
    "negative Content-Length": Mode(says_and_stays(OK + b"Content-Length: -1\r\n\r\nx"), BAD),
    "Content-Length is no number": Mode(says_and_stays(OK + b"Content-Length: 0x10\r\n\r\nx"), BAD),
    "Content-Length overflows": Mode(says_and_stays(OK + b"Content-Length: 99999999999999999999999\r\n\r\nx"), BAD),
    "two Content-Lengths": Mode(says_and_stays(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy"), BAD),
    "a list of Content-Lengths": Mode(says_and_stays(OK + b"Content-Length: 1, 2\r\n\r\nxy"), BAD),
    "Transfer-Encoding and Content-Length": Mode(
        says_and_stays(OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"), BAD
    ),
    "an unknown transfer coding": Mode(says(OK + b"Transfer-Encoding: gzip\r\n\r\nxyz"), BAD),
    # bodies
    "declares a huge body": Mode(says_and_stays(OK + b"Content-Length: 1000000000000\r\n\r\nx"), BAD),
    "a body one byte too long": Mode(says_and_stays(with_length(b"x" * (MAX_BODY + 1))), BAD),
    "an endless body": Mode(never_stops(OK + b"\r\n", b"x" * 64 * KIB), BAD),
    "an endless chunked body": Mode(never_stops(CHUNKED, b"4000\r\n" + b"x" * 16 * KIB + b"\r\n"), BAD),
    "an endless body of tiny chunks": Mode(never_stops(CHUNKED, b"2\r\nxy\r\n" * 2000), BAD),
    "a dripping body": Mode(drips(OK + b"Content-Length: 100000\r\n\r\n", b"x"), IntegrationTimeout),
    "dripping chunks": Mode(drips(CHUNKED, b"1\r\nx\r\n"), IntegrationTimeout),
    "closes in the body": Mode(says(OK + b"Content-Length: 10\r\n\r\nhalf"), BAD),
    "resets in the body": Mode(resets_after(OK + b"Content-Length: 10\r\n\r\nhalf"), BackendUnreachable),
    "gzip, not undone": Mode(says_and_goes_on(with_length(GZIP_BOMB, b"Content-Encoding: gzip\r\n")), (200, GZIP_BOMB)),
    # chunks
    "a chunk size that is no number": Mode(says_and_stays(CHUNKED + b"zz\r\nx\r\n0\r\n\r\n"), BAD),
    "a negative chunk size": Mode(says_and_stays(CHUNKED + b"-1\r\nx\r\n0\r\n\r\n"), BAD),
    "a chunk size that overflows": Mode(says_and_stays(CHUNKED + b"fffffffffffffffff\r\nx\r\n0\r\n\r\n"), BAD),
    "a chunk longer than declared": Mode(says_and_stays(CHUNKED + b"1\r\nxyz\r\n0\r\n\r\n"), BAD),
    "an endless chunk extension": Mode(never_stops(CHUNKED + b"1;", b"a" * 16 * KIB), BAD),
    "closes in a chunk": Mode(says(CHUNKED + b"5\r\nxy"), BAD),
    "closes before the last chunk": Mode(says(CHUNKED + b"2\r\nxy\r\n"), BAD),
    "endless trailers": Mode(never_stops(CHUNKED + b"0\r\n", b"X: y\r\n" * 1000), BAD),
    "an endless trailer": Mode(never_stops(CHUNKED + b"1\r\nx\r\n0\r\nX: ", b"a" * 16 * KIB), BAD),
    # statuses that are no answer
    "endless interim responses": Mode(never_stops(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), BAD),
    "an interim response with a body": Mode(
        says_and_stays(b"HTTP/1.1 103 Early\r\nContent-Length: 9\r\n\r\nsmuggled!", with_length(b"x")), BAD
    ),
    "switching protocols": Mode(
        says_and_stays(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00"
        ),
        BAD,
    ),
    "a redirect to the metadata service": Mode(
        says_and_goes_on(
            b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n"
        ),
        (302, b""),
    ),
    # bytes after the answer
    "a second answer that nobody asked for": Mode(
        says_and_stays(with_length(b"first") + with_length(b"smuggled")), (200, b"first")
    ),
    "garbage after the answer": Mode(says_and_stays(with_length(b"first") + b"smuggled"), (200, b"first")),
    "a body where there can be none": Mode(
        says_and_stays(b"HTTP/1.1 204 No Content\r\n\r\n" + with_length(b"smuggled")), (204, b"")
    ),
    "a length where there can be no body": Mode(
        says_and_stays(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 8\r\n\r\nsmuggled"), (304, b"")
    ),
    # merely old-fashioned
    "a body that ends with the connection": Mode(says(OK + b"\r\nabc"), (200, b"abc")),
    "HTTP/1.0": Mode(says(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"), (200, b"abc")),
    "some interim responses": Mode(
        says_and_goes_on(b"HTTP/1.1 100 Continue\r\n\r\n" * 3, with_length(b"abc")), (200, b"abc")
    ),
    "one byte at a time": Mode(says_and_goes_on(*(bytes([byte]) for byte in with_length(b"abc"))), (200, b"abc")),
    "trailers": Mode(says_and_goes_on(CHUNKED + b"3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"), (200, b"abc")),
    "a header in Latin-1": Mode(says_and_goes_on(with_length(b"abc", b"X: caf\xe9\r\n")), (200, b"abc")),
}
