"""A WebSocket connection: Daphne's protocol over autobahn's parser, speaking ASGI directly to the application.

Complete unfragmented data frames are read here; everything else (control frames, fragments, partial and malformed
frames) goes through autobahn's parser, so conformance to RFC 6455 stays autobahn's. Events wait in a deque, `send`
is a method of the protocol, and one ticker serves the pings and deadlines of all connections.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from gatewayapp.server.reactor import loop  # isort:skip  (first: it installs the reactor)

from autobahn.twisted.websocket import WebSocketServerFactory
from autobahn.websocket.protocol import TrafficStats
from autobahn.websocket.utf8validator import Utf8Validator
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from gatewayapp.server import answers, frames
from gatewayapp.server import transport as transports
from gatewayapp.server.heads import Headers, Refusal, subprotocols

if TYPE_CHECKING:
    from gatewayapp.server.server import Server

logger = logging.getLogger(__name__)

CONNECTING: Final = WebSocketProtocol.STATE_CONNECTING
OPEN: Final = WebSocketProtocol.STATE_OPEN
CLOSING: Final = WebSocketProtocol.STATE_CLOSING
CLOSED: Final = WebSocketProtocol.STATE_CLOSED

NO_STATUS: Final = 1005
ABNORMAL: Final = 1006
UNSENDABLE: Final = (1004, NO_STATUS, ABNORMAL, 1015)
POLICY_VIOLATION: Final = 1008
TOO_BIG: Final = 1009
INTERNAL_ERROR: Final = 1011

MAX_EARLY_BYTES: Final = 64 * 1024  # sent by the peer before its handshake was answered
SHARE_SECONDS: Final = 0.00015  # what a connection's share of one turn of the event loop may take
MAX_FRAME_HEADER: Final = 14
MIN_PAUSED_BYTES: Final = 16 * 1024  # a connection with less unread input is not paused when memory is short


class Hooks:
    """What server and application tell each other beside ASGI's events, one object per connection.

    Text can go both ways without an event, which spares each message a turn of the event loop.
    """

    __slots__ = ("buffered", "ping", "pong", "send_now", "take_text")

    def __init__(self, buffered: Callable[[], int], send_now: Callable[[str | bytes], bool]) -> None:
        self.buffered = buffered  # bytes sent by the application that the kernel has not taken yet
        self.send_now = send_now  # sends a frame, or answers False if others wait; raises OSError once the peer is gone
        self.ping: Callable[[], None] | None = None  # set by the application; called for each ping of the client
        self.pong: Callable[[], None] | None = None  # set by the application; called for each unsolicited pong
        # Set by the application; called for text that comes while it waits in `receive`. False: it wants the event.
        self.take_text: Callable[[str], bool] | None = None


class Connection(WebSocketProtocol):
    """One WebSocket connection from its handshake to its end."""

    # Set once by `bind` from the options, overridden per connection by `limit`.
    maxFramePayloadSize: int
    maxMessagePayloadSize: int
    ping_interval: float
    ping_timeout: float

    server: Server

    # What autobahn's parser reads. It would copy all this, some eighty values, onto every connection.
    failByDrop = True  # stops the parser at the first error; `_fail_connection` decides what follows
    state = CONNECTING
    data = b""
    current_frame = None
    inside_message = False
    trackedTimings = None
    autoPingPending = None
    autoPingTimeoutCall = None
    _perMessageCompress = None  # permessage-deflate is never agreed to

    _waiter: asyncio.Future[None] | None = None
    _writable: asyncio.Future[None] | None = None
    _paused = False  # we do not read the socket, for too many events wait
    _in_backlog = False  # we do not read the socket, because its share of this turn is used up
    _awaits_memory = False  # we do not read the socket, because the process holds too much already
    _event_bytes = 0  # payload of the events that wait
    _message: bytes | bytearray = b""  # the fragments of an unfinished message
    _counted = 0  # bytes of unread input that the server's memory counter knows of
    _skipper: frames.FrameSkipper | None = None  # once we have sent a close frame
    _skipped = 0  # bytes read and discarded since
    _heard = True  # bytes arrived since the last tick
    _pinged: float | None = None  # when the unanswered ping was sent
    _next_ping: float = 0.0
    _deadline: float | None = None  # of the handshake, the closing handshake or the lingering
    _lingering = 0  # bytes still read and discarded before the peer is dropped
    _owed_pong: bytes | None = None
    _disconnected = False  # the application has, or will find, its websocket.disconnect
    _denial: dict[str, Any] | None = None
    _denied = False

    __repr__ = object.__repr__  # Daphne's needs attributes that we do not keep

    def __init__(self, factory: ConnectionFactory) -> None:
        self.factory = factory
        self.hooks = Hooks(self.buffered, self.send_now)
        self._events: deque[dict[str, Any]] = deque()

    @cached_property
    def utf8validator(self) -> Utf8Validator:
        """Autobahn's, made for the connections that send text in pieces."""
        return Utf8Validator()

    # the handshake

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)

    def open(self, key: bytes, scope: dict[str, Any], raw_headers: Headers, data: bytes) -> None:
        """Start the application for a checked handshake; `data` is what the peer sent after it."""
        self._key = key
        self._deadline = loop.time() + self.options.handshake_timeout
        self.data = data
        self.server.websockets.add(self)
        self.server.timed.add(self)
        self._deliver({"type": "websocket.connect"})
        scope |= {
            "type": "websocket",
            "scheme": "wss" if scope["scheme"] == "https" else "ws",
            "subprotocols": subprotocols(scope["headers"]),
            "extensions": {
                "websocket.http.response": {},
                "nopal.limits": self.limit,
                "nopal.hooks": self.hooks,
                "nopal.raw_headers": raw_headers,
            },
        }
        self.server.start_task(self._run(scope))

    def limit(self, max_frame: int, max_message: int, ping_interval: float, ping_timeout: float) -> None:
        """Give this connection its own limits: sizes in bytes, times in seconds (0: off)."""
        self.maxFramePayloadSize = max_frame
        self.maxMessagePayloadSize = max_message
        self.ping_interval = ping_interval
        self.ping_timeout = ping_timeout
        self._next_ping = loop.time() + ping_interval

    async def _run(self, scope: dict[str, Any]) -> None:
        try:
            await self.server.application(scope, self.receive, self.send)
        except ConnectionResetError:  # what `send` raises once the peer is gone
            self._end(INTERNAL_ERROR, "Internal server error", Refusal(500, "Internal server error"))
        except Exception:
            logger.exception("Exception in the ASGI application on WebSocket %s", scope["path"])
            self._end(INTERNAL_ERROR, "Internal server error", Refusal(500, "Internal server error"))
        else:
            self._end(1000, "", Refusal(500, "The application did not answer the handshake"))
        finally:
            self._forget_events()

    def _end(self, code: int, reason: str, refusal: Refusal) -> None:
        """The application is done: leave nothing open."""
        if self.state == CONNECTING and not self._denied:
            self._refuse(answers.refusal(refusal))
        elif self.state == CONNECTING:
            self._drop()  # half a denial
        elif self.state == OPEN:
            self.close(code, reason)

    def _forget_events(self) -> None:
        """Nobody takes them any more."""
        self._events.clear()
        self._event_bytes = 0
        self._count_input()

    # ASGI

    async def receive(self) -> dict[str, Any]:
        while not self._events:
            self._waiter = loop.create_future()
            await self._waiter
        event = self._events.popleft()
        if event["type"] == "websocket.receive":
            self._event_bytes -= _payload_size(event)
            self._count_input()
        if self._paused and self._has_room:
            self._read_on()
        return event

    async def send(self, message: dict[str, Any]) -> None:
        """ASGI's send; waits while the peer is slow, raises OSError once it is gone."""
        kind = message["type"]
        if kind != "websocket.send":
            await self._control(kind, message)
            return
        while self._writable is not None and self.state == OPEN:
            await asyncio.shield(self._writable)
        if self.state != OPEN:
            raise self._refusal_to_send()
        text = message.get("text")
        self._write_frame(message["bytes"] if text is None else text)

    def send_now(self, frame: str | bytes) -> bool:
        """Send a frame, text or binary, if no other waits to be sent; raises OSError once the peer is gone."""
        if self.state != OPEN:
            raise self._refusal_to_send()
        if self._writable is not None or transports.buffered(self.transport):
            return False
        self._write_frame(frame)
        return True

    def _write_frame(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            self.transport.write(frames.frame(frames.TEXT, frame.encode()))
        else:
            self.transport.write(frames.frame(frames.BINARY, frame))

    async def _control(self, kind: str, message: dict[str, Any]) -> None:
        if kind == "websocket.close":
            self._close_by_application(message.get("code") or 1000, message.get("reason") or "")
        elif self.state != CONNECTING:
            raise self._refusal_to_send()
        elif kind == "websocket.accept" and self._denial is None:
            self._accept(message.get("subprotocol"), list(message.get("headers", ())))
        elif kind == "websocket.http.response.start" and self._denial is None:
            self._denial = message
        elif kind == "websocket.http.response.body" and self._denial is not None:
            self._deny(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{kind} must not be sent now")

    def _refusal_to_send(self) -> Exception:
        if self.state == CONNECTING:
            return RuntimeError("the connection is not accepted yet")
        return ConnectionResetError("the WebSocket connection is closed")

    def _accept(self, subprotocol: str | None, headers: Headers) -> None:
        lines = [
            answers.status_line(101),
            b"upgrade: websocket\r\n",
            b"connection: Upgrade\r\n",
            b"sec-websocket-accept: %b\r\n" % frames.accept_key(self._key),
        ]
        if subprotocol is not None:
            headers.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
        lines += [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(answers.joined(lines) + b"\r\n")
        self.state = OPEN
        self._deadline = None
        self._next_ping = loop.time() + self.ping_interval
        self._read_on()

    def _deny(self, body: bytes, *, more: bool) -> None:
        """Send the application's own answer to the handshake; the connection ends after its last piece."""
        assert self._denial is not None
        head = b""
        if not self._denied:
            headers = list(self._denial.get("headers", ()))
            if more:
                headers = [header for header in headers if header[0].lower() != b"content-length"]
            length = None if more else len(body)
            date = self.server.date_header
            head = answers.answer(self._denial["status"], headers, date=date, length=length, http_version="1.0").head
            self._denied = True
        self.transport.write(head + body)
        if not more:
            self._disconnect(ABNORMAL, "")
            self._linger()

    def _refuse(self, answer: bytes) -> None:
        self._denied = True
        self.transport.write(answer)
        self._disconnect(ABNORMAL, "")
        self._linger()

    # closing

    def close(self, code: int, reason: str) -> None:
        """Start the closing handshake of an open connection; the application hears of it as its disconnect."""
        if self.state != OPEN:
            return
        self.state = CLOSING
        self.transport.write(frames.frame(frames.CLOSE, frames.close_payload(code, reason)))
        self._deadline = loop.time() + self.options.close_timeout
        self._disconnect(code, reason)
        if self._paused:
            self._read_on()

    def _close_by_application(self, code: int, reason: str) -> None:
        if not 1000 <= code <= 4999 or code in UNSENDABLE:
            raise ValueError(f"{code} is not a close code that may be sent (RFC 6455 section 7.4)")
        if self.state == OPEN:
            self.close(code, reason)
        elif self.state == CONNECTING and not self._denied:
            self._refuse(answers.refusal(Refusal(403, "Forbidden")))

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool:
        """The peer closes, or answers our close; returns True when the parser has to stop, which it has."""
        if self.state == OPEN:
            reason = self._check_close(code, reasonRaw or b"")
            if reason is None:
                return True
            self.transport.write(frames.frame(frames.CLOSE, frames.close_payload(code, reason)))
            self._disconnect(code if code is not None else NO_STATUS, reason)
        self.state = CLOSED
        self._drop()
        return True

    def _check_close(self, code: int | None, reason: bytes) -> str | None:
        """The reason as text; None if code or reason broke the protocol and the connection was failed for it."""
        if code is not None and not (code in self.CLOSE_STATUS_CODES_ALLOWED or 3000 <= code <= 4999):
            self._protocol_violation(f"Invalid close code {code}")
            return None
        try:
            return reason.decode()
        except UnicodeDecodeError:
            self._invalid_payload("The close reason is not UTF-8")
            return None

    def _fail_connection(self, code: int = ABNORMAL, reason: str = "") -> None:
        """Fail the connection (RFC 6455 section 7.1.7) so that the peer learns why: autobahn's hook for all errors."""
        if self.state == OPEN:
            self.transport.write(frames.frame(frames.CLOSE, frames.close_payload(code, reason)))
            self._disconnect(code, reason)
        self._linger()

    def _linger(self) -> None:
        """Read on and discard for a while: closing over unread bytes would reset the peer before it has read."""
        if self._lingering:
            return
        self.state = CLOSED
        self.data = b""
        self._lingering = self.options.linger_bytes
        self._deadline = loop.time() + self.options.linger_timeout
        self.transport.unregisterProducer()
        self.transport.resumeProducing()
        transports.finish_writing(self.transport)

    def _drop(self) -> None:
        """Close the TCP connection once everything is sent, within a bounded time."""
        self.state = CLOSED
        self._deadline = loop.time() + self.options.close_timeout
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self.state = CLOSED
        self.server.forget(self)
        self._disconnect(ABNORMAL, "")
        self.resumeProducing()
        self.data = self._message = b""
        self._count_input()

    def _disconnect(self, code: int, reason: str) -> None:
        """Tell the application, once."""
        if not self._disconnected:
            self._disconnected = True
            self._deliver({"type": "websocket.disconnect", "code": code, "reason": reason})

    # reading

    def dataReceived(self, data: bytes) -> None:
        self._heard = True
        if self._lingering:
            self._discard(len(data))
            return
        self.data = self.data + data if self.data else data
        self.consumeData()
        if not self.data and not self._counted and not self._events and not self._message:
            return
        self._count_input()
        if self._counted > MIN_PAUSED_BYTES and self.server.memory.is_spent and not self._awaits_memory:
            self._awaits_memory = True
            self.transport.pauseProducing()
            self.server.awaiting_memory.append(self)

    def consumeData(self) -> None:
        """Parse the input until it is incomplete, too much waits, or the share of this turn is used up."""
        if self.state == CONNECTING:
            if len(self.data) > MAX_EARLY_BYTES:
                self.transport.pauseProducing()
            return
        share = self.options.frames_per_turn
        until = perf_counter() + SHARE_SECONDS
        while self.state != CLOSED:
            if self.state == OPEN and self.current_frame is None:
                share -= self._take_whole_frames(share, until)
            if self.state == CLOSING:
                self._skip_frames()
                return
            if self._events and self._is_full and not self._disconnected:
                self._paused = True
                self.transport.pauseProducing()
                return
            if not self.data and self.current_frame is None:
                return
            if share <= 0 or perf_counter() >= until:
                self._read_later()
                return
            share -= 1
            if not self.processData():
                return

    def _take_whole_frames(self, most: int, until: float) -> int:
        """Deliver the complete, unfragmented frames at the start of the data; how many there were."""
        data = self.data
        longest = min(self.maxFramePayloadSize, self.maxMessagePayloadSize)
        if self._events:
            most = min(most, self.options.waiting_events - len(self._events))
        start, size, count = 0, len(data), 0
        while count < most and start < size and (found := frames.whole_frame(data, start, longest)) is not None:
            opcode, payload, end = found
            if opcode == frames.TEXT and not self.inside_message:
                try:
                    text = payload.decode()
                except UnicodeDecodeError:
                    break  # autobahn fails the connection with 1007
                self._deliver_text(text)
            elif opcode == frames.PING:
                self.onPing(payload)
            elif opcode == frames.PONG:
                self.onPong(payload)
            elif not self.inside_message:
                self._deliver_message({"type": "websocket.receive", "bytes": payload})
            else:
                break  # autobahn fails the connection with 1002
            start = end
            count += 1
            if self.state != OPEN or (start < size and perf_counter() >= until):
                break
        if start:
            self.data = data[start:]
        return count

    def _skip_frames(self) -> None:
        """Our close frame is sent: look for the peer's, for a bounded time and number of bytes (RFC 6455 5.5.1)."""
        if self._skipper is None:
            self._skipper = frames.FrameSkipper(self._unread_of_frame())
            self._message = b""
        before = len(self.data)
        self.data, found = self._skipper.feed(self.data, self.options.frames_per_turn)
        self._skipped += before - len(self.data)
        if found:
            self._drop()
        elif self._skipped > self.options.linger_bytes:
            self.transport.abortConnection()
        elif len(self.data) >= MAX_FRAME_HEADER:
            self._read_later()

    def _unread_of_frame(self) -> int:
        """Bytes still to come of the frame that is being read."""
        if self.current_frame is None:
            return 0
        unread: int = self.current_frame.length - self.current_frame_masker.pointer()
        return unread

    def _read_later(self) -> None:
        """Leave unread input to another turn of the event loop."""
        if not self._in_backlog:
            self._in_backlog = True
            self.transport.pauseProducing()
            self.server.read_backlog.add(self)

    def read_backlog(self) -> None:
        """See `read_backlog.Reader`."""
        self._in_backlog = False
        if self._paused:
            return
        try:
            self._read_on()
        except Exception as error:  # which must not hold up the others
            loop.call_exception_handler({"message": "Error while handling received bytes", "exception": error})
            self.transport.abortConnection()

    @property
    def _is_full(self) -> bool:
        """Whether so many events wait that no more may be read."""
        return len(self._events) >= self.options.waiting_events or self._event_bytes >= self.options.waiting_bytes

    @property
    def _has_room(self) -> bool:
        """Whether enough events were taken to read on."""
        options = self.options
        return len(self._events) <= options.waiting_events // 2 and self._event_bytes <= options.waiting_bytes // 2

    def _read_on(self) -> None:
        """Parse what was held back, then read the socket again."""
        self._paused = False
        self._heard = True  # we did not listen, so silence proves nothing
        if self._in_backlog or self._lingering:
            return
        self.consumeData()
        self._count_input()
        self._resume_reading()

    def read_despite_memory(self) -> None:
        """Read the socket again after a pause because memory was short."""
        self._awaits_memory = False
        self._heard = True  # as in `_read_on`
        self._resume_reading()

    def _resume_reading(self) -> None:
        if self._paused or self._in_backlog or self._awaits_memory or self.state == CLOSED:
            return
        if transports.has_failed(self.transport):
            self.transport.abortConnection()
        else:
            self.transport.resumeProducing()

    def _count_input(self) -> None:
        """Charge the server's memory budget for the input held for this connection."""
        held = len(self.data) + len(self._message) + self._event_bytes
        if held != self._counted:
            self.server.memory.add(held - self._counted)
            self._counted = held

    def _deliver_text(self, text: str) -> None:
        """Hand text over at once where the application takes it so; never before what came earlier."""
        take = self.hooks.take_text
        if take is None or self._waiter is None or not take(text):
            self._deliver_message({"type": "websocket.receive", "text": text})

    def _deliver_message(self, event: dict[str, Any]) -> None:
        self._event_bytes += _payload_size(event)
        self._deliver(event)

    def _deliver(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _discard(self, size: int) -> None:
        self._lingering -= size
        if self._lingering <= 0:
            self.transport.abortConnection()

    # autobahn's callbacks for what its parser reads

    def onMessageBegin(self, isBinary: bool) -> None:
        self._binary = isBinary
        self._message = bytearray()
        self._fragments = 0

    def onMessageFrameBegin(self, length: int) -> None:
        self._fragments += 1
        if length > self.maxFramePayloadSize or len(self._message) + length > self.maxMessagePayloadSize:
            self._fail_connection(TOO_BIG, "Message too big")
        elif self._fragments > self.options.max_fragments:
            self._fail_connection(POLICY_VIOLATION, "Too many fragments")

    def onMessageFrameData(self, payload: bytes) -> None:
        self._message += payload

    def onMessageFrameEnd(self) -> None:
        pass  # nothing is kept per frame

    def onMessageEnd(self) -> None:
        message, self._message = self._message, b""
        if self.state != OPEN:
            return
        if self._binary:
            self._deliver_message({"type": "websocket.receive", "bytes": bytes(message)})
        else:
            self._deliver_text(message.decode())

    def onPing(self, payload: bytes) -> None:
        if self.state != OPEN:
            return
        if self._writable is None:
            self.transport.write(frames.frame(frames.PONG, payload))
        else:
            self._owed_pong = payload  # only the latest ping has to be answered (RFC 6455 section 5.5.3)
        if self.hooks.ping is not None:
            self.hooks.ping()

    def onPong(self, payload: bytes) -> None:
        if self._pinged is None and self.state == OPEN and self.hooks.pong is not None:
            self.hooks.pong()

    # writing

    def pauseProducing(self) -> None:
        """Twisted: the transport's buffer is above its limit."""
        if self._writable is None:
            self._writable = loop.create_future()

    def resumeProducing(self) -> None:
        """Twisted: the transport's buffer is empty."""
        waiter, self._writable = self._writable, None
        self._heard = True  # the peer's TCP has taken something
        if waiter is not None:
            waiter.set_result(None)
        if self._owed_pong is not None and self.state == OPEN:
            self.transport.write(frames.frame(frames.PONG, self._owed_pong))
        self._owed_pong = None

    stopProducing = resumeProducing

    def buffered(self) -> int:
        """Bytes sent by the application that the kernel has not taken yet."""
        return transports.buffered(self.transport) if self.state == OPEN else 0

    # time

    def tick(self, now: float) -> None:
        """Called every so often: enforces the deadlines and finds dead peers."""
        if self._deadline is not None:
            if now >= self._deadline:
                self._time_out()
        elif self.state == OPEN and self.ping_interval:
            self._ping(now)

    def _ping(self, now: float) -> None:
        if self._heard or self._paused or self._awaits_memory:
            self._heard = False
            self._pinged = None
        if self._pinged is not None:
            if self.ping_timeout and now - self._pinged >= self.ping_timeout:
                self.transport.abortConnection()
        elif now >= self._next_ping:
            self._next_ping = now + self.ping_interval
            self._pinged = now
            if self._writable is None:
                self.transport.write(frames.frame(frames.PING, b""))

    def _time_out(self) -> None:
        if self.state == CONNECTING and not self._denied:
            self._refuse(answers.refusal(Refusal(504, "The application did not answer the handshake in time")))
        elif self.transport.disconnecting:
            self.transport.abortConnection()
        else:
            self._drop()


def _payload_size(event: dict[str, Any]) -> int:
    """The payload's length of a `websocket.receive`: characters of a text, which hold at least as many bytes."""
    return len(event.get("text") or event.get("bytes") or b"")


class ConnectionFactory(WebSocketFactory):
    """Makes connections that know their server and its options."""

    protocol: type[Connection]

    def __init__(self, server: Server) -> None:
        super().__init__(server, server="")
        self.protocol = bind(server, self)

    def buildProtocol(self, addr: object) -> Connection:
        return self.protocol(self)


def bind(server: Server, factory: WebSocketServerFactory) -> type[Connection]:
    """A class of connections with the server's options and autobahn's as class attributes."""
    options = server.options
    settings = {name: getattr(factory, name) for name in Connection.CONFIG_ATTRS if not hasattr(Connection, name)}
    settings |= {
        "maxFramePayloadSize": options.max_frame,
        "maxMessagePayloadSize": options.max_message,
        "ping_interval": options.ping_interval,
        "ping_timeout": options.ping_timeout,
        "trafficStats": TrafficStats(),
        "options": options,
        "server": server,
    }
    return type("BoundConnection", (Connection,), settings)
