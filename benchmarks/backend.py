"""An HTTP/1.1 backend that costs little: answers 200 with the request's body.

At `/id` it answers with the request's ConnectionId header, at `/served` with how many requests it has served, so that a
benchmark can tell that the backend was really asked. `/large` answers with 100 KB, `/slow/{seconds}` after so many
seconds. Reports its port; ends with its stdin.
"""

import asyncio
import re

from benchmarks import worker

_LARGE = b"x" * 100_000
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CONNECTION_ID = re.compile(rb"\r\nconnectionid: *([\w=-]+)", re.IGNORECASE)


class Backend(asyncio.Protocol):
    """A kept-alive connection of the gateway; `served` counts the requests of all connections."""

    served = 0

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(data, 0, end + 2)
            body = end + 4
            stop = body + (int(length[1]) if length else 0)
            if len(data) < stop:
                break
            self._respond(data[:end], data[body:stop])
            Backend.served += 1
            data = data[stop:]
        self._buffer = data

    def _respond(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/slow/"):
            seconds = float(path.rpartition(b"/")[2])
            asyncio.get_running_loop().call_later(seconds, self._send, response(head, path, b""))
        else:
            self._send(response(head, path, body))

    def _send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


def response(head: bytes, path: bytes, body: bytes) -> bytes:
    if path == b"/large":
        body = _LARGE
    elif path == b"/id":
        found = _CONNECTION_ID.search(head)
        body = found[1] if found else b""
    elif path == b"/served":
        body = b"%d" % Backend.served
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Backend, "127.0.0.1", 0, backlog=4096)
    worker.report(port=server.sockets[0].getsockname()[1])
    await worker.until_parent_ends()


if __name__ == "__main__":
    worker.run(main())
