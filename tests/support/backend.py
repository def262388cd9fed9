"""A real HTTP backend for tests: answers by script, remembers every request as it stood on the wire.

    async with ScriptedBackend() as backend:
        backend.on("/orders", status=201, body={"id": 1})
        ...
        [request] = await backend.received(1)

It is deliberately simple: one request at a time per connection, Content-Length bodies, no limits.
"""

import asyncio
import inspect
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from gatewayapp.core.messages import Origin


@dataclass(frozen=True, slots=True)
class Received:
    """A request; `headers` in order of arrival with the sender's spelling, `connection` counts from 0."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; a body that is neither bytes nor text is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: tuple[tuple[str, str], ...] = ()

    def wire(self) -> bytes:
        body = _as_bytes(self.body)
        lines = [f"HTTP/1.1 {self.status} Scripted"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status not in (204, 304) and not self._has("content-length"):
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def _has(self, wanted: str) -> bool:
        return any(name.lower() == wanted for name, _ in self.headers)


Handler = Callable[[Received], Any]
"""From a request to an `Answer` or to the body of one with status 200; may be a coroutine function."""

RawHandler = Callable[["Wire"], Awaitable[bool | None]]
"""Writes what it likes; then the connection is closed, unless it returns True."""


class Wire:
    """A backend's end of one connection, for scripts that break the rules."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Returns when the peer took it; raises ConnectionError once the peer is gone."""
        self._writer.write(data)
        await self._writer.drain()

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def closed_by_peer(self) -> None:
        """Wait until the peer closes, and ignore what it may still send."""
        while await self._reader.read(65536):
            pass

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


@dataclass(slots=True)
class _Script:
    handler: Handler | None = None
    raw: RawHandler | None = None
    delay: float = 0.0
    until: asyncio.Event | None = None


@dataclass(slots=True)
class _Log:
    requests: list[Received] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)


class ScriptedBackend:
    """An HTTP/1.1 server on a free loopback port, over TLS if `tls` is given."""

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._tls = tls
        self._host = host
        self._scripts: dict[str, _Script] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._log = _Log()
        self.port = 0
        self.connections = 0
        """Connections accepted so far."""
        self.bytes_received = 0
        self.cut = 0
        """Connections on which a request was still on its way when a restart ended them; nobody carried it out."""

    async def __aenter__(self) -> "ScriptedBackend":
        self._server = await asyncio.start_server(
            self._serve, self._host, self.port, ssl=self._tls, limit=2**20, reuse_address=True, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        await self.drop_connections()
        await self._server.wait_closed()

    # scripting

    def on(
        self,
        path: str,
        handler: Handler | None = None,
        *,
        status: int = 200,
        body: Any = b"",
        headers: tuple[tuple[str, str], ...] = (),
        delay: float = 0.0,
        until: asyncio.Event | None = None,
    ) -> None:
        """How to answer requests for `path`: by `handler`, or always alike; after `delay` seconds or an event."""
        answer = Answer(status, body, headers)
        self._scripts[path] = _Script(handler or (lambda _: answer), None, delay, until)

    def on_raw(self, path: str, handler: RawHandler) -> None:
        """Let `handler` write the answer byte by byte."""
        self._scripts[path] = _Script(raw=handler)

    def on_function(self, name: str, function: Callable[[Any], Any]) -> None:
        """Act as Lambda's Invoke API for one function: it gets the event and returns the result.

        What it raises becomes a function error, as the Python runtime of Lambda reports it; an `Answer` is sent as
        it is, for what the service itself may answer.
        """
        self._functions[name] = function

    # observing

    @property
    def requests(self) -> list[Received]:
        return self._log.requests

    async def received(self, count: int, path: str | None = None) -> list[Received]:
        """Wait until `count` requests came (for `path`); all that came."""

        def those() -> list[Received]:
            return [request for request in self._log.requests if path in (None, request.path)]

        async with self._log.changed:
            await self._log.changed.wait_for(lambda: len(those()) >= count)
        return those()

    async def all_closed(self) -> None:
        """Wait until no connection is open."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def open_connections(self) -> int:
        return len(self._tasks)

    @property
    def origin(self) -> Origin:
        return Origin("https" if self._tls else "http", self._host, self.port)

    @property
    def endpoint(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self.origin.scheme}://{host}:{self.port}"

    def url(self, path: str = "/") -> str:
        return self.endpoint + path

    def function_uri(self, name: str, region: str = "us-east-1", account: str = "000000000000") -> str:
        """The integrationUri of a function that this backend runs."""
        arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
        return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"

    async def drop_connections(self, only_idle: bool = False) -> None:
        """Close every open connection, or those between two requests, as a restart would; go on listening."""
        tasks = list(self._tasks - self._busy if only_idle else self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def restart(self) -> None:
        """As a careful server restarts: requests that came are answered, then each connection ends; it never stops
        to listen, since the next process takes the listening socket over."""
        tasks = list(self._tasks)
        self._leaving.update(tasks)
        for task in self._tasks - self._busy:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Meanwhile no connection is open and nobody listens, as between the end of a process and the next."""
        assert self._server is not None
        self._server.close()
        await self.drop_connections()
        yield
        await self.__aenter__()

    # serving

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        number, self.connections = self.connections, self.connections + 1
        self._tasks.add(task)
        broken = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        try:
            with suppress(*broken):
                while task not in self._leaving and await self._exchange(reader, writer, number):
                    pass
            with suppress(*broken):
                if task in self._leaving and await _end_gently(reader, writer):
                    self.cut += 1
        finally:
            self._tasks.discard(task)
            self._busy.discard(task)
            self._leaving.discard(task)
            writer.transport.abort() if self._tls else writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        """One request and its answer; whether the connection may carry another."""
        task = asyncio.current_task()
        assert task is not None
        self._busy.discard(task)
        request = await self._read(reader, number)
        self._busy.add(task)
        async with self._log.changed:
            self._log.requests.append(request)
            self._log.changed.notify_all()
        script = self._script(request)
        if script.raw is not None:
            return await script.raw(Wire(reader, writer)) is True
        answer = await _run(script, request)
        writer.write(
            answer.wire() if request.method != "HEAD" else answer.wire().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        )
        await writer.drain()
        return not any(name.lower() == "connection" and value.lower() == "close" for name, value in answer.headers)

    async def _read(self, reader: asyncio.StreamReader, number: int) -> Received:
        head = await reader.readuntil(b"\r\n\r\n")
        start, *lines = head[:-4].decode("utf-8", "surrogateescape").split("\r\n")
        method, target, _ = start.split(" ", 2)
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        body = await reader.readexactly(length)
        self.bytes_received += len(head) + length
        return Received(method, target, headers, body, number)

    def _script(self, request: Received) -> _Script:
        if request.path in self._scripts:
            return self._scripts[request.path]
        if request.path.startswith("/2015-03-31/functions/") and request.path.endswith("/invocations"):
            return _Script(self._invoke)
        return _Script(lambda _: Answer(404, {"message": "no script"}))

    async def _invoke(self, request: Received) -> Answer:
        function = self._functions.get(unquote(request.path.split("/")[3]))
        if function is None:
            error = (("x-amzn-ErrorType", "ResourceNotFoundException"),)
            return Answer(404, {"Type": "User", "Message": "Function not found."}, error)
        try:
            result = function(request.json())
            result = await result if inspect.isawaitable(result) else result
            return result if isinstance(result, Answer) else Answer(200, json.dumps(result))
        except Exception as error:
            failure = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return Answer(200, failure, (("X-Amz-Function-Error", "Unhandled"),))


async def _end_gently(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """End a connection as RFC 9112, 9.6 advises: say so, then read on until the peer ends it; whether anything came."""
    writer.write_eof()
    return bool(await reader.read())


async def _run(script: _Script, request: Received) -> Answer:
    if script.delay:
        await asyncio.sleep(script.delay)
    if script.until is not None:
        await script.until.wait()
    assert script.handler is not None
    result = script.handler(request)
    if inspect.isawaitable(result):
        result = await result
    return result if isinstance(result, Answer) else Answer(200, result)


def _as_bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
