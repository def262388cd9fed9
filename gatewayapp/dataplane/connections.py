"""The live connections of this process: the truth about who is connected, and the one way to deliver to a client.

`Connections.deliver` takes a connection id and answers *accepted* (the bytes are in that connection's bounded send
buffer), *gone* or *busy*. A connection is in the table from its 101 until anyone begins to close it, never longer.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import time
from typing import Any

from gatewayapp.core.buckets import TokenBucket
from gatewayapp.core.messages import ConnectionInfo, Event
from gatewayapp.core.outcomes import Outcome
from gatewayapp.dataplane.lifetimes import Lifetime
from gatewayapp.dataplane.observation import Recorder
from gatewayapp.dataplane.stages import StageHandle, StageKey
from gatewayapp.dataplane.work import Work
from gatewayapp.live import Delivery, HandshakeFacts
from gatewayapp.memory_budget import UNLIMITED, MemoryBudget

logger = logging.getLogger(__name__)

Send = Callable[[dict[str, Any]], Awaitable[None]]
Close = tuple[int, str]
Frame = str | bytes
"""A text frame's text, or a binary frame's bytes."""

NORMAL: Close = (1000, "Connection Closed Normally")
GOING_AWAY: Close = (1001, "Going away")
LOST: Close = (1006, "")
BINARY: Close = (1003, "Binary is not supported")
SLOW_CLIENT: Close = (1008, "Send buffer full")
RATE_EXCEEDED: Close = (1008, "Rate exceeded")
OVERLOADED: Close = (1013, "Try again later")

CLOSE_TIMEOUT_SECONDS = 30.0
"""For how long a close frame waits behind frames that the client does not read, where the stage has no such limit."""
MESSAGE_OVERHEAD = 4096
"""Bytes for a message in flight in addition to its payload: its task, its request and its call."""
FRAME_OVERHEAD = 128
"""Bytes that a frame in the send buffer costs besides its payload, so that empty frames are bounded too."""
PAYLOAD_COPIES = 2
"""Copies of a message's payload while it is in flight: the text, and the request to the backend."""


class LiveConnection:
    """One open connection: its send buffer, its lifetime, its messages in flight.

    A message is in flight from `begin_message` until its response is written to the socket, or until it has none. So
    one connection holds at most its send buffer and what is in flight for it.
    """

    __slots__ = (
        "_account",
        "_bytes_bucket",
        "_connections",
        "_hooks",
        "_message_bucket",
        "_outbox",
        "_outbox_bytes",
        "_send",
        "_set_transport_limits",
        "_slot_free",
        "_work",
        "_writing",
        "bytes_in",
        "bytes_out",
        "closing",
        "errors",
        "handshake",
        "held",
        "in_flight",
        "info",
        "last_active_at",
        "last_error",
        "last_route",
        "last_status",
        "last_status_at",
        "lifetime",
        "messages_in",
        "messages_out",
        "retiring",
        "stage",
    )

    def __init__(
        self,
        info: ConnectionInfo,
        stage: StageHandle,
        send: Send,
        connections: "Connections",
        extensions: Mapping[str, Any],
        handshake: HandshakeFacts,
    ) -> None:
        self.info = info
        self.stage = stage
        self.handshake = handshake
        self.last_active_at = info.connected_at
        self.closing: Close | None = None
        self.retiring = False
        self.in_flight = 0
        self.held = 0
        """Bytes in flight and in the send buffer, as counted in the memory budget."""
        self.messages_in = self.messages_out = self.bytes_in = self.bytes_out = 0
        self.errors = 0
        self.last_route: str | None = None
        self.last_status: str | None = None
        self.last_status_at: int | None = None
        self.last_error: str | None = None
        self.lifetime = Lifetime(lambda: stage.snapshot.limits, self._expire)
        self._send = send
        self._connections = connections
        self._work = connections.work
        self._account = connections.memory.account(info.api_id)
        self._outbox: deque[tuple[Frame, int, bool]] | None = None  # frame, cost, whether a message waits for it
        self._outbox_bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self._slot_free: asyncio.Future[None] | None = None
        self._message_bucket: TokenBucket | None = None
        self._bytes_bucket: TokenBucket | None = None
        self._set_transport_limits = extensions.get("nopal.limits")
        self._hooks = extensions.get("nopal.hooks") or _Hookless()
        self._hooks.ping = self.ping
        self._hooks.pong = self.pong
        self.apply_limits()

    def apply_limits(self) -> None:
        """Take over the stage's limits, also when they changed while the connection is open."""
        limits = self.stage.snapshot.limits
        self._message_bucket = _bucket(limits.messages_per_second, self._message_bucket)
        self._bytes_bucket = _bucket(limits.bytes_per_second, self._bytes_bucket)
        if self._set_transport_limits is not None:
            self._set_transport_limits(limits.max_frame, limits.max_message, limits.ping_interval, limits.ping_timeout)
        self.lifetime.check()

    # frames out

    def deliver(self, frame: Frame) -> Delivery:
        """Put a frame into the send buffer; never waits for the client."""
        if self.closing is not None:
            return Delivery.GONE
        size = _size(frame)
        try:
            is_sent = self._writing is None and self._hooks.send_now(frame)
        except OSError:
            return Delivery.GONE
        if not is_sent:
            cost = size + FRAME_OVERHEAD
            if self._outbox_bytes and self._outbox_bytes + cost > self.stage.snapshot.limits.send_buffer:
                return Delivery.BUSY
            if not self._account.admits(self.held, cost):
                return Delivery.BUSY
            self._write_later(frame, cost, is_response=False)
        self._count_out(size)
        return Delivery.ACCEPTED

    def respond(self, frame: Frame, charge: int) -> Delivery:
        """Deliver the response to a message in flight, which ends once its response is written to the socket.

        Responses are never refused: their number is bounded by the messages in flight. `charge` is what
        `begin_message` returned.
        """
        if self.closing is not None:
            self.end_message(charge)
            return Delivery.GONE
        size = _size(frame)
        try:
            is_sent = self._writing is None and self._hooks.send_now(frame)
        except OSError:
            self.end_message(charge)
            return Delivery.GONE
        self._count_out(size)
        if is_sent:
            self.end_message(charge)
        else:
            self._write_later(frame, size + FRAME_OVERHEAD, is_response=True)
            self._release(charge)
        return Delivery.ACCEPTED

    def _count_out(self, size: int) -> None:
        self.lifetime.touch()
        self.messages_out += 1
        self.bytes_out += size
        meter = self.stage.meter
        meter.messages_out += 1
        meter.bytes_out += size

    @property
    def waiting(self) -> int:
        """Bytes that wait for the client to read."""
        return self._outbox_bytes + self._hooks.buffered()

    @property
    def total_held(self) -> int:
        """Bytes in flight, in the send buffer and in the transport's."""
        return self.held + self._hooks.buffered()

    @property
    def slow(self) -> bool:
        """Whether the client reads more slowly than it is sent to."""
        return self._writing is not None or 2 * self.waiting > self.stage.snapshot.limits.send_buffer

    def _write_later(self, frame: Frame, cost: int, *, is_response: bool) -> None:
        if self._outbox is None:
            self._outbox = deque()
        self._outbox.append((frame, cost, is_response))
        self._outbox_bytes += cost
        self._hold(cost)
        if self._writing is None:
            self._writing = self._work.start(self._write_outbox())

    async def _write_outbox(self) -> None:
        """Write what waits, as fast as the client reads; one that does not read for too long is closed."""
        assert self._outbox is not None
        try:
            while self._outbox:
                frame, cost, is_response = self._outbox[0]
                async with asyncio.timeout(self.stage.snapshot.limits.slow_client_timeout or None):
                    await self._send(_event(frame))
                del frame
                self._outbox.popleft()
                self._outbox_bytes -= cost
                self._release(cost)
                self._free_slots(1 if is_response else 0)
        except TimeoutError:
            self.close(SLOW_CLIENT)
        except OSError:
            pass  # the client is gone; the consumer hears of it
        finally:
            self._empty_outbox()
            self._writing = None

    def _empty_outbox(self) -> None:
        outbox, self._outbox = self._outbox, None
        self._release(self._outbox_bytes)
        self._outbox_bytes = 0
        self._free_slots(sum(is_response for _, _, is_response in outbox or ()))

    # messages in

    def take_texts(self, take: Callable[[str], bool]) -> None:
        """Have the server call `take` for text where it can; it answers False to get the text as an event after all."""
        self._hooks.take_text = take

    @property
    def _is_full(self) -> bool:
        """Whether the socket must not be read: too many messages in flight, or the client does not read."""
        limits = self.stage.snapshot.limits
        return self.in_flight >= limits.max_in_flight or self._outbox_bytes >= limits.send_buffer

    async def wait_for_slot(self, text: str) -> None:
        """Wait until this message may begin, or the connection has ended."""
        size = _size(text)
        memory, charge = self._connections.memory, PAYLOAD_COPIES * size + MESSAGE_OVERHEAD
        memory.add(size)
        try:
            while self.closing is None and (self._is_full or not self._account.admits(self.held, charge)):
                if not self._is_full:
                    self._account.wait(self)
                await self._next_free_slot()
        finally:
            self._account.forget(self)
            memory.add(-size)

    def begin_message(self, text: str) -> int | None:
        """Count a message in and return its charge on the memory budget, in bytes.

        None if it has to wait for a slot (see `wait_for_slot`), 0 if it may not begin at all: the connection has
        ended, or is closed now for exceeding its rates.
        """
        if self.closing is not None or self.retiring:
            return 0
        limits = self.stage.snapshot.limits
        if self.in_flight >= limits.max_in_flight or self._outbox_bytes >= limits.send_buffer:
            return None
        size = len(text) if text.isascii() else len(text.encode())
        charge = PAYLOAD_COPIES * size + MESSAGE_OVERHEAD
        memory = self._connections.memory
        if memory.used + charge > memory.limit and not self._account.admits(self.held, charge):
            return None
        self.lifetime.touch()
        self.last_active_at = int(time() * 1000)
        if (self._message_bucket and self._exceeds(self._message_bucket, 1)) or (
            self._bytes_bucket and self._exceeds(self._bytes_bucket, size)
        ):
            self.close(RATE_EXCEEDED)
            return 0
        self.messages_in += 1
        self.bytes_in += size
        self.in_flight += 1
        meter = self.stage.meter
        meter.messages_in += 1
        meter.bytes_in += size
        self._hold(charge)
        return charge

    def end_message(self, charge: int) -> None:
        """End a message that has no response, or one that is written; `charge` is what `begin_message` returned."""
        self.held -= charge
        self._account.release(charge, not self.held)
        self.in_flight -= 1
        if self._slot_free is not None:
            self.notify_slot_free()

    def _hold(self, size: int) -> None:
        self._account.hold(size, not self.held)
        self.held += size

    def _release(self, size: int) -> None:
        if size:
            self.held -= size
            self._account.release(size, not self.held)

    def _free_slots(self, count: int) -> None:
        self.in_flight -= count
        self.notify_slot_free()

    def note(self, outcome: Outcome[Any], event: Event) -> None:
        """Remember how the last event went, and count it."""
        self.stage.meter.handled(outcome, event)
        self.last_route = None if outcome.route is None else outcome.route.route_key
        self.last_status = outcome.status_text
        self.last_status_at = int(time() * 1000)
        if outcome.fault is not None:
            self.errors += 1
            self.last_error = outcome.error_text

    def ping(self) -> None:
        """The client sent a ping: it may count as activity, and it counts as a message against a flood."""
        if self.stage.snapshot.limits.ping_resets_idle:
            self.lifetime.touch()
        self.pong()

    def pong(self) -> None:
        """The client sent a pong that answers no ping (RFC 6455 section 5.5.3): it counts as a message."""
        if self._exceeds(self._message_bucket, 1):
            self.close(RATE_EXCEEDED)

    def notify_slot_free(self) -> None:
        """Wake those who wait for a slot."""
        if self._slot_free is not None:
            slot_free, self._slot_free = self._slot_free, None
            slot_free.set_result(None)

    async def _next_free_slot(self) -> None:
        self._slot_free = self._slot_free or asyncio.get_running_loop().create_future()
        await asyncio.shield(self._slot_free)

    def _exceeds(self, bucket: TokenBucket | None, tokens: float) -> bool:
        return bucket is not None and not bucket.take(asyncio.get_running_loop().time(), tokens)

    # the end

    def close(self, close: Close) -> None:
        """Close with a code and a reason. The first to close decides both; from here on the connection is gone."""
        if self.end(close):
            self._work.start(self._send_close(close))

    def end(self, close: Close, by_client: bool = False) -> bool:
        """Take note of the end, whoever caused it; False if it had ended already."""
        if self.closing is not None:
            return False
        self.closing = close
        self.lifetime.stop()
        self._connections.forget(self, by_client)
        self._account.forget(self)
        self.notify_slot_free()
        return True

    async def retire(self) -> None:
        """Close because the gateway goes away, after the messages in flight have been answered; no more are begun."""
        self.retiring = True
        while self.in_flight and self.closing is None:
            await self._next_free_slot()
        self.close(GOING_AWAY)

    def shed(self) -> None:
        """Close because memory is short: drop the send buffer instead of waiting for the client to read it."""
        if self._writing is not None:
            self._writing.cancel()
            self._empty_outbox()  # a task that is cancelled before its first step cleans nothing up
        self.close(OVERLOADED)

    async def _send_close(self, close: Close) -> None:
        """Send the close frame behind everything that was accepted before it, if the client reads that in time."""
        if self._writing is not None and close not in (SLOW_CLIENT, OVERLOADED):
            timeout = self.stage.snapshot.limits.slow_client_timeout or CLOSE_TIMEOUT_SECONDS
            await asyncio.wait([self._writing], timeout=timeout)
        with suppress(OSError):
            await self._send({"type": "websocket.close", "code": close[0], "reason": close[1]})

    def _expire(self) -> None:
        self.close(GOING_AWAY)


class _Hookless:
    """The hooks of a server that has none: everything goes through ASGI's events."""

    __slots__ = ("ping", "pong", "take_text")

    ping: Callable[[], None]
    pong: Callable[[], None]
    take_text: Callable[[str], bool]

    def buffered(self) -> int:
        return 0

    def send_now(self, frame: Frame) -> bool:
        return False


class Connections:
    """The table of live connections."""

    def __init__(self, work: Work, recorder: Recorder, memory: MemoryBudget | None = None) -> None:
        self.work = work
        self.recorder = recorder
        self.memory = memory or MemoryBudget(UNLIMITED)
        self._by_id: dict[str, LiveConnection] = {}
        self._per_stage: Counter[StageKey] = Counter()
        self._per_address: Counter[str] = Counter()
        self._opening_per_api: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[LiveConnection]:
        # A copy, which other threads may take too: making it gives the loop no turn.
        return iter(list(self._by_id.values()))

    def deliver(self, connection_id: str, frame: Frame, source: str = "backend") -> Delivery:
        """Deliver a frame to a connection: accepted, gone or busy. Every push goes through here."""
        connection = self._by_id.get(connection_id)
        if connection is None:
            return Delivery.GONE
        delivery = connection.deliver(frame)
        if delivery is Delivery.ACCEPTED:
            connection.last_active_at = int(time() * 1000)
            connection.stage.meter.pushes += 1
        self.recorder.pushed(connection.stage.snapshot, connection.info, frame, delivery, source)
        return delivery

    def find(self, connection_id: str) -> LiveConnection | None:
        return self._by_id.get(connection_id)

    def add(self, connection: LiveConnection) -> None:
        """From here on the connection can be delivered to."""
        self._by_id[connection.info.connection_id] = connection
        connection.stage.meter.connect_count += 1
        self._per_stage[connection.stage.key] += 1
        self._per_address[connection.info.source_ip] += 1
        connection.lifetime.start()

    def forget(self, connection: LiveConnection, by_client: bool) -> None:
        """From here on the connection is gone."""
        if self._by_id.pop(connection.info.connection_id, None) is not None:
            connection.stage.meter.disconnect_count += 1
            assert connection.closing is not None
            self.recorder.closed(connection.stage.snapshot, connection.info, *connection.closing, by_client)
            _count_down(self._per_stage, connection.stage.key)
            _count_down(self._per_address, connection.info.source_ip)

    @contextmanager
    def opening(self, key: StageKey, address: str) -> Iterator[None]:
        """Count a connection that is still in its handshake: a slow backend must not let more in than may be."""
        self._per_stage[key] += 1
        self._per_address[address] += 1
        self._opening_per_api[key.api_id] += 1
        try:
            yield
        finally:
            _count_down(self._per_stage, key)
            _count_down(self._per_address, address)
            _count_down(self._opening_per_api, key.api_id)

    def may_open(self, api_id: str, limit: int) -> bool:
        """Whether one more handshake of the API may be under way, where `limit` of all APIs may be.

        An API within its fair share may always: another's slow `$connect` backend does not keep its clients out.
        """
        of_api, active = self._opening_per_api, len(self._opening_per_api)
        return of_api.total() < limit or of_api[api_id] < limit // (active + (api_id not in of_api))

    def of_stage(self, key: StageKey) -> int:
        """Connections of a stage, opening or open."""
        return self._per_stage[key]

    def of_address(self, address: str) -> int:
        """Connections from an address, opening or open."""
        return self._per_address[address]


def _bucket(rate: float, present: TokenBucket | None) -> TokenBucket | None:
    """The bucket for a rate: the present one as long as that is its rate."""
    if present is not None and present.rate == rate:
        return present
    return TokenBucket(rate, 2 * rate, asyncio.get_running_loop().time()) if rate else None


def _event(frame: Frame) -> dict[str, Any]:
    """The frame as ASGI's event."""
    return {"type": "websocket.send", "text" if type(frame) is str else "bytes": frame}


def _size(frame: Frame) -> int:
    return len(frame.encode()) if type(frame) is str and not frame.isascii() else len(frame)


def _count_down(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
