"""Live connections as values: their state at this moment, their handshakes, and which ones are meant."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gatewayapp.core.backend_use import BackendUse
from gatewayapp.core.destinations import Destination
from gatewayapp.core.limits import StageLimits
from gatewayapp.core.messages import ConnectionInfo, Headers
from gatewayapp.core.snapshot import StageSnapshot
from gatewayapp.core.traces import Trace
from gatewayapp.live.metrics import Metrics, StageRates, StageRouteMetrics
from gatewayapp.live.traces import Original, Subscription, TraceFilter, TracePage


class Delivery(enum.Enum):
    """What became of a frame that was to be delivered, or of a close."""

    ACCEPTED = "accepted"
    """It is in the connection's send buffer."""
    GONE = "gone"
    """There is no such connection, or not any more."""
    BUSY = "busy"
    """The send buffer is full: the client does not read."""
    TOO_LARGE = "tooLarge"
    """The frame is larger than a message of the stage may be."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """A connection at this moment; times in epoch milliseconds."""

    last_active_at: int
    """The last message of the client, or the last push to it: what `@connections` answers."""
    idle_since: int
    """The last data in either direction: what the idle timeout counts from."""
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    in_flight: int
    waiting: int
    """Bytes of its send buffer that the client has not read."""
    slow: bool
    """Frames wait for the client to read, or over half of its send buffer is taken."""
    errors: int
    """Messages that ended with an error, or that an integration answered with 4xx or 5xx."""
    last_route: str | None
    last_status: str | None
    """The status that the last message's integration answered with, or the error's name."""
    last_status_at: int | None
    last_error: str | None
    idle_deadline: int | None
    """When it is closed for being idle, unless data comes; None: never."""
    ends_at: int | None
    """When it is closed whatever the traffic; None: never."""
    limits: StageLimits
    """The limits of its stage that are in force."""


@dataclass(frozen=True, slots=True)
class HandshakeFacts:
    """How a client came in, as far as may be shown: without credentials, and bounded."""

    path: str
    query_string: str
    header_lines: str
    """One `Name: value` on each line; one text costs a fifth of the memory that so many would."""
    subprotocol: str | None
    secure: bool
    truncated: bool
    """Whether something was cut or left out for its length."""

    @property
    def headers(self) -> Headers:
        pairs = (line.partition(": ") for line in self.header_lines.split("\n"))
        return tuple((name, value) for name, _, value in pairs)

    @property
    def origin(self) -> str | None:
        return next((value for name, value in self.headers if name.lower() == "origin"), None)


@dataclass(frozen=True, slots=True)
class ConnectionFilter:
    """Which connections are meant: those that all given conditions hold for. Ages and idle times in seconds."""

    api_id: str = ""
    stage: str = ""
    source_ip: str = ""
    """An address, or a network in CIDR notation."""
    connection_ids: tuple[str, ...] = ()
    """Any of these."""
    connection_id_prefix: str = ""
    principal_id: str = ""
    principal_id_prefix: str = ""
    user_agent: str = ""
    """A part of it, in any case."""
    min_age: float | None = None
    max_age: float | None = None
    min_idle: float | None = None
    max_idle: float | None = None
    has_errors: bool | None = None
    slow_consumer: bool | None = None

    @property
    def asks_memory(self) -> bool:
        """Whether only the gateway that holds the connections can tell."""
        return any(
            condition is not None for condition in (self.min_idle, self.max_idle, self.has_errors, self.slow_consumer)
        )


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a message that was sent to be tried.

    `status` is the integration's, `frame` what the client would get, `error` what went wrong: as they are, for judging
    them. What may be shown is in the trace.
    """

    trace: Trace
    status: int | None
    frame: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """What the gateway holds for clients, and what it does about it; sizes in bytes, see `docs/overload.md`."""

    held: int
    budget: int
    paused: int
    """Connections that wait until they may hold more."""
    closed: int
    """Connections that were closed for want of memory since the start."""


class LiveConnections(Protocol):
    """What a gateway does for others; ids that it does not hold are gone.

    Reads may be called from any thread and from the gateway's event loop: they look at what is there and wait for
    nothing. `deliver` and `close` wait for the loop, so they are for other threads, as is `reach`; on the loop there
    are `adeliver` and `aclose`.
    """

    @property
    def draining(self) -> bool:
        """Whether the gateway is going away and lets nobody in any more."""

    def deliver(self, connection_ids: Sequence[str], frame: str | bytes) -> list[Delivery]:
        """Send a text or binary frame to each of the connections; the results are in their order."""

    async def adeliver(self, connection_ids: Sequence[str], frame: str | bytes) -> list[Delivery]:
        """The same, on the event loop."""

    def close(self, connection_ids: Sequence[str], code: int, reason: str) -> list[Delivery]:
        """Close each of the connections."""

    async def aclose(self, connection_ids: Sequence[str], code: int, reason: str) -> list[Delivery]:
        """The same, on the event loop."""

    def state(self, connection_id: str) -> LiveState | None: ...

    def states(self, connection_ids: Sequence[str]) -> Mapping[str, LiveState]:
        """The states of those that are there."""

    def handshake(self, connection_id: str) -> HandshakeFacts | None: ...

    def select(self, where: ConnectionFilter, api_ids: frozenset[str] | None) -> list[tuple[int, str]]:
        """When they connected, and their ids: of all connections of the APIs `api_ids` (None: of all) that match.

        Raises ValueError where `source_ip` is neither an address nor a network.
        """

    def count(self) -> int: ...

    def memory(self) -> MemoryUse: ...

    def metrics(self, api_ids: frozenset[str] | None, range_name: str, stage: str = "") -> Metrics:
        """The samples of a range (`5m`, `1h`, `24h`) of all stages in use of those APIs (None: of all).

        A name of a `stage` leaves the others out.
        """

    def route_metrics(self, api_id: str, stage: str, range_name: str) -> StageRouteMetrics:
        """The samples of each route that was in use."""

    def watch(self, where: TraceFilter) -> Subscription:
        """Record what `where` means, and hear of it until the subscription is closed; on the event loop only.

        Raises ValueError where its `path` is none.
        """

    def lease(self, where: TraceFilter) -> None:
        """Record what `where` means for the next minute: for those who read `traces` again and again."""

    def traces(self, where: TraceFilter, before: int | None, size: int, with_steps: bool = False) -> TracePage:
        """A page of the traces that are kept. Raises ValueError where the filter's `path` is none."""

    def trace(self, trace_id: str) -> Trace | None:
        """A trace with its steps, as long as it is kept."""

    def original(self, trace_id: str) -> Original | None:
        """What the client of a traced message sent; None where there is no such message (any more)."""

    def inject(self, connection_id: str, text: str) -> str | Delivery:
        """Handle a message as if that client had sent it: the id of its trace to come, or why it was not taken."""

    async def ainject(self, connection_id: str, text: str) -> str | Delivery:
        """The same, on the event loop."""

    def try_message(self, stage: StageSnapshot, text: str, connection: ConnectionInfo) -> Tried:
        """Send a message truly through a stage, deployed or not, the call of its integration included.

        Nothing is delivered to any client, and nothing counted; `connection` says who it seems to come from.
        """

    async def atry_message(self, stage: StageSnapshot, text: str, connection: ConnectionInfo) -> Tried:
        """The same, on the event loop."""

    def backends(self, api_ids: frozenset[str] | None) -> list[BackendUse]:
        """How busy the connections of those APIs (None: of all) to each of their backends are at this moment."""

    def route_rates(self, api_id: str, stage: str) -> StageRates:
        """What goes through each deployed route and integration now, for a picture of the stage."""

    def reach(self, destinations: Sequence[Destination]) -> list[str]:
        """Why a call there would find nobody, empty where it would; takes seconds, sends no request."""
