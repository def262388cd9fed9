"""The floor: a bare asyncio proxy, one WebSocket server and one pooled HTTP client by hand, and no gateway between.

It neither routes, nor checks, nor times out: what it costs to carry a message to an HTTP backend and back, and no more.
"""

import asyncio
import re
from functools import partial
from urllib.parse import urlsplit

from websockets.speedups import apply_mask

from benchmarks import worker
from benchmarks.clients import accept_key, address, text_frame

_KEY = re.compile(rb"\r\nSec-WebSocket-Key: *(\S+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)", re.IGNORECASE)
_TEXT, _CLOSE = 0x81, 0x88


class Call(asyncio.Protocol):
    """A kept-alive connection to the backend, free or carrying one request."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._buffer = b""
        self.client: Socket | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        end = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, end + 2)
        if end < 0 or length is None or len(data) < end + 4 + int(length[1]):
            self._buffer = data
            return
        self._buffer = b""
        client, self.client = self.client, None
        assert client is not None
        self._pool.free.append(self)
        client.transport.write(text_frame(data[end + 4 :]))


class Pool:
    """The connections to the one backend, as many as clients want at once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = address(url)
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode()
        self._dialling: set[asyncio.Task[None]] = set()
        self.free: list[Call] = []

    def post(self, client: "Socket", body: bytes) -> None:
        if self.free:
            self._send(self.free.pop(), client, body)
        else:
            task = asyncio.get_running_loop().create_task(self._dial(client, body))
            self._dialling.add(task)
            task.add_done_callback(self._dialling.discard)

    async def _dial(self, client: "Socket", body: bytes) -> None:
        _, call = await asyncio.get_running_loop().create_connection(partial(Call, self), *self._address)
        self._send(call, client, body)

    def _send(self, call: Call, client: "Socket", body: bytes) -> None:
        call.client = client
        call.transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))


class Socket(asyncio.Protocol):
    """A client's WebSocket: whole masked text frames shorter than 64 KiB."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._buffer = b""
        self._open = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        self._buffer = data if not self._open else self._read_frames(data)
        if not self._open and data.endswith(b"\r\n\r\n"):
            self._accept(data)

    def _accept(self, head: bytes) -> None:
        key = _KEY.search(head)
        assert key is not None
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept_key(key[1])
        )
        self._open, self._buffer = True, b""

    def _read_frames(self, data: bytes) -> bytes:
        """Serve the whole frames in `data`; what is left is the beginning of one."""
        while len(data) >= 8:
            size, start = data[1] & 0x7F, 2
            if size == 126:
                size, start = int.from_bytes(data[2:4], "big"), 4
            end = start + 4 + size
            if len(data) < end:
                break
            if data[0] == _TEXT:
                self._pool.post(self, apply_mask(data[start + 4 : end], data[start : start + 4]))
            elif data[0] == _CLOSE:
                self.transport.write(bytes((_CLOSE, 0)))
                self.transport.close()
            data = data[end:]
        return data


async def main() -> None:
    pool = Pool(worker.settings()["backend"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(Socket, pool), "127.0.0.1", 0, backlog=4096)
    worker.report(port=server.sockets[0].getsockname()[1])
    await worker.until_parent_ends()


if __name__ == "__main__":
    worker.run(main())
