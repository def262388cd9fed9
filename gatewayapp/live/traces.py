"""Watching traffic: which traces are meant, pages of those that are kept, and subscriptions to those to come.

Traces are recorded only while somebody watches: a subscription, someone who reads them again and again, or a stage
whose default route settings have `dataTraceEnabled`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from gatewayapp.core.traces import Trace


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Which traces are meant: those that all given conditions hold for."""

    api_ids: frozenset[str] | None = None
    """Of these APIs only, those that someone may see; None: of all."""
    api_id: str = ""
    stage: str = ""
    connection_id: str = ""
    route_key: str = ""
    kind: str = ""
    status: str = ""
    """A status of an integration, or the name of an error."""
    has_errors: bool | None = None
    text: str = ""
    """A part of what was received or sent, as it is shown, in any case."""
    path: str = ""
    """Where in the received JSON `equals` must stand, as `message.room` or `items[0].id`."""
    equals: str = ""


@dataclass(frozen=True, slots=True)
class TracePage:
    """Traces without their steps, the newest first; `next_before` is the number that the next page ends before."""

    traces: list[Trace]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What came together since the last batch, oldest first, and how many were left out meanwhile."""

    traces: list[Trace]
    dropped: int


class Subscription(Protocol):
    """Traces as they come, in batches, for the gateway's event loop; watching ends with `close`.

    `async for batch in subscription` waits until there is something, and a moment more for what follows; after 15 s
    without anything it gives an empty batch, and it ends when the gateway drains. A reader that
    is slow finds the newest traces, and how many it missed.
    """

    def __aiter__(self) -> AsyncIterator[Batch]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Original:
    """What a client sent, for doing it again, not for showing; `text` is None where it was too long to be kept."""

    api_id: str
    stage: str
    connection_id: str
    text: str | None
